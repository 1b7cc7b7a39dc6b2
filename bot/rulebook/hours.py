"""Opening hours and dates as people write them: `Mon-Fri 9-12, 13-18; Sat 10:00-14:00`, `12-24..12-26`.

They are compared with the clock on the wall of the file's time zone, so daylight saving needs no thought.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from functools import lru_cache

import msgspec

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = (
    r"(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?"
    r"|fri(?:day)?|sat(?:urday)?|sun(?:day)?)"
)
_CLOCK = r"\d{1,2}(?:[:.]\d{2})?\s*(?:am|pm)?"
_TO = r"\s*(?:-|–|\bto\b)\s*"
_TOKEN = re.compile(
    rf"\s*(?:(?P<days>{_DAY}\b(?:{_TO}{_DAY}\b)?|daily)|(?P<times>{_CLOCK}{_TO}{_CLOCK}))\s*[,;]?",
    re.IGNORECASE,
)
_CLOCK_PARTS = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*(am|pm)?", re.IGNORECASE)
_SPLIT_TO = re.compile(_TO, re.IGNORECASE)
_A_DAY = 24 * 60
_WEEK = 7 * _A_DAY
#: From here on a time shows that its author counts 24 hours.
_NOON_HOUR_ENDS = 13 * 60

_DATE = re.compile(r"(?:(\d{4})-)?(\d{1,2})-(\d{1,2})")
_SPLIT_DATES = re.compile(r"\s*(?:\.\.|\bto\b|–)\s*")
#: A leap year, so that 02-29 is a day of a year without a number.
_SOME_YEAR = 2024


class WrongHours(ValueError):
    """The text is no opening hours, or no date; the message is the mend."""


class Hours(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Blocks of a week."""

    text: str
    #: Minutes since Monday 00:00, from and to; the end is no part of the block.
    blocks: tuple[tuple[int, int], ...]
    #: Times whose end may be meant for the afternoon, as written, each with what is meant then: `9-5`, `9-17`.
    doubts: tuple[tuple[str, str], ...] = ()
    #: Times of which only the end has pm, and whose start may be meant for the afternoon, too: `1-5pm`, `1pm-5pm`.
    early: tuple[tuple[str, str], ...] = ()

    def hold(self, at: datetime) -> bool:
        """Whether a local time lies in them."""
        minute = at.weekday() * _A_DAY + at.hour * 60 + at.minute
        return any(start <= minute < end or start <= minute + _WEEK < end for start, end in self.blocks)


class Dates(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A day or a span of days, the last one included; of one year, or of every year."""

    text: str
    first: date
    last: date
    yearly: bool

    def hold(self, at: datetime) -> bool:
        """Whether a local time lies in them."""
        return self.hold_day(at.date())

    def hold_day(self, day: date) -> bool:
        """Whether a day is one of them."""
        if not self.yearly:
            return self.first <= day <= self.last
        day = day.replace(year=_SOME_YEAR)
        if self.first <= self.last:
            return self.first <= day <= self.last
        return day >= self.first or day <= self.last


@lru_cache(maxsize=1_000)
def read_hours(text: str) -> Hours:
    """Read opening hours; raises WrongHours."""
    days: list[int] = []
    blocks: list[tuple[int, int]] = []
    doubts: list[tuple[str, str]] = []
    early: list[tuple[str, str]] = []
    times = 0  # of the days read last
    at = 0
    stripped = text.strip()
    while at < len(stripped):
        found = _TOKEN.match(stripped, at)
        if not found:
            raise WrongHours(
                'write days and times, such as "Mon-Fri 09:00-12:00, 13:00-18:00; Sat 10:00-14:00"'
            )
        at = found.end()
        if found["days"]:
            if times:
                days, times = [], 0
            days += _read_days(found["days"])
        else:
            times += 1
            start, end = _read_times(found["times"])
            if meant := _afternoon(found["times"], start, end):
                doubts.append((found["times"].strip(), meant))
            if meant := _also_pm(found["times"]):
                early.append((found["times"].strip(), meant))
            blocks += [(day * _A_DAY + start, day * _A_DAY + end) for day in (days or range(7))]
    if days and not times:
        blocks += [(day * _A_DAY, (day + 1) * _A_DAY) for day in days]
    if not blocks:
        raise WrongHours("it names no time")
    return Hours(
        text=text,
        blocks=tuple(blocks),
        doubts=tuple(dict.fromkeys(doubts)),
        early=tuple(dict.fromkeys(early)),
    )


def read_dates(text: str) -> Dates:
    """Read a date or a span of dates; raises WrongHours."""
    ends = _SPLIT_DATES.split(text.strip())
    found = [_DATE.fullmatch(end) for end in ends]
    mend = "write 2026-12-24, 12-24 for every year, or a span such as 2026-12-24..2026-12-26"
    if not 1 <= len(found) <= 2 or None in found:
        raise WrongHours(mend)
    try:
        days = [
            (date(int(each[1] or _SOME_YEAR), int(each[2]), int(each[3])), each[1] is None)
            for each in found
            if each
        ]
    except ValueError:
        raise WrongHours("there is no such day") from None
    (first, yearly), (last, also_yearly) = days[0], days[-1]
    if yearly != also_yearly:
        raise WrongHours("give both ends of a span a year, or neither")
    if first > last and not yearly:
        raise WrongHours("the span ends before it begins")
    return Dates(text=text, first=first, last=last, yearly=yearly)


def _read_days(text: str) -> Iterator[int]:
    if text.lower() == "daily":
        yield from range(7)
        return
    ends = [_DAYS.index(name[:3].lower()) for name in _SPLIT_TO.split(text)]
    first, last = ends[0], ends[-1]
    for step in range((last - first) % 7 + 1):
        yield (first + step) % 7


def _read_times(text: str) -> tuple[int, int]:
    """Minutes of the day; an end not after its start is on the next day."""
    start, end = (_read_clock(each) for each in _SPLIT_TO.split(text))
    if start == _A_DAY:
        raise WrongHours("24:00 is an end, not a start")
    if start == end:
        raise WrongHours(f"{text.strip()} has no length; leave the times out for the whole day")
    return start, end if end > start else end + _A_DAY


def _afternoon(text: str, start: int, end: int) -> str | None:
    """What `9-5` may mean: times whose end is on the next day, and after noon of the same day if it is meant so.

    With am or pm at the end, or a time that no clock of twelve hours shows, what is written is meant.
    """
    written = _SPLIT_TO.split(text)[1].strip().lower()
    end -= _A_DAY
    hour, minute = divmod(end, 60)
    if (
        start >= _NOON_HOUR_ENDS
        or not 1 <= hour <= 12
        or written.endswith("m")
        or end % (_A_DAY // 2) + _A_DAY // 2 <= start
    ):
        return None
    first, last = divmod(start, 60), (hour % 12 + 12, minute)
    plain = not first[1] and not last[1] and ":" not in text and "." not in text
    ends = [f"{each[0]}" if plain else f"{each[0]:02}:{each[1]:02}" for each in (first, last)]
    return "-".join(ends)


def _also_pm(text: str) -> str | None:
    """What `1-5pm` may mean: times of which only the end has pm, while the start could have it as well.

    `9-5pm` begins in the morning, as nine in the evening comes after five; and `09-10pm` is of a clock of 24 hours.
    """
    first, last = (_CLOCK_PARTS.fullmatch(each.strip()) for each in _SPLIT_TO.split(text))
    if not first or not last or first[3] or (last[3] or "").lower() != "pm" or first[1].startswith("0"):
        return None
    start, end = ((int(each[1]), int(each[2] or 0)) for each in (first, last))
    if not 1 <= start[0] <= end[0] <= 11 or start >= end:
        return None
    return f"{first[0]}pm{text.strip()[len(first[0]) :]}"


def _read_clock(text: str) -> int:
    found = _CLOCK_PARTS.fullmatch(text.strip())
    if not found:
        raise WrongHours(f"{text.strip()} is no time of day")
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise WrongHours(f"{text.strip()} is no time of day")
        hour = hour % 12 + (12 if half == "pm" else 0)
    if minute > 59 or hour * 60 + minute > _A_DAY:
        raise WrongHours(f"{text.strip()} is no time of day")
    return hour * 60 + minute
