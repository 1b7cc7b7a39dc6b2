"""How many segments an SMS costs.

3GPP TS 23.038: 160 septets of the GSM 7-bit alphabet in one segment, 153 each when split; one character
outside that alphabet turns the whole text into UCS-2, with 70 and 67 units.
"""

import re
from typing import Literal

import msgspec

#: One septet each.
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: Two septets each, kept in one segment.
EXTENDED = frozenset("\f^{}\\[~]|€")

_ALL_BASIC = re.compile("[" + re.escape("".join(sorted(BASIC))) + "]*").fullmatch
_ALL_GSM = re.compile("[" + re.escape("".join(sorted(BASIC | EXTENDED))) + "]*").fullmatch


class Segments(msgspec.Struct, frozen=True, kw_only=True):
    """What a text costs on its way to a phone."""

    encoding: Literal["GSM-7", "UCS-2"]
    segments: int
    #: Septets, or UTF-16 units.
    units: int


#: Built once: most replies are plain texts of one segment.
_SHORT = tuple(Segments(encoding="GSM-7", segments=1, units=units) for units in range(161))


def is_gsm(text: str) -> bool:
    """Whether a text needs nothing but the GSM 7-bit alphabet."""
    return _ALL_GSM(text) is not None


def measure(text: str) -> Segments:
    """Count the segments that a text is sent in; an empty text counts as one."""
    if _ALL_BASIC(text):
        units = len(text)
        if units <= 160:
            return _SHORT[units]
        return Segments(encoding="GSM-7", segments=-(-units // 153), units=units)
    if _ALL_GSM(text):
        return _count("GSM-7", [2 if each in EXTENDED else 1 for each in text], single=160, split=153)
    return _count("UCS-2", [2 if each > "\uffff" else 1 for each in text], single=70, split=67)


def _count(encoding: Literal["GSM-7", "UCS-2"], costs: list[int], *, single: int, split: int) -> Segments:
    """Fill segments one by one: a character that costs two units is not cut in two."""
    units = sum(costs)
    if units <= single:
        return Segments(encoding=encoding, segments=1, units=units)
    segments, room = 1, split
    for cost in costs:
        if cost > room:
            segments, room = segments + 1, split
        room -= cost
    return Segments(encoding=encoding, segments=segments, units=units)
