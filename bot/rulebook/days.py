"""Days as people text them: `24 Dec`, `tomorrow`, `friday`, `2026-12-24`, `24.12.`."""

import re
from datetime import date, timedelta
from typing import Literal

#: Which of the numbers in `3/4` is the month: a matter of the author's country.
Order = Literal["dmy", "mdy"]

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAY = (
    r"(?P<weekday>mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?"
    r"|fri(?:day)?|sat(?:urday)?|sun(?:day)?)"
)
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(?P<year>\d{4}))?"

_NEAR = re.compile(rf"\b(?:(?P<today>today)|(?P<tomorrow>tomorrow|tmrw)|{_WEEKDAY})\b")
_NAMED = (
    re.compile(rf"\b{_DAY}\s+(?:of\s+)?{_MONTH}\b\.?{_YEAR}"),
    re.compile(rf"\b{_MONTH}\b\.?\s+{_DAY}\b{_YEAR}"),
)
_ISO = re.compile(r"\b(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})\b")
_DOTTED = re.compile(r"\b(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.(?:\s?(?P<year>\d{4}))?")
_SLASHED = re.compile(r"\b(?P<first>\d{1,2})[/-](?P<second>\d{1,2})(?:[/-](?P<year>\d{4}))?\b")


def read_day(text: str, today: date, order: Order | None = None) -> date | None:
    """The day that a text names; without a year, the next such day. None when it names none.

    `3/4` is a day only when `order` says which number is the month, or when the numbers leave no doubt.
    """
    text = text.lower()
    if found := _ISO.search(text) or _DOTTED.search(text):
        return _day(found["year"], int(found["month"]), int(found["day"]), today)
    for form in _NAMED:
        if found := form.search(text):
            month = _MONTHS.index(found["month"][:3]) + 1
            return _day(found["year"], month, int(found["day"]), today)
    if found := _SLASHED.search(text):
        return _slashed(found, today, order)
    if found := _NEAR.search(text):
        if found["weekday"]:
            ahead = (_WEEKDAYS.index(found["weekday"][:3]) - today.weekday()) % 7
            return today + timedelta(days=ahead)
        return today + timedelta(days=1 if found["tomorrow"] else 0)
    return None


def _slashed(found: re.Match[str], today: date, order: Order | None) -> date | None:
    first, second = int(found["first"]), int(found["second"])
    if first == second or order == "dmy" or (order is None and first > 12):
        return _day(found["year"], second, first, today)
    if order == "mdy" or second > 12:
        return _day(found["year"], first, second, today)
    return None


def _day(year: str | None, month: int, day: int, today: date) -> date | None:
    """A day of a year, or the next one of that month and day: 29 February may be up to eight years away."""
    for candidate in (int(year),) if year else range(today.year, min(today.year + 9, 10_000)):
        try:
            found = date(candidate, month, day)
        except ValueError:
            continue
        if year or found >= today:
            return found
    return None
