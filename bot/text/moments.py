"""Times as people and programs write them, in RFC 3339: the one reader for bodies, queries, forms and options.

A time that has no counterpart in UTC, or so near to an end of the calendar that a sum with it has none, is refused
here, in words: what comes later adds days and years to it without looking.
"""

from datetime import MAXYEAR, UTC, datetime, timedelta, tzinfo
from typing import Final

#: SMS is younger; a program that means "since ever" can say so.
EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
#: Of each talk, wait and test the longest is shorter than the thousand years that the calendar has left.
LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC)
#: Where it must lie, for sentences.
BOUNDS: Final = f"from {EARLIEST.year} to {LATEST.year - 1}"

#: Nobody plans further ahead.
LONGEST_WAIT: Final = timedelta(days=366)
#: How many years from an end of the calendar a sum could leave it; and after how many it is the same again.
_NEAR, _ROUND = 1_000, 5 * 400


class WrongTime(ValueError):
    """The text or the value is not a time that the bot can use; `str` of it is a mend, without a subject."""


class NoZone(WrongTime):
    """The time could be any of 38: it lacks its offset from UTC."""


def in_utc(at: datetime) -> datetime:
    """The same moment in UTC; raises `NoZone` or, outside of `BOUNDS`, `WrongTime`."""
    if at.tzinfo is None:
        raise NoZone("A time has its offset from UTC, such as 2026-11-26T15:00:00Z.")
    # In the calendar's first and last year an offset may lead out of it.
    if 1 < at.year < 9999 and EARLIEST <= (moment := at.astimezone(UTC)) < LATEST:
        return moment
    raise WrongTime(f"A time lies in the years {BOUNDS}, in UTC.")


def check_ahead(at: datetime, now: datetime) -> None:
    """Raise `WrongTime` unless something can be planned for then: it is yet to come, within a year."""
    if at <= now:
        raise WrongTime("That time is over: choose a later one.")
    if at - now > LONGEST_WAIT:
        raise WrongTime("That is more than a year ahead: choose a time before that.")


def well_inside(at: datetime) -> datetime:
    """A moment of any year in UTC, for what is only tried: near an end of the calendar the same day of another year.

    As weekdays and leap years are the same again there, the day is what it was but for its year, and no offset, wait or
    day ahead leads out of the calendar.
    """
    if at.year <= _NEAR:
        at = at.replace(year=at.year + _ROUND)
    elif at.year > MAXYEAR - _NEAR:
        at = at.replace(year=at.year - _ROUND)
    return at.astimezone(UTC)


def read_moment(text: str, zone: tzinfo | None = None) -> datetime:
    """The moment that a text names, in UTC; without an offset of its own it is in `zone`.

    A `+` that an address's query has turned into a space is read as what it was. Raises `WrongTime`, or `NoZone` where
    neither the text nor the caller has one.
    """
    head, gap, offset = text.strip().rpartition(" ")
    try:
        at = datetime.fromisoformat(f"{head}+{offset}" if gap and "T" in head else text.strip())
    except ValueError:
        raise WrongTime("Write a time as 2026-11-23T18:30:00Z or 2026-11-23T18:30:00+01:00.") from None
    return in_utc(at if at.tzinfo is not None or zone is None else at.replace(tzinfo=zone))
