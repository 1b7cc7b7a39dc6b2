"""One writing for each phone number, so that one person is one conversation.

Azure writes numbers with and without ``+``; people who search write them with spaces and brackets. Short codes and
alphanumeric senders have only one writing and keep it.
"""

import re
from functools import lru_cache

import phonenumbers

#: What people put between the digits of a number, and invisible marks that come along when one is copied.
_SEPARATORS = dict.fromkeys(
    map(ord, " ().-/\u00a0\u2009\u202f\u2010\u2011\u2012\u2013\u200b\u200e\u200f\u202a\u202c\ufeff")
)

#: US short codes have 5 or 6 digits, other countries' start at 3; the shortest international numbers have 7.
_LONGEST_SHORT_CODE = 6
#: Fewer digits would find nearly everybody.
_FEWEST_TYPED = 3


def normalise_number(raw: str) -> str:
    """Return `raw` as ``+15555550100``, as a short code ``12345``, or, when it has letters, as the sender's name.

    A number that no library finds valid (test numbers, new ranges) keeps its shape: ``+`` and its digits. Never raises.
    """
    bare = raw[1:] if raw[:1] == "+" else raw
    if bare.isascii() and bare.isdigit() and len(bare) > _LONGEST_SHORT_CODE and _is_plain(bare):
        return "+" + bare
    return _normalise_unusual(raw)


def is_phone_number(number: str) -> bool:
    """Whether a normalised number can be texted: digits, with or without ``+``."""
    return number.lstrip("+").isdigit()


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
    digits = "".join(str(int(digit)) for digit in digits)  # ٣٤٥ and full-width digits are digits too
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
