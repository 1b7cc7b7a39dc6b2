"""Texts from strangers, made harmless to look at."""

import unicodedata

#: The control characters as their pictures: ␀ ␛ … and ␡; newline and tab stay.
_PICTURES = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"} | {0x7F: "\u2421"}
_PICTURES |= dict.fromkeys(range(0x80, 0xA0), "\ufffd")
#: Overrides of direction turn what follows them round, so that exe.png reads as gnp.exe; no script needs them.
_PICTURES |= dict.fromkeys((0x202D, 0x202E), "\ufffd")


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
    if character in "\u200c\u200d" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return character
    return character.encode("unicode_escape", "backslashreplace").decode()
