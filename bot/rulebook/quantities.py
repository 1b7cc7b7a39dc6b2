"""Numbers as people text them: `we are 4`, `twenty-one`, `1,000`; and none: `not 4`, `no one`, `4 or 5`, `²`."""

import re
import unicodedata
from decimal import Decimal

from bot.rulebook.yes_no import word_set
from bot.text.normal_forms import normalize

Words = tuple[str, ...]

_DIGITS = re.compile(r"(?<![\w.,])-?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,15}(?:[.,]\d{1,6})?)(?![\w]|[.,]\d)")
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
_UNITS = {word: number for number, word in enumerate(_SMALL.split())}
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
#: With one of these a number is not the one that is meant, or not a number.
_NOT_MEANT = re.compile(
    r"\b(?:not?|none|never|nor|neither|except|without|\w+n't|dont|cant|wont|isnt|arent|cannot|didnt|wasnt|nobody"
    r"|(?:more|less|fewer|greater|other|rather|higher|lower) than|at (?:least|most)|up to|upto|over|under|above"
    r"|below|between|or (?:more|less|fewer)|minimum of|maximum of|hundreds?|thousands?|millions?|billions?"
    r"|dozens?|halves|half|quarters?|thirds?|point|times as|squared|percent of)\b"
)
#: `one` that counts nothing.
_ONE_BEFORE = word_set(
    "no any some every which the this that these those each another good nice last next first wrong right"
    " same other new big small better best a an loved favourite favorite"
)
_ONE_AFTER = word_set(
    "moment sec second seconds minute min mins more day thing or of time another question is was can"
    " should sided way by love"
)
_MORE = re.compile(r"\d\s*\+(?!\d)|[<>≤≥≠]")
_THOUSAND = re.compile(r"-?\d{1,3}\.\d{3}")


def read_number(text: str, words: Words, *, decimals: bool) -> Decimal | None:
    """The only number of a message; None when there is none, several, or one that is not meant."""
    if any(unicodedata.category(each) in {"No", "Nl"} for each in text):
        return None  # ² and ½ are not 2 and 1 and 2
    text = normalize("NFKC", text)
    if _NOT_MEANT.search(" ".join(words)) or _MORE.search(text):
        return None
    written = [each[0] for each in _DIGITS.finditer(text)]
    found = [_decimal(each) for each in written] + [Decimal(each) for each in _spelled(words)]
    if len(found) != 1:
        return None
    number = found[0]
    if not decimals and (
        number != number.to_integral_value() or (written and _THOUSAND.fullmatch(written[0]))
    ):
        return None  # 1.000 is one here and a thousand there
    return number


def _spelled(words: Words) -> list[int]:
    """The numbers that are written as English words."""
    numbers: list[int] = []
    at = 0
    while at < len(words):
        word = words[at]
        unit = _UNITS.get(words[at + 1], 0) if at + 1 < len(words) else 0
        if word in _TENS and 1 <= unit <= 9:
            numbers.append(_TENS[word] + unit)
            at += 1
        elif word in _TENS:
            numbers.append(_TENS[word])
        elif word in _UNITS and not (word == "one" and _is_pronoun(words, at)):
            numbers.append(_UNITS[word])
        at += 1
    return numbers


def _is_pronoun(words: Words, at: int) -> bool:
    before, after = words[at - 1] if at else "", words[at + 1] if at + 1 < len(words) else ""
    return before in _ONE_BEFORE or after in _ONE_AFTER


def _decimal(text: str) -> Decimal:
    """`1,000` is a thousand, `4,5` and `4.5` are four and a half."""
    if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", text):
        return Decimal(text.replace(",", ""))
    return Decimal(text.replace(",", "."))
