"""Words as rules compare them: after Unicode NFKC and case folding, without punctuation around and between.

`don't` is one word, `this.is` are two, an emoji is a word whatever its skin tone and however often it is repeated, and
a digit is the same in every script. A script without spaces is one word from punctuation to punctuation; `split_units`
cuts it into the characters that rules look for in it.
"""

import re
import string
import unicodedata

from bot.text.normal_forms import normalize

#: Phones write an apostrophe in all these ways; NFKC would make some of them a space and an accent.
APOSTROPHES = (
    "\u2018\u2019\u201a\u201b\u2032\u2035\u02b9\u02bb\u02bc\u02bd\u02c8\u00b4`\u055a\u1ffd\u1fef\uff07\uff40"
)
_APOSTROPHES = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))

#: Characters that are not seen (soft hyphen, joiners, direction marks, variation selectors), as in Unicode's
#: NFKC_Casefold. The zero-width joiner stays, as it holds emoji together.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)
_JOINER = "\u200d"
#: Between words of Thai, Lao, Burmese and Khmer it is the space; elsewhere it only says where a line may break.
_ZERO_SPACE = "\u200b"
_SPACED_BY_ZERO = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\ua9e0-\ua9ff\uaa60-\uaa7f"
_UNSEEN_ZERO_SPACE = re.compile(
    f"(?<!{_ZERO_SPACE})(?:(?<![{_SPACED_BY_ZERO}]){_ZERO_SPACE}++|{_ZERO_SPACE}++(?![{_SPACED_BY_ZERO}]))"
)
#: The Turkish i: İ with its dot, ı without, and what other programs make of the first.
_TURKISH = str.maketrans({"\u0130": "i", "\u0131": "i"})
_DOTTED = "i\u0307"
#: What is left out of an emoji: skin tones, and the signs of a woman and a man.
_TONES = re.compile("(?<=.)[\U0001f3fb-\U0001f3ff]|\u200d[\u2640\u2642]")

#: Scripts that put no space between words: Han, kana, bopomofo, Yi, Thai, Lao, Burmese, Khmer, Tai, Javanese, Balinese.
_UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u1780-\u17d3\u17dc\u17dd"
    "\u1950-\u19c9\u1a20-\u1a7c\u1b05-\u1b4c\ua980-\ua9c0\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaadf"
    "\u2e80-\u2fd5\u3005-\u3007\u3021-\u302d\u3031-\u3035\u303b\u303c\u3041-\u3096\u3099\u309a\u309d-\u309f"
    "\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua48c"
    "\uf900-\ufaff\U00016fe0-\U00018cff\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_HAS_UNSPACED = re.compile(f"[{_UNSPACED}]").search
#: A character with what is written on, below and around it (Khmer and Burmese stack the next one), or other letters.
_UNITS = re.compile(
    rf"[{_UNSPACED}](?:[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u1038\u103a-\u103e"
    r"\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u17b6-\u17d1\u17d3\u17dd"
    r"\u1a55-\u1a5e\u1a61-\u1a7c\u1b34-\u1b43\ua9b3-\ua9bf\u302a-\u302d\u3099\u309a]"
    rf"|[\u1039\u17d2\u1a60\u1b44\ua9c0][{_UNSPACED}]?)*|[^{_UNSPACED}]+"
)


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


class _Digits(dict[int, str]):
    """The plain digit of each one in another script or in a circle; all other characters stay."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        value = unicodedata.digit(character, None)
        plain = character if value is None else str(value)
        if len(self) < 20_000:
            self[code] = plain
        return plain


_DIGITS = _Digits()
_TEN = "\U0001f51f"

_ASCII = {code: " " for code in range(128) if not chr(code).isalnum()} | {
    ord(each): each.lower() for each in string.ascii_uppercase
}
_ASCII_WORDS = re.compile(r"[a-z0-9]+(?:['`][a-z0-9]+)*")
_ASCII_RICH_WORDS = re.compile(r"[a-z0-9]+(?:['`][a-z0-9]+)*[+#]*")


def split_words(text: str) -> tuple[str, ...]:
    """Split a text into its words; a text of only punctuation has none."""
    if text.isascii():
        if "'" in text or "`" in text:
            return tuple(_ASCII_WORDS.findall(text.lower().replace("`", "'")))
        return tuple(text.translate(_ASCII).split())
    return tuple(bare for bare, _, _ in _split(text))


def split_rich_words(text: str) -> tuple[str, ...]:
    """Split a text into the same words, each with the `+` and `#` that follow it directly: `c++`, `c#`."""
    if text.isascii():
        return tuple(_ASCII_RICH_WORDS.findall(text.lower().replace("`", "'")))
    return tuple(rich for _, rich, _ in _split(text))


def is_same_word(wanted: str, heard: str) -> bool:
    """Whether a heard word with its symbols is the wanted one: with symbols it wants just these, without them any."""
    if wanted[-1] in "+#":
        return wanted == heard
    return wanted == heard.rstrip("+#")


def split_plain_words(text: str) -> tuple[str, ...]:
    """Split a text into its words, and leave out emoji."""
    if text.isascii():
        return split_words(text)
    return tuple(bare for bare, _, kind in _split(text) if kind not in "rem")


def is_unspaced(text: str) -> bool:
    """Whether a text has a character of a script without spaces."""
    return _HAS_UNSPACED(text) is not None


def split_units(words: tuple[str, ...]) -> tuple[str, ...]:
    """Cut words of scripts without spaces into their characters, each with its marks, and at borders to other scripts.

    `請問wifi密碼` is 請, 問, wifi, 密 and 碼; other words stay as they are.
    """
    return tuple(unit for word in words for unit in (_UNITS.findall(word) if is_unspaced(word) else (word,)))


def _split(text: str) -> list[tuple[str, str, str]]:
    """Each word, its rich form, and the kind of its first character."""
    text = _fold(text)
    kinds = text.translate(_KINDS)
    words: list[tuple[str, str, str]] = []
    for found in _WORDS.finditer(kinds):
        start, end = found.span("word")
        word = text[start:end]
        kind = kinds[start]
        if kind in "wd":
            if _JOINER in word:  # between letters it only shapes them
                word = word.replace(_JOINER, "")
            if kinds[start:end] == "dc":  # a keycap
                word = word[0]
        elif kind == "e":
            word = "10" if word == _TEN else _TONES.sub("", word)
            kind = "d" if word == "10" else kind
            if words and words[-1][0] == word and words[-1][1] == word:
                words.pop()  # said twice, it is said once
        words.append((word, word + text[end : found.end()], kind))
    return words


def _fold(text: str) -> str:
    """Unicode's NFKC_Casefold, with one apostrophe, one i and one writing of each digit for all."""
    text = _UNSEEN.sub("", text.translate(_APOSTROPHES))
    if _ZERO_SPACE in text:
        text = _UNSEEN_ZERO_SPACE.sub("", text)
    text = normalize("NFC", text).translate(_TURKISH)
    text = normalize("NFKC", normalize("NFD", text).casefold())
    text = normalize("NFKC", text.casefold()).translate(_APOSTROPHES)
    return text.replace(_DOTTED, "i").translate(_TURKISH).translate(_DIGITS)
