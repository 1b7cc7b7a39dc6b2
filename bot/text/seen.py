r"""A message as patterns see it: its own text without what a phone adds, and the bytes that RE2 looks through.

White space around the message is gone; typographic apostrophes and quotes, no-break spaces, full-width characters and
digits of other scripts are their plain twins, invisible characters are left out, letters are composed (NFC).

RE2 takes only `a` to `z`, the digits and `_` for word characters. So each letter beyond ASCII is looked for under a
name of six capitals, while the letters of ASCII are in small: `\b` is then right for every script.
"""

import unicodedata
from functools import lru_cache

from bot.text.normal_forms import normalize
from bot.text.words import APOSTROPHES

_QUOTES = "\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb\u301d\u301e\u301f\uff02"
_UNSEEN = (
    *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x200B, 0x200C, 0x200E, 0x200F, 0xFEFF, 0x20E3),
    *range(0x180B, 0x180F), *range(0x202A, 0x202F), *range(0x2060, 0x2070), *range(0xFE00, 0xFE10),
    *range(0xE0100, 0xE01F0),
)  # fmt: skip


class _Twins(dict[int, str]):
    """The plain twin of each character; most stay as they are."""

    def __missing__(self, code: int) -> str:
        twin = _twin(code)
        if len(self) < 20_000:  # a message may hold any of a million characters
            self[code] = twin
        return twin


def _twin(code: int) -> str:
    character = chr(code)
    category = unicodedata.category(character)
    if 0xFF01 <= code <= 0xFF5E:
        return _TWINS[code - 0xFEE0]
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Cs":
        return "?"
    if category in {"Zl", "Zp"} or code == 0x85:
        return "\n"
    return " " if category == "Zs" or code == 0x0B else character


_TWINS = _Twins(
    {
        **dict.fromkeys(map(ord, APOSTROPHES), "'"),
        **dict.fromkeys(map(ord, _QUOTES), '"'),
        **dict.fromkeys(_UNSEEN, ""),
    }
)


def see(text: str) -> str:
    """Return a message as patterns see it."""
    if text.isascii():
        return text.replace("`", "'").replace("\x0b", " ").strip()
    return normalize("NFC", normalize("NFC", text).translate(_TWINS)).strip()


def see_character(character: str) -> str:
    """The twin of one character; nothing for what is not seen."""
    return _TWINS[ord(character)]


#: Letters, marks and other numbers: each has three of these, one for each third of Unicode.
LEADS = {"L": "ABC", "M": "DEF", "N": "GHI"}
_DIGITS = "NOPQRSTUVWXYZ"
_BASE = len(_DIGITS)
PLACES = 5


def fold(character: str) -> str:
    """A letter in its one small form, whatever its case; always one character."""
    if character == "\u0130":
        return "i"
    folded = character.casefold()
    return folded if len(folded) == 1 else lower if len(lower := character.lower()) == 1 else character


def digits_of(code: int) -> str:
    """The last five letters of a character's name."""
    letters = ""
    for _ in range(PLACES):
        code, digit = divmod(code, _BASE)
        letters = _DIGITS[digit] + letters
    return letters


@lru_cache(maxsize=20_000)
def name_of(character: str) -> str:
    """What one character that is seen is looked for as."""
    character = fold(character)
    code = ord(character)
    if code < 0x80:
        return character
    kind = unicodedata.category(character)[0]
    if kind not in LEADS:
        return character
    return LEADS[kind][code // _BASE**PLACES] + digits_of(code)


class _Names(dict[int, str]):
    """The name of each character, for `str.translate`."""

    def __missing__(self, code: int) -> str:
        return name_of(chr(code))


_NAMES = _Names()


def encode_seen(seen: str) -> bytes:
    """A message as patterns look through it."""
    if seen.isascii():
        return seen.lower().encode()
    return seen.translate(_NAMES).encode("utf-8", "replace")


def byte_positions(seen: str) -> list[int]:
    """Where in the UTF-8 of a text each character begins, and where the last one ends."""
    starts, at = [0], 0
    for each in seen:
        at += len(each.encode("utf-8", "replace"))
        starts.append(at)
    return starts


def positions(seen: str) -> list[int]:
    """Where in the encoded text each character begins, and where the last one ends."""
    starts, at = [0], 0
    for each in seen:
        at += len(name_of(each).encode("utf-8", "replace"))
        starts.append(at)
    return starts
