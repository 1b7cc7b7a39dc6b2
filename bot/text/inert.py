"""Texts from strangers, made harmless to look at."""

import unicodedata

#: The control characters as their pictures: ␀ ␛ … and ␡; newline and tab stay.
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"} | {0x7F: "\u2421"}
_PICTURES |= dict.fromkeys(range(0x80, 0xA0), "\ufffd")
#: Overrides of direction turn what follows them round, so that exe.png reads as gnp.exe; no script needs them.
_PICTURES |= dict.fromkeys((0x202D, 0x202E), "\ufffd")

#: Marks that choose how what stands before them looks, and letters and a pattern of Braille that are blank.
_BLANK = {
    *map(chr, (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0)),
    *map(chr, range(0xFE00, 0xFE10)), *map(chr, range(0xE0100, 0xE01F0)),
}  # fmt: skip
#: Emoji and some scripts are written with them.
_JOINERS = "\u200c\u200d"


def shown(text: str) -> str:
    """Return `text` with pictures instead of control characters and overrides, for a page that escapes HTML itself."""
    return text.translate(_PICTURES)


def shown_in_terminal(text: str) -> str:
    r"""Return `text` on one line without anything that could trick a terminal or a reader's eye.

    Control and format characters (escapes, direction overrides) are spelled out: ``\x1b``, ``\u202e``.
    The joiners that emoji and some scripts are written with stay.
    """
    return "".join(_spell(character) for character in text)


def _spell(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return character
    return character.encode("unicode_escape", "backslashreplace").decode()


def without_format(text: str) -> str:
    """Return `text` without characters that only a machine sees; the joiners stay."""
    return "".join(each for each in text if each in _JOINERS or unicodedata.category(each) != "Cf")


def visible(text: str) -> str:
    """Return what a reader can tell `text` from others by: nothing that is invisible or blank but for white space."""
    return "".join(each for each in text if each not in _BLANK and unicodedata.category(each) != "Cf")
