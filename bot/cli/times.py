"""Times as options have them."""

from datetime import UTC, datetime

from bot.cli.errors import CommandFailed
from bot.text.durations import WrongDuration, parse_duration


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
