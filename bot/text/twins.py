"""Characters that turn an SMS into UCS-2, and their plain twins in the GSM 7-bit alphabet."""

import unicodedata

import msgspec

from bot.text.normal_forms import normalize
from bot.text.segments import BASIC, EXTENDED, is_gsm

_GSM = BASIC | EXTENDED
_TWINS = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4`", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2039\u203a", "'"),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **dict.fromkeys("\u00a0\u2002\u2003\u2009\u200a\u202f\u3000\t", " "),
    **dict.fromkeys("\u200b\u200c\u200d\ufeff\u00ad\u2060\ufe0e\ufe0f", ""),
    **dict.fromkeys("\u2022\u00b7\u25cf", "*"),
    "\u2026": "...",
    "\u00d7": "x",
    "\u2192": "->",
    "\u0131": "i",
    "\u0142": "l",
    "\u0141": "L",
    "\u00e7": "c",
    "\u0111": "d",
    "\u0153": "oe",
    "\u0152": "OE",
    "\u2122": "TM",
    "\u00ae": "(R)",
    "\u00a9": "(C)",
}


class NonGsmCharacter(msgspec.Struct, frozen=True, kw_only=True):
    """A character outside the GSM alphabet."""

    at: int
    character: str
    #: What stands for it in the GSM alphabet; None when nothing does: an emoji, another script.
    twin: str | None

    @property
    def label(self) -> str:
        """For people: `’ (right single quotation mark)`."""
        name = unicodedata.name(self.character, f"U+{ord(self.character):04X}").lower()
        shown = self.character if self.character.isprintable() and not self.character.isspace() else ""
        return f"{shown} ({name})" if shown else f"a {name}"


def find_strays(text: str) -> list[NonGsmCharacter]:
    """Every character outside the GSM alphabet, in order."""
    if is_gsm(text):
        return []
    return [
        NonGsmCharacter(at=at, character=each, twin=_twin(each))
        for at, each in enumerate(text)
        if each not in _GSM
    ]


def _twin(character: str) -> str | None:
    twin = _TWINS.get(character)
    if twin is not None:
        return twin
    plain = "".join(each for each in normalize("NFKD", character) if not unicodedata.combining(each))
    return plain if plain and plain != character and all(each in _GSM for each in plain) else None
