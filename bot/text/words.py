"""Words as rules compare them: after Unicode NFKC and case folding, without punctuation around and between.

`don't` is one word, `this.is` are two, an emoji with its modifiers is a word, and a script without spaces
is one word from punctuation to punctuation.
"""

import re
import string
import unicodedata

#: Phones write an apostrophe in all these ways; NFKC would make the last two a space and an accent.
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u00b4\u1ffd", "'"))

#: Characters that are not seen (soft hyphen, joiners, direction marks, variation selectors), as in Unicode's
#: NFKC_Casefold. The zero-width joiner stays, as it holds emoji together.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)
_JOINER = "\u200d"


class _Kinds(dict[int, str]):
    """The kind of each character, one letter each, so that an expression over kinds finds the words."""

    def __missing__(self, code: int) -> str:
        kind = _kind_of(code)
        if len(self) < 20_000:  # a message may hold any of a million characters
            self[code] = kind
        return kind


def _kind_of(code: int) -> str:
    """Sort a character: w word, k mark, e emoji, m skin tone, r flag letter, t tag, a space for the rest."""
    if 0x1F1E6 <= code <= 0x1F1FF:
        return "r"
    if 0x1F3FB <= code <= 0x1F3FF:
        return "m"
    if 0xE0020 <= code <= 0xE007F:
        return "t"
    if 0x1F000 <= code <= 0x1FBFF:  # emoji newer than this Python's Unicode tables, too
        return "e"
    category = unicodedata.category(chr(code))
    if category[0] in "LN" or category in {"Cn", "Co"}:
        return "w"
    if category[0] == "M":
        return "k"
    if (category == "So" and code >= 0x2190) or code in {0x2194, 0x25FB, 0x25FC, 0x25FD, 0x25FE}:
        return "e"
    return " "


_KINDS = _Kinds(
    {ord(each): "w" for each in string.ascii_letters}
    | {ord(each): "d" for each in string.digits}
    | {ord("'"): "a", ord("+"): "s", ord("#"): "h", ord("*"): "p", ord(_JOINER): "z", 0x20E3: "c"}
)
#: A keycap; a word with apostrophes inside; a flag; an emoji with skin tone, tags and joined emoji.
#: What may follow are the symbols of its rich form.
_WORDS = re.compile(
    r"(?P<word>[dhp]c"
    r"|(?:w|d(?!c))(?:[wkz]|d(?!c))*(?:a(?:w|d(?!c))(?:[wkz]|d(?!c))*)*"
    r"|rr?"
    r"|(?:e|m)[mk]*t*(?:ze[mk]*t*)*)"
    r"(?:s|h(?!c))*"
)

_ASCII = {code: " " for code in range(128) if not chr(code).isalnum()} | {
    ord(each): each.lower() for each in string.ascii_uppercase
}
_ASCII_WORDS = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*")
_ASCII_RICH_WORDS = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*[+#]*")


def split_words(text: str) -> tuple[str, ...]:
    """Split a text into its words; a text of only punctuation has none."""
    if text.isascii():
        if "'" in text:
            return tuple(_ASCII_WORDS.findall(text.lower()))
        return tuple(text.translate(_ASCII).split())
    return tuple(bare for bare, _ in _split(text))


def split_rich_words(text: str) -> tuple[str, ...]:
    """Split a text into the same words, each with the `+` and `#` that follow it directly: `c++`, `c#`."""
    if text.isascii():
        return tuple(_ASCII_RICH_WORDS.findall(text.lower()))
    return tuple(rich for _, rich in _split(text))


def _split(text: str) -> list[tuple[str, str]]:
    text = _fold(text)
    kinds = text.translate(_KINDS)
    words = []
    for found in _WORDS.finditer(kinds):
        start, end = found.span("word")
        word = text[start:end]
        if _JOINER in word and kinds[start] in "wd":  # between letters it only shapes them
            word = word.replace(_JOINER, "")
        words.append((word, word + text[end : found.end()]))
    return words


def _fold(text: str) -> str:
    """Unicode's NFKC_Casefold, with one apostrophe for all."""
    text = _UNSEEN.sub("", text.translate(_APOSTROPHES))
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFKC", text.casefold()).translate(_APOSTROPHES)
