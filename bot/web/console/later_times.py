"""When something is to happen later: what a person chose of a few, or typed in their own time zone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from litestar.exceptions import ClientException

from bot.text.moments import WrongTime, check_ahead, read_moment

#: When a day's work begins.
_MORNING: Final = 9


def _hours(count: int) -> Callable[[datetime], datetime]:
    """So many hours from now; on the clock of a night that puts it back, an hour more would go by."""
    return lambda here: (here.astimezone(UTC) + timedelta(hours=count)).astimezone(here.tzinfo)


def _morning_in(days: Callable[[datetime], int]) -> Callable[[datetime], datetime]:
    def at(here: datetime) -> datetime:
        day = here + timedelta(days=days(here))
        return day.replace(hour=_MORNING, minute=0, second=0, microsecond=0)

    return at


#: What a form offers: its value, the words, and the moment, told in the person's time zone.
CHOICES: Final[dict[str, tuple[str, Callable[[datetime], datetime]]]] = {
    "1h": ("In an hour", _hours(1)),
    "tomorrow": ("Tomorrow at 9:00", _morning_in(lambda _here: 1)),
    "monday": ("On Monday at 9:00", _morning_in(lambda here: 7 - here.weekday())),
}


def read_later(chosen: str, typed: str, zone: tzinfo, now: datetime) -> datetime:
    """The moment that a form names, in UTC: one of `CHOICES`, or `2026-11-26T15:00` in the person's time zone.

    Raises `ClientException` for what is no time, is over or is more than a year ahead.
    """
    here = now.astimezone(zone)
    if chosen in CHOICES:
        at = CHOICES[chosen][1](here)
    else:
        try:
            at = read_moment(typed, zone)
        except WrongTime:
            raise ClientException(detail="Say when: a day and a time, such as 2026-11-26 15:00.") from None
    at = at.astimezone(UTC)
    try:
        check_ahead(at, now)
    except WrongTime as error:
        raise ClientException(detail=str(error)) from None
    return at
