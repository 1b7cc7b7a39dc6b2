"""The options and arguments that commands about rules share, read."""

from datetime import UTC, datetime
from pathlib import Path

import rich_click as click

from bot.cli.errors import CommandFailed
from bot.rulebook.book import Book
from bot.rulebook.files.loader import load_folder
from bot.rulebook.mends.explanation import explained
from bot.settings import load, read_environment
from bot.text.durations import WrongDuration, parse_duration


def usual_path() -> Path:
    """The folder that BOT_RULES names."""
    return load(read_environment()).rules


def read_book(path: Path) -> Book:
    """The book of a folder; raises `CommandFailed` when there is none."""
    loaded = explained(load_folder(path))
    if loaded.book is None:
        for finding in loaded.findings:
            click.echo(str(finding), err=True)
        raise CommandFailed(f"The rules in {path} have errors; mend them first.")
    return loaded.book


def read_time(text: str, option: str = "--at") -> datetime:
    """A time with its zone; raises `CommandFailed`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        sentence = "is not a time with a zone; write it as 2026-11-23T18:30+01:00 or 2026-11-23T17:30Z."
        raise CommandFailed(f'{option}: "{text}" {sentence}')
    return at


def read_since(text: str) -> datetime:
    """A time, or how long ago; raises `CommandFailed`."""
    try:
        return datetime.now(UTC) - parse_duration(text)
    except WrongDuration:
        return read_time(text, "--since")
