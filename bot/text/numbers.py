"""One writing for each phone number, so that one person is one conversation.

Azure writes numbers with and without ``+``; people who search write them with spaces and brackets. Short codes and
alphanumeric senders have only one writing and keep it.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from typing import Final

import phonenumbers

#: What people put between the digits of a number, and invisible marks that come along when one is copied.
_SEPARATORS = dict.fromkeys(
    map(ord, " ().-/\u00a0\u2009\u202f\u2010\u2011\u2012\u2013\u200b\u200e\u200f\u202a\u202c\ufeff")
)

#: US short codes have 5 or 6 digits, other countries' start at 3; the shortest international numbers have 7.
_LONGEST_SHORT_CODE = 6
#: Ten digits as people of the US and Canada write them, without their country.
_NORTH_AMERICAN = re.compile(r"[2-9]\d{2}[2-9]\d{6}")
_NORTH_AMERICAN_SHAPE = re.compile(r"\(?\d{3}\)?[\s./-]+\d{3}[\s./-]+\d{4}")
#: Fewer digits would find nearly everybody.
_FEWEST_TYPED = 3
#: What is said where `digits_typed` is None and nothing but a number can be looked for.
TOO_FEW_DIGITS: Final = "Look for three digits of the number or more, such as 0101."
#: Other numbers that tell the country of one that lacks it.
_MOST_BESIDE = 10


def normalise_number(raw: str) -> str:
    """Return `raw` as ``+15555550100``, as a short code ``12345``, or, when it has letters, as the sender's name.

    A number that no library finds valid (test numbers, new ranges) keeps its shape: ``+`` and its digits. Never raises.
    """
    bare = raw[1:] if raw[:1] == "+" else raw
    if bare.isascii() and bare.isdigit() and len(bare) > _LONGEST_SHORT_CODE and _is_plain(bare):
        return "+" + bare
    return _normalise_unusual(raw)


def compact(raw: str) -> str:
    """`raw` without what people put between the digits of a number: ``+15555550100`` for ``+1 (555) 555-0100``."""
    return raw.strip().removeprefix("tel:").translate(_SEPARATORS)


def in_ascii(text: str) -> str:
    """`text` with the digits of every script as 0 to 9: ٣٤٥ and full-width digits are digits too."""
    if text.isascii():
        return text
    return "".join(str(int(each)) if each.isdecimal() else each for each in text)


def number_meant(raw: str, beside: Iterable[str] = ()) -> str | None:
    """The number that is meant where somebody writes one without its country: ``+15555550100`` for ``(555) 555-0100``.

    Empty when nobody can tell; None when nothing is missing. `beside` are other numbers of theirs.
    """
    written = raw.strip().removeprefix("tel:").translate(_SEPARATORS)
    if not written.isdecimal():
        return None
    written = in_ascii(written)
    if written.startswith("00") or len(written) <= _LONGEST_SHORT_CODE:
        return None
    is_grouped = _NORTH_AMERICAN_SHAPE.fullmatch(raw.strip()) is not None
    if _NORTH_AMERICAN.fullmatch(written) and (is_grouped or not _is_possible("+" + written, valid=True)):
        return f"+1{written}"
    if not written.startswith("0") and _is_possible("+" + written):
        return None
    for other in islice(beside, _MOST_BESIDE):
        try:
            region = phonenumbers.region_code_for_country_code(phonenumbers.parse(other).country_code or 0)
            number = phonenumbers.parse(written, region)
        except phonenumbers.NumberParseException:
            continue
        if region and phonenumbers.is_possible_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return ""


def prefix_meant(raw: str) -> str | None:
    """The same for the beginning of a peer's number: ``+33`` for ``33``; short codes have 5 or 6 digits."""
    written = raw.strip().translate(_SEPARATORS)
    if not written.isdecimal():
        return None
    written = in_ascii(written)
    if written.startswith("00") and len(written) > 2:
        return f"+{written[2:]}"
    if written.startswith("0"):
        return ""
    if _NORTH_AMERICAN.fullmatch(written):
        return f"+1{written}"
    return None if 5 <= len(written) <= _LONGEST_SHORT_CODE else f"+{written}"


def _is_possible(number: str, *, valid: bool = False) -> bool:
    """Whether a number can be one by its country and length; `valid`: whether such a one is given out."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(parsed) if valid else phonenumbers.is_possible_number(parsed)


def is_phone_number(number: str) -> bool:
    """Whether a normalised number can be texted: digits, with or without ``+``."""
    digits = number.removeprefix("+")
    return digits.isascii() and digits.isdigit()


def digits_typed(typed: str) -> str | None:
    """What a person who looks for a number has typed of it: ``5550101`` for ``555 0101``, ``+1555`` for ``+1 (555``.

    A ``+`` says that it is the beginning; the zeros that people dial first are left out. None for what is no number.
    """
    digits = typed.translate(_SEPARATORS)
    is_beginning = digits.startswith("+")
    digits = digits.removeprefix("+")
    if len(digits) > _LONGEST_SHORT_CODE:
        digits = digits.lstrip("0")
    if not (digits.isascii() and digits.isdigit()) or len(digits) < _FEWEST_TYPED:
        return None
    return f"+{digits}" if is_beginning else digits


@lru_cache(maxsize=16_384)
def spaced(number: str) -> str:
    """Return a number as people write it, with spaces that don't break: ``+1 555 555 0100``."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return re.sub(r"[-\s]+", "\u00a0", written)


def forget_numbers() -> None:
    """Let go of the numbers that were seen."""
    spaced.cache_clear()
    _normalise_unusual.cache_clear()


def _is_plain(digits: str) -> bool:
    # A national trunk zero (+33 06…) can only stand right after the country code of 1 to 3 digits; +1 has none.
    return digits[0] == "1" or "0" not in digits[:4]


@lru_cache(maxsize=16_384)
def _normalise_unusual(raw: str) -> str:
    name = " ".join(raw.split())
    written = name.removeprefix("tel:").translate(_SEPARATORS)
    international = written.startswith("+")
    digits = written[1:] if international else written
    if not digits.isdecimal():
        return name
    digits = in_ascii(digits)
    if not international and digits.startswith("00"):
        international, digits = True, digits[2:]
    if not international and len(digits) <= _LONGEST_SHORT_CODE:
        return digits
    try:
        number = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return "+" + digits
    if not phonenumbers.is_valid_number(number):
        return "+" + digits
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
