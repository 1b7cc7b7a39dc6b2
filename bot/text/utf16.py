"""Offsets of a text as JavaScript counts them: by UTF-16 units, of which a character beyond U+FFFF has two."""

import re
from bisect import bisect_left
from typing import Final

_ASTRAL: Final = re.compile(r"[\U00010000-\U0010ffff]")


class Utf16Offsets:
    """Turns the offsets of one text, which count characters, into such ones, and back."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._astral = [] if text.isascii() else [found.start() for found in _ASTRAL.finditer(text)]

    def __len__(self) -> int:
        return len(self._text) + len(self._astral)

    def units(self, offset: int) -> int:
        """How many units stand before a character."""
        return offset + bisect_left(self._astral, offset)

    def characters(self, units: int) -> int:
        """How many characters stand before a unit; between the two of one character, none of it does."""
        if not self._astral:
            return units
        return len(self._text.encode("utf-16-le", "surrogatepass")[: 2 * units].decode("utf-16-le", "ignore"))
