"""The options and arguments that commands about rules share, read."""

from pathlib import Path

import rich_click as click

from bot.cli.errors import CommandFailed
from bot.rulebook.book import Book
from bot.rulebook.files.loader import load_folder
from bot.rulebook.mends.explanation import explained
from bot.settings import load, read_environment


def usual_path() -> Path:
    """The folder that BOT_RULES names; raises `CommandFailed` when the rules live in the database."""
    settings = load(read_environment())
    if settings.has_stored_rules:
        raise CommandFailed(
            "BOT_RULES=database: says that the rules are in the database; name a folder of rule files, such as one"
            " that `bot rules pull DIR` has written."
        )
    return settings.rules


def read_book(path: Path) -> Book:
    """The book of a folder; raises `CommandFailed` when there is none."""
    loaded = explained(load_folder(path))
    if loaded.book is None:
        for finding in loaded.findings:
            click.echo(str(finding), err=True)
        raise CommandFailed(f"The rules in {path} have errors; mend them first.")
    return loaded.book
