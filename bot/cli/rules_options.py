"""The options and arguments that commands about rules share, read."""

from pathlib import Path
from typing import Final

import rich_click as click

from bot.cli.errors import CommandFailed
from bot.rulebook.book import Book
from bot.rulebook.files.loader import load_folder, read_files
from bot.rulebook.mends.explanation import explained
from bot.settings import load, read_environment

#: The folder or file that was named is not there.
NO_FOLDER: Final = "E109"


def usual_path() -> Path:
    """The folder that BOT_RULES names; raises `CommandFailed` when the rules live in the database."""
    settings = load(read_environment())
    if settings.has_stored_rules:
        raise CommandFailed(
            "BOT_RULES=database: says that the rules are in the database; name a folder of rule files, such as one"
            " that `bot rules pull DIR` has written."
        )
    return settings.rules


def require_rules(path: Path) -> None:
    """Raise `CommandFailed` where there is no such folder or file: nothing was looked at, so the answer is not "no"."""
    for finding in read_files(path).findings:
        if finding.code == NO_FOLDER:
            raise CommandFailed(str(finding))


def read_book(path: Path) -> Book:
    """The book of a folder; raises `CommandFailed` when there is none."""
    require_rules(path)
    loaded = explained(load_folder(path))
    if loaded.book is None:
        for finding in loaded.findings:
            click.echo(str(finding), err=True)
        raise CommandFailed(f"The rules in {path} have errors; mend them first.")
    return loaded.book
