"""Days as people type and read them, and as rule files have them: `24-26 December` is `12-24..12-26`."""

import re
from typing import Final

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH: Final = r"(?P<{0}>[a-z]{{3,9}})\.?"
_DAY: Final = r"(?P<{0}>\d{{1,2}})(?:st|nd|rd|th|\.)?"
_TO: Final = r"\s*(?:-|–|\.\.|to|until|till)\s*"
_YEAR: Final = r"(?:,?\s+(?P<year>\d{4}))?"
#: `24-26 December 2026`, `24 Dec to 2 Jan`, `24 December`.
_DAY_FIRST: Final = re.compile(
    rf"{_DAY.format('first')}(?:\s*{_MONTH.format('month')})?(?:{_TO}{_DAY.format('last')})?"
    rf"(?:\s*(?:of\s+)?{_MONTH.format('last_month')})?{_YEAR}",
    re.IGNORECASE,
)
#: `December 24-26, 2026`, `Dec 24 to Jan 2`, `December 24`.
_MONTH_FIRST: Final = re.compile(
    rf"{_MONTH.format('month')}\s+{_DAY.format('first')}(?:{_TO}(?:{_MONTH.format('last_month')}\s+)?{_DAY.format('last')})?"
    rf"{_YEAR}",
    re.IGNORECASE,
)
#: `12-24`, `2026-12-24..2026-12-26`.
_WRITTEN: Final = re.compile(
    r"(?:(?P<year>\d{4})-)?(?P<month>\d\d)-(?P<day>\d\d)"
    r"(?:\.\.(?:(?P<last_year>\d{4})-)?(?P<last_month>\d\d)-(?P<last_day>\d\d))?"
)
_NAMES: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def days_said(written: str) -> str:
    """`24-26 December` for `12-24..12-26`; what is no day stays, and so does a span from year to year."""
    found = _WRITTEN.fullmatch(written.strip())
    if found is None or found["year"] != (found["last_year"] if found["last_day"] else found["year"]):
        return written
    months = [int(found[each] or 1) - 1 for each in ("month", "last_month")]
    if not all(0 <= each < len(_NAMES) for each in months):
        return written
    year = f" {found['year']}" if found["year"] else ""
    day, month = int(found["day"]), _NAMES[months[0]]
    if not found["last_day"]:
        return f"{day} {month}{year}"
    last, last_month = int(found["last_day"]), _NAMES[months[1]]
    begin = f"{day}-" if month == last_month else f"{day} {month} to "
    return f"{begin}{last} {last_month}{year}"


def days_meant(typed: str) -> str:
    """A day or a span of days with the month's name, by numbers; everything else as it was typed."""
    text = typed.strip()
    found = _DAY_FIRST.fullmatch(text) or _MONTH_FIRST.fullmatch(text)
    if found is None:
        return typed
    month, last_month = _number(found["month"]), _number(found["last_month"])
    first, last = int(found["first"]), int(found["last"] or 0)
    if month is None and last_month is None:
        return typed
    if (found["month"] and month is None) or (found["last_month"] and last_month is None):
        return typed
    year, later = found["year"], found["year"]
    begin, end = month or last_month or 0, last_month or month or 0
    if year and (end, last) < (begin, first) and last:
        later = str(int(year) + 1)
    start = _written(year, begin, first)
    return start if not last else f"{start}..{_written(later, end, last)}"


def _number(name: str | None) -> int | None:
    known = (name or "")[:3].lower()
    return _MONTHS.index(known) + 1 if known in _MONTHS else None


def _written(year: str | None, month: int, day: int) -> str:
    return f"{year}-{month:02}-{day:02}" if year else f"{month:02}-{day:02}"
