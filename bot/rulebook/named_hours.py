"""Named opening hours of a book, and the days on which they are closed or shorter."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo

import msgspec

from bot.rulebook.hours import Dates, Hours
from bot.rulebook.public_holidays import PublicHolidays
from bot.rulebook.source import SourcePlace

_A_DAY = 24 * 60
Blocks = list[tuple[int, int]]


class Closure(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Days on which all named hours of a file are closed, or others than usual."""

    #: As the author wrote it.
    text: str
    place: SourcePlace
    dates: tuple[Dates, ...] = ()
    holidays: PublicHolidays | None = None
    #: What of such a day is open, where it is not closed altogether.
    hours: Hours | None = None

    def reason(self, day: date) -> str | None:
        """The day in its author's words, or the holiday's name; None where it is no such day."""
        for each in self.dates:
            if each.hold_day(day):
                return each.text
        return self.holidays.name(day) if self.holidays else None


class NamedHours(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Opening hours that rules and templates know by a name."""

    name: str
    file: str
    place: SourcePlace
    #: As the author wrote them.
    text: str
    #: Any of them.
    hours: tuple[Hours, ...]
    zone: tzinfo
    #: Shorter days first: they count where both hold.
    closures: tuple[Closure, ...] = ()

    def is_open(self, now: datetime) -> bool:
        """Whether a moment lies in them, by the clock on their file's wall.

        What is open past midnight belongs to the day on which it opened.
        """
        local = now.astimezone(self.zone)
        minute, today = local.hour * 60 + local.minute, local.date()
        return any(start <= minute < end for start, end in self._on(today)) or any(
            start <= minute + _A_DAY < end for start, end in self._on(today - timedelta(days=1))
        )

    def said(self, now: datetime) -> str:
        """A moment with what it is to them, for an explanation: `Thu 10:00, closed for Thanksgiving Day`."""
        local = now.astimezone(self.zone)
        closure, reason = self._closure(local.date())
        if closure is None:
            return f"{local:%a %H:%M}"
        what = f"open {closure.hours.text} only, as it is" if closure.hours else "closed as it is"
        return f"{local:%a %Y-%m-%d %H:%M}, {what} {reason}"

    def _on(self, day: date) -> Blocks:
        """When it is open on a day, in minutes of it; past midnight they go on."""
        usual = list(_blocks_of(self.hours, day))
        closure, _ = self._closure(day) if usual else (None, "")
        if closure is None:
            return usual
        return list(_blocks_of((closure.hours,), day)) if closure.hours else []

    def _closure(self, day: date) -> tuple[Closure | None, str]:
        for each in self.closures:
            if reason := each.reason(day):
                return each, reason
        return None, ""


def _blocks_of(hours: tuple[Hours, ...], day: date) -> Iterator[tuple[int, int]]:
    midnight = day.weekday() * _A_DAY
    for each in hours:
        for start, end in each.blocks:
            if start // _A_DAY == day.weekday():
                yield start - midnight, end - midnight
