"""Days as people text them: `24 Dec`, `day after tomorrow`, `friday`, `2026-12-24`, `24.12.`, `24 Dec 27`.

Every day that a message names is read, and so is what stands beside it: where it names two days, a span of days, a
day that is not meant (`any day except friday`), or a weekday that the date does not have, it names none.
"""

import re
from datetime import date, timedelta
from typing import Literal

from bot.rulebook.yes_no import word_set

#: Which of the numbers in `3/4` is the month: a matter of the author's country.
Order = Literal["dmy", "mdy"]

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_A_WEEKDAY = (
    r"(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:s|nesday)?|thu(?:r(?:s(?:day)?)?)?"
    r"|fri(?:day)?|sat(?:urday)?|sun(?:day)?)"
)
_A_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_WEEKDAY = rf"(?P<weekday>{_A_WEEKDAY})"
_MONTH = rf"(?P<month>{_A_MONTH})"
_TO_TWENTY = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth"
    " sixteenth seventeenth eighteenth nineteenth twentieth"
)
_ORDINALS = {word: number for number, word in enumerate(_TO_TWENTY.split(), start=1)}
_ORDINALS |= {f"twenty{sign}{word}": 20 + _ORDINALS[word] for sign in " -" for word in _TO_TWENTY.split()[:9]}
_ORDINALS |= {"thirtieth": 30, "thirty first": 31, "thirty-first": 31}
_ORDINAL = "|".join(sorted(_ORDINALS, key=len, reverse=True))
_DAY = rf"(?P<day>\d{{1,2}}(?:st|nd|rd|th)?|(?:{_ORDINAL})\b)(?!\d)"
#: 2027, 27 or '27; no time (15:00) and no count (4 people).
_COUNTED = (
    r"(?:people|persons?|ppl|pax|of us|guests?|adults?|kids|children|pm|am|p\.m|a\.m|h|hrs?|hours?|mins?|uhr|o'?clock"
    r"|more)"
)
_YEAR = (
    r"(?:(?P<comma>,)?[\s,./-]*(?:(?P<year>\d{4})|'(?P<short>\d{2})|(?P<bare>\d{2}))"
    rf"(?![\d:]|\s*[-–/]\s*\d|\s*{_COUNTED}\b))?"
)
_GAP = r"[\s.,/-]*"
_NAMED = (
    re.compile(rf"(?<![\d.,:/-]){_DAY}{_GAP}(?:of\s+)?{_MONTH}\b\.?{_YEAR}"),
    re.compile(rf"\b{_MONTH}\b{_GAP}(?:the\s+)?{_DAY}(?!\s*[:.]\d|\s*{_COUNTED}\b){_YEAR}"),
)
_ISO = re.compile(r"(?<!\d)(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?!\d)")
_DOTTED = re.compile(
    r"(?<![\d.])(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.(?:\s?(?P<year>\d{4}|\d{2}(?![\d:.])))?"
)
_SLASHED = re.compile(
    r"(?<![\d/.-])(?P<first>\d{1,2})(?P<sign>[/-])(?P<second>\d{1,2})(?:[/,.-]\s?(?P<year>\d{4}|\d{2}))?(?![\d/:])"
)
#: Two days of one month: `24-26 Dec`, `24 or 25 Dec`, `Dec 24 and 25`.
_ONE_AND = (
    _DAY.replace("<day>", "<one>")
    + r"\s*(?:-|–|/|\+|&|,|\.|to\b|or\b|and\b|till?\b|until\b|through\b)\s*(?:the\s+)?"
)
_SPAN = (
    re.compile(rf"(?<![\d/.]){_ONE_AND}{_DAY}\s*(?:of\s+)?{_MONTH}\b"),
    re.compile(rf"\b{_MONTH}\b{_GAP}(?:the\s+)?{_ONE_AND}(?!\d{{4}}|'){_DAY}(?![\d:])(?!\s*{_COUNTED}\b)"),
    re.compile(r"\b\d{1,2}\.?\s*(?:-|–|to|bis)\s*\d{1,2}\.\d{1,2}\."),
)
_CLOCK = r"\d{1,2}(?:[:.]\d{2})?"
_HALF = r"(?:\s?[ap]\.?m\b\.?|\s?uhr\b|\s?o'?clock\b|\s?hrs?\b|h\b)"
_ABOUT = r"(?:\b(?:at|after|before|around|about|from|by|until|till?|between|past)\s+)?"
_TIMES = re.compile(
    rf"{_ABOUT}(?<![\d./-])(?:{_CLOCK}{_HALF}?\s*(?:-|–|to|until|till|and)\s*)?(?:{_CLOCK}{_HALF}|\d{{1,2}}:\d{{2}})"
    rf"(?:\s*(?:-|–|to)\s*{_CLOCK}{_HALF}?(?![\d/]))?"
    r"|\b(?:at|noon|midnight)\b(?:\s+\d{1,2}(?:[:.]\d{2})?\b(?![/.-]\d))?"
    r"|\b(?:after|before|around|by|until|till)\s+"
    rf"(?:\d{{1,2}}\b(?!\s*(?:[/.-]|st|nd|rd|th|of|{_A_MONTH})\b)(?![/.-]\d)"
    r"|noon|lunch|work|school|dinner|breakfast)"
)
_NEAR = re.compile(
    r"\b(?:(?P<after>(?:the )?day after (?:tomorrow|tomorow|tommorow|tmrw?|tmw)|overmorrow)"
    r"|(?P<before>(?:the )?day before yesterday)|(?P<yesterday>yesterday)"
    r"|(?P<today>today|tonight|tonite|2night|2nite|2day|this (?:morning|afternoon|evening))"
    r"|(?P<tomorrow>tomorrow|tomorow|tommorow|tommorrow|tomorrows|tmrw?|tmw|tmoro|2moro|2morrow|tomoz))\b"
)
_COUNT = r"\d{1,3}|an?|one|two|three|four|five|six|seven|ten"
_IN = re.compile(
    rf"\b(?:in (?P<count>{_COUNT}) (?P<unit>days?|weeks?)(?:(?:'s?)? time)?"
    rf"|(?P<count2>{_COUNT}) (?P<unit2>days?|weeks?) from (?:now|today))\b"
)
_COUNTS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "ten": 10,
}
_WHICH = re.compile(
    rf"\b(?:(?P<which>this|next|last|coming|following|previous)\s+(?P<week>week(?:'s)?\s+(?:on\s+)?)?)?{_WEEKDAY}\b\.?"
    r"(?:\s+(?:of\s+)?(?P<week2>this|next|last)\s+week\b)?"
)
_ALONE = re.compile(rf"\b(?:the\s+)?(?P<day>\d{{1,2}}(?:st|nd|rd|th))\b(?!\s*(?:{_A_MONTH})\b)")
_NUMBER = re.compile(r"(?<![\d.:/-])(\d{1,2})(?![\d:/-]|\.\d|ish)")
_SPAN_OF_NUMBERS = re.compile(r"(?<![\d.:/])\d{1,2}\s*(?:-|–|to)\s*\d{1,2}(?![\d:/])")
#: Numbers that count something, and what speaks of no other day.
_BESIDE = re.compile(
    r"\b(?:for\s+\d{1,3}(?!\s*(?:st|nd|rd|th|days?|weeks?))\b|we (?:are|r) \d{1,3}\b"
    rf"|\d{{1,3}}\s*(?!pm|am|p\.m|a\.m|h|uhr|o'?clock){_COUNTED}\b"
    r"|any ?time|all day|no (?:problem|worries|rush|later)|this weekend|not? ?bad|day ?time|how about|what about)"
)
#: With one of these a day is not the one that is meant, or more than one is.
_NOT_MEANT = re.compile(
    r"\b(?:not?|never|nope|nor|neither|\w+n't|dont|cant|wont|cannot|isnt|doesnt|didnt|except|excluding|besides|without"
    r"|unless|apart from|other than|rather than|instead|either|every|each|both|any day|after|before|until|till?"
    r"|since|between|from|starting|onwards?|within|during|days?|weeks?|fortnight|months?|weekdays?|weekends?|daily"
    r"|anything but|easter|thanksgiving|christmas|xmas|pentecost)\b"
)
#: A weekday that is not simply the next one: `good friday`, `first friday of july`, `friday week`.
_NTH = re.compile(
    rf"\b(?:any|good|black|ash|palm|holy|maundy|whit|cyber|super|other|but)\s+{_A_WEEKDAY}\b"
    rf"|\b(?:first|second|third|fourth|last|1st|2nd|3rd|4th)\s+{_A_WEEKDAY}\s+(?:of|in)\s+(?!(?:this|last|next) week)"
    rf"|\b{_A_WEEKDAY}\s+week\b|\ba week on {_A_WEEKDAY}\b"
)
#: What may stand beside `sun`, `sat`, `wed` and `mon` as days; else they are words (the sun, I sat).
_DAY_TALK = word_set(
    "on this next coming for at in the please pls plz thanks thank thx you ok okay yes yeah yep sure morning"
    " afternoon evening night noon lunch dinner works work good fine best great better would be is it's its it"
    " if possible can could do we i i'd id i'll like want prefer book come make me us let's lets how about"
    " maybe then and or of to a an s think will pm am early late any time around my our going hi hello hey with"
    " that there here see people day sounds perfect cool just say said says choose take reserve table slot one"
    " week date up free open"
)
_PLAIN_BEFORE = re.compile(
    r"\b(?:i|we|he|she|they|you|who|just|the|some|no|a|was|had|been|have|dog|cat|hot|in the|of)\s+$"
)
_SHORT = frozenset({"sat", "sun", "wed"})
#: A longer message is no answer to "Which day?".
_LONGEST = 1_000


def read_day(text: str, today: date, order: Order | None = None) -> date | None:
    """The day that a text names; without a year, the next such day. None when it names none, or not one alone.

    `3/4` is a day only when `order` says which number is the month, or when the numbers or the weekday leave no doubt.
    """
    try:
        return _Reading(text, today, order).day()
    except (ValueError, OverflowError):
        return None


class _Reading:
    """One message, whose text is used up as its parts are understood."""

    def __init__(self, text: str, today: date, order: Order | None) -> None:
        text = re.sub("[\u2018\u2019\u02bc\u00b4`\u2032]", "'", text.lower())
        self._text = re.sub(r"\s+", " ", text).strip()
        self._today = today
        self._order = order
        self._days: list[date] = []
        self._weekdays: list[int] = []
        #: Days that a doubtful date may be; a weekday can tell.
        self._choices: list[tuple[date, ...]] = []

    def day(self) -> date | None:
        if len(self._text) > _LONGEST or any(form.search(self._text) for form in (*_SPAN, _NTH)):
            return None
        for found in self._use(_IN):
            count, unit = found["count"] or found["count2"], found["unit"] or found["unit2"]
            days = (_COUNTS.get(count) or int(count)) * (7 if unit.startswith("week") else 1)
            self._days.append(self._today + timedelta(days=days))
        self._use(_BESIDE)
        for found in self._use(_ISO):
            self._days.append(date(int(found["year"]), int(found["month"]), int(found["day"])))
        for found in self._use(_DOTTED):
            month, day = int(found["month"]), int(found["day"])
            month, day = (day, month) if month > 12 else (month, day)
            self._days.append(self._date(found["year"], month, day))
        for form in _NAMED:
            for found in self._use(form):
                self._days.append(self._named(found))
        self._use(_TIMES)
        for found in self._use(_NEAR):
            ahead = {"after": 2, "before": -2, "yesterday": -1, "today": 0, "tomorrow": 1}[
                found.lastgroup or ""
            ]
            self._days.append(self._today + timedelta(days=ahead))
        self._read_weekdays()
        self._read_slashed()
        for found in self._use(_ALONE) if self._is_day_talk() else ():
            self._days.append(self._next_of_month(int(found["day"][:-2])))
        if _NOT_MEANT.search(self._text):
            return None
        return self._agreed()

    def _use(self, form: re.Pattern[str]) -> list[re.Match[str]]:
        """What a form finds; it is taken out of the text."""
        found = list(form.finditer(self._text))
        if found:
            self._text = form.sub(" ; ", self._text)
        return found

    def _named(self, found: re.Match[str]) -> date:
        month = _MONTHS.index(found["month"][:3]) + 1
        day = _ORDINALS.get(found["day"]) or int(re.sub(r"\D", "", found["day"]))
        year = found["year"] or found["short"] or found["bare"]
        if (
            found["bare"]
            and int(found["bare"]) <= 31
            and (found["comma"] or self._year(year) < self._today.year)
        ):
            raise ValueError("24 Dec, 25 may be two days")
        return self._date(year, month, day)

    def _date(self, year: str | None, month: int, day: int) -> date:
        found = _day(self._year(year) if year else None, month, day, self._today)
        if found is None:
            raise ValueError("no such day")
        return found

    def _year(self, year: str) -> int:
        """`27` is 2027, `85` is 1985."""
        if len(year) == 4:
            return int(year)
        return int(year) + (2000 if int(year) <= self._today.year % 100 + 20 else 1900)

    def _next_of_month(self, day: int) -> date:
        for ahead in range(370):
            found = self._today + timedelta(days=ahead)
            if found.day == day:
                return found
        raise ValueError("no such day")

    def _read_weekdays(self) -> None:
        is_doubtful = not self._days and not self._is_day_talk()
        found_days = list(_WHICH.finditer(self._text))
        is_doubtful = is_doubtful and all(found["weekday"] in _SHORT for found in found_days)
        for found in found_days:
            is_plain = _PLAIN_BEFORE.search(self._text[: found.start()])
            if found["weekday"] in _SHORT and not found["which"] and (is_plain or is_doubtful):
                continue
            self._weekdays.append(_WEEKDAYS.index(found["weekday"][:3]))
            self._days.append(self._weekday(found))
        self._text = _WHICH.sub(" ; ", self._text)

    def _is_day_talk(self) -> bool:
        """Whether all that is left is what people say around a day."""
        words = set(re.findall(r"[a-z']+", _ALONE.sub(" ", self._text)))
        return words - {*_WEEKDAYS} <= _DAY_TALK

    def _weekday(self, found: re.Match[str]) -> date:
        wanted = _WEEKDAYS.index(found["weekday"][:3])
        monday = self._today - timedelta(days=self._today.weekday())
        which, week = found["which"], found["week2"] or (found["which"] if found["week"] else None)
        if week:
            weeks = {"this": 0, "next": 1, "last": -1}.get(week)
            if weeks is None:
                raise ValueError("which week?")
            return monday + timedelta(days=wanted, weeks=weeks)
        ahead = (wanted - self._today.weekday()) % 7
        if which in {"last", "previous"}:
            return self._today + timedelta(days=ahead - 7)
        if which == "next":
            if self._today + timedelta(days=ahead or 7) < monday + timedelta(weeks=1):
                raise ValueError("next friday is this week's to some and next week's to others")
            return monday + timedelta(days=wanted, weeks=1)
        return self._today + timedelta(days=ahead)

    def _read_slashed(self) -> None:
        for found in list(_SLASHED.finditer(self._text)):
            is_time = found["sign"] == "-" and not found["year"] and (self._days or self._weekdays)
            if not is_time:
                self._choices.append(self._slashed(found))
        self._text = _SLASHED.sub(" ; ", self._text)

    def _slashed(self, found: re.Match[str]) -> tuple[date, ...]:
        first, second = int(found["first"]), int(found["second"])
        year = self._year(found["year"]) if found["year"] else None
        readings = {"dmy": (second, first), "mdy": (first, second)}
        orders = [self._order] if self._order and max(first, second) <= 12 else list(readings)
        if self._order and max(first, second) > 12:
            orders = [each for each in readings if 1 <= readings[each][0] <= 12]
        days = {each: _day(year, *readings[each], self._today) for each in orders}
        return tuple(dict.fromkeys(day for day in days.values() if day))

    def _agreed(self) -> date | None:
        """The one day that all of it means."""
        days = set(self._days)
        for choices in self._choices:
            fitting = [each for each in choices if not self._weekdays or each.weekday() in self._weekdays]
            if len(fitting) != 1:
                return None
            days.add(fitting[0])
        if self._weekdays and len(days) > 1:
            # A weekday beside a date says the same day again, or contradicts it.
            dated = {each for each in days if each not in self._coming()}
            if len(dated) == 1 and {each.weekday() for each in dated} == set(self._weekdays):
                days = dated
        if len(days) != 1:
            return None
        day = days.pop()
        return day if self._fits_numbers(day) else None

    def _coming(self) -> set[date]:
        return {self._today + timedelta(days=(each - self._today.weekday()) % 7) for each in self._weekdays}

    def _fits_numbers(self, day: date) -> bool:
        """Whether a bare number beside a weekday is its day of the month: `fri 27`, and not `fri 4`."""
        if not self._weekdays:
            return True
        text = _SPAN_OF_NUMBERS.sub(" ; ", self._text)
        return all(int(each) == day.day for each in _NUMBER.findall(text))


def _day(year: int | None, month: int, day: int, today: date) -> date | None:
    """A day of a year, or the next one of that month and day: 29 February may be up to eight years away."""
    for candidate in (year,) if year else range(today.year, min(today.year + 9, 10_000)):
        try:
            found = date(candidate, month, day)
        except ValueError:
            continue
        if year or found >= today:
            return found
    return None
