"""Times in bodies and queries: in UTC before a handler sees them; 400 with a sentence for what can't be."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from litestar.exceptions import ClientException
from litestar.params import QueryParameter
from msgspec import Struct
from msgspec.structs import fields, force_setattr

from bot.text.moments import WrongTime, check_ahead, in_utc, read_moment

#: By how much the clock of whoever asks may be behind.
_CLOCKS_DIFFER: Final = timedelta(minutes=1)
_DESCRIPTION: Final = "RFC 3339, as 2026-11-23T18:30:00Z; without an offset it is in UTC."

#: A time in a query, yet to be read by `query_time`.
Time = Annotated[str, QueryParameter(max_length=40, format="date-time", description=_DESCRIPTION)]
OptionalTime = Annotated[
    str | None, QueryParameter(max_length=40, format="date-time", description=_DESCRIPTION)
]


class TimedBody(Struct, frozen=True, kw_only=True):
    """A body with times in it: they are in UTC. One that can't be makes the body wrong, as any other mistake does."""

    def __post_init__(self) -> None:
        """Put the times in UTC; msgspec's error names no field, so the sentence does. Its full stop is added later."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, datetime):
                try:
                    force_setattr(self, field.name, in_utc(value))
                except WrongTime as error:
                    raise ValueError(f"{field.encode_name}: {error}".removesuffix(".")) from None


def query_time(name: str, text: str) -> datetime:
    """A time of a query, in UTC; raises `ClientException`, which is 400."""
    try:
        return read_moment(text, UTC)
    except WrongTime as error:
        raise ClientException(detail=f"{name} is no time that can be used. {error}") from None


def optional_query_time(name: str, text: str | None) -> datetime | None:
    """As above; None for none, and for an empty one."""
    return query_time(name, text) if text else None


def time_ahead(name: str, at: datetime, now: datetime) -> datetime:
    """A time of a body for which something is planned; raises `ClientException` where it is over or too far ahead.

    A program whose clock is a little behind means now.
    """
    try:
        if not now - _CLOCKS_DIFFER < at <= now:
            check_ahead(at, now)
    except WrongTime as error:
        raise ClientException(detail=f"{name}: {error}") from None
    return at
