"""Times as options have them."""

from datetime import UTC, datetime

from bot.cli.errors import CommandFailed
from bot.text.durations import WrongDuration, parse_duration
from bot.text.moments import BOUNDS, NoZone, WrongTime, in_utc


def read_time(text: str, option: str = "--at") -> datetime:
    """A time with its zone, as it is written; raises `CommandFailed`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    try:
        if at is not None:
            in_utc(at)
            return at
    except NoZone:
        pass
    except WrongTime:
        raise CommandFailed(
            f'{option}: "{text}" is out of range: a time lies in the years {BOUNDS}.'
        ) from None
    sentence = "is not a time with a zone; write it as 2026-11-23T18:30+01:00 or 2026-11-23T17:30Z."
    raise CommandFailed(f'{option}: "{text}" {sentence}')


def read_since(text: str) -> datetime:
    """A time, or how long ago; raises `CommandFailed`."""
    try:
        return datetime.now(UTC) - parse_duration(text)
    except WrongDuration as error:
        if text.strip()[-1:].lower() in tuple("smhd"):  # no time ends so
            raise CommandFailed(f"--since: {error}") from None
        return read_time(text, "--since")
