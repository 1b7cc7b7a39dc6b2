"""What a question takes for an answer, and what it keeps of it."""

from datetime import date, timedelta
from decimal import Decimal

import msgspec

from bot.rulebook.days import Order, read_day
from bot.rulebook.patterns import Pattern
from bot.rulebook.quantities import read_number
from bot.rulebook.yes_no import NO, YES, read_yes_no, word_set
from bot.text.normal_forms import normalize
from bot.text.words import split_units

Words = tuple[str, ...]

#: A free answer is kept up to this length, unless the author says otherwise.
USUAL_TEXT = 160
#: What a conversation may keep under one name.
LONGEST_VALUE = 1_000

#: A choice with one of these before it is not the one that is meant.
_NEGATION = word_set(
    "not no never except without neither nor don't dont doesn't doesnt can't cant cannot won't wont isn't"
    " isnt didn't didnt"
)


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What is kept: the value, and what named groups give besides."""

    value: str
    more: dict[str, str] = {}


class OneOf(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """One of a few choices, each with the words that mean it."""

    choices: tuple[tuple[str, tuple[Words, ...]], ...]

    def take(self, _text: str, words: Words, _today: date) -> Answer | None:
        """The only choice that the message names; where phrases overlap, the longer one counts.

        In scripts without spaces a choice is found among the characters of a message.
        """
        named = {split_units(phrase): name for name, phrases in self.choices for phrase in phrases}
        words = split_units(words)
        if words in named:
            return Answer(named[words])
        longest = max(map(len, named), default=0)
        found: set[str] = set()
        at = 0
        while at < len(words):
            for length in range(min(longest, len(words) - at), 0, -1):
                if name := named.get(words[at : at + length]):
                    found.add(name)
                    at += length - 1
                    break
            else:
                if words[at] in _NEGATION:
                    return None
            at += 1
        return Answer(found.pop()) if len(found) == 1 else None

    def longest(self) -> str:
        """The longest value that it can keep."""
        return max((name for name, _ in self.choices), key=len, default="")


class Number(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """A number within bounds, in digits or as English words up to ninety-nine."""

    lowest: Decimal | None = None
    highest: Decimal | None = None
    #: Whether 4.5 is a number, too.
    decimals: bool = False

    def take(self, text: str, words: Words, _today: date) -> Answer | None:
        """The only number in the message."""
        number = read_number(text, words, decimals=self.decimals)
        if number is None:
            return None
        if (self.lowest is not None and number < self.lowest) or (
            self.highest is not None and number > self.highest
        ):
            return None
        if number == number.to_integral_value():
            return Answer(str(int(number)))
        return Answer(f"{number.normalize():f}")

    def longest(self) -> str:
        """The longest value that it can keep."""
        bounds = [str(each) for each in (self.lowest, self.highest) if each is not None]
        digits = max(map(len, bounds)) if len(bounds) == 2 else 15
        return "8" * (digits + (3 if self.decimals else 0))


class YesNo(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """Yes or no, kept as just these words."""

    yes: frozenset[Words] = YES
    no: frozenset[Words] = NO

    def take(self, text: str, words: Words, _today: date) -> Answer | None:
        """What the message begins with, unless what follows takes it back."""
        answer = read_yes_no(text, words, self.yes, self.no)
        return None if answer is None else Answer("yes" if answer else "no")

    def longest(self) -> str:
        """The longest value that it can keep."""
        return "yes"


class Bound(msgspec.Struct, frozen=True, gc=False):
    """A day: a certain one, or a number of days from the day of the answer."""

    day: date | None = None
    ahead: int = 0

    def on(self, today: date) -> date:
        """The day that it is, seen from a day."""
        return self.day or today + timedelta(days=self.ahead)


class Day(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """A day, kept as 2026-12-24."""

    earliest: Bound | None = None
    latest: Bound | None = None
    order: Order | None = None

    def take(self, text: str, _words: Words, today: date) -> Answer | None:
        """The day that the message names."""
        day = read_day(normalize("NFKC", text), today, self.order)
        if day is None:
            return None
        if (self.earliest and day < self.earliest.on(today)) or (self.latest and day > self.latest.on(today)):
            return None
        return Answer(day.isoformat())

    def longest(self) -> str:
        """The longest value that it can keep."""
        return "2026-12-24"


class Matching(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """A text in which a pattern is found; what is found is kept, and its named groups besides."""

    pattern: Pattern

    def take(self, text: str, _words: Words, _today: date) -> Answer | None:
        """What the pattern finds."""
        found = self.pattern.find(text)
        if found is None:
            return None
        value = found.whole.strip() or text.strip()
        more = {name: each[:LONGEST_VALUE] for name, each in found.groups.items()}
        return Answer(value[:LONGEST_VALUE], more)

    def longest(self) -> str:
        """The longest value that it can keep."""
        return self.pattern.longest() or "x" * USUAL_TEXT


class FreeText(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """Any text up to a number of characters."""

    most: int = USUAL_TEXT

    def take(self, text: str, _words: Words, _today: date) -> Answer | None:
        """The message, when it says something and is not too long."""
        value = text.strip()
        return Answer(value) if 0 < len(value) <= self.most else None

    def longest(self) -> str:
        """The longest value that it can keep."""
        return "x" * self.most


Expectation = OneOf | Number | YesNo | Day | Matching | FreeText
