"""How many segments an SMS costs."""

from typing import Literal

import msgspec

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
_NOT_BASIC = str.maketrans(dict.fromkeys(map(ord, _BASIC | _EXTENDED)))


class Segments(msgspec.Struct, frozen=True, kw_only=True):
    """What a text costs on its way to a phone."""

    encoding: Literal["GSM-7", "UCS-2"]
    segments: int
    #: Septets, or UTF-16 units.
    units: int


def measure(text: str) -> Segments:
    """Count the segments that a text is sent in."""
    if text.translate(_NOT_BASIC):
        units = len(text.encode("utf-16-le", "surrogatepass")) // 2
        return Segments(encoding="UCS-2", segments=1 if units <= 70 else -(-units // 67), units=units)
    units = len(text) + sum(map(text.count, _EXTENDED))
    return Segments(encoding="GSM-7", segments=1 if units <= 160 else -(-units // 153), units=units)
