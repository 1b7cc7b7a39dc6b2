r"""Translates a pattern of an author into one that looks through messages as `bot.text.seen` encodes them.

What it gives is plain RE2 that distinguishes case. The author's own pattern has been compiled before, so that it is
known to be RE2 syntax. Two things have no translation: `(?-i)`, as messages are in small letters, and `\\C`.
"""

import re
import unicodedata
from functools import lru_cache

import msgspec
import re2

from bot.rulebook.pattern_names import names_between
from bot.text.normal_forms import normalize
from bot.text.seen import LEADS, PLACES, fold, name_of, see_character

Ranges = tuple[tuple[int, int], ...]

_LAST = 0x10FFFF
_ASCII = 0x7F
#: Any letter, mark or number beyond ASCII, under its name.
_NAMED = rf"[A-I][N-Z]{{{PLACES}}}"
_ANY_WORD = rf"(?:[0-9a-z_]|{_NAMED})"
_ESCAPES = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
_SPACE: Ranges = ((9, 10), (12, 13), (32, 32))
_DIGIT: Ranges = ((48, 57),)
_POSIX: dict[str, Ranges] = {
    "ascii": ((0, 127),),
    "blank": ((9, 9), (32, 32)),
    "cntrl": ((0, 31), (127, 127)),
    "digit": _DIGIT,
    "graph": ((33, 126),),
    "print": ((32, 126),),
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "space": ((9, 13), (32, 32)),
    "xdigit": ((48, 57), (65, 70), (97, 102)),
}
#: These know all letters, as `\w` does.
_POSIX_LETTERS = {
    "alpha": ("L", "M"),
    "alnum": ("L", "M", "N"),
    "lower": ("L", "M"),
    "upper": ("L", "M"),
    "word": ("L", "M", "N"),
}
_UNBOUNDED = 1 << 30
_FLAGS = re.compile(r"\(\?([imsU]*)(-[imsU]*)?\)")
_GROUP = re.compile(r"\((?:\?(?:P?<(?P<name>\w+)>|(?P<on>[imsU]*)(?P<off>-[imsU]*)?:))?")
_PROPERTY = re.compile(r"\\[pP](?:\{(\^?)(\w+)\}|(\w))")
_NUMBERED = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]+)\}|([0-7]{1,3}))")
_POSIX_CLASS = re.compile(r"\[:(\^?)(\w+):\]")
_REPETITION = re.compile(r"([*+?]|\{(\d+)(,?)(\d*)\})\??")


class Untranslatable(ValueError):
    """The pattern has something that has no meaning in small letters; `str()` is what it is."""


class Translation(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern for encoded messages, and how many characters it and its named groups can take."""

    source: str
    longest: int
    groups: dict[str, int]


def translate(source: str) -> Translation:
    """Translate a pattern; raises Untranslatable."""
    reader = _Reader(normalize("NFC", source))
    try:
        written, longest = reader.alternatives("")
    except RecursionError:
        raise Untranslatable("brackets in brackets, this deep") from None
    return Translation(source=written, longest=min(longest, _UNBOUNDED), groups=reader.groups)


class _Reader:
    """Reads a pattern from left to right and writes its translation."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self.groups: dict[str, int] = {}

    def alternatives(self, flags: str) -> tuple[str, int]:
        """Read up to the bracket that closes, or the end: what is written, and its longest match in characters."""
        written: list[str] = []
        longest = length = 0
        while self._at < len(self._source) and self._source[self._at] != ")":
            if self._source[self._at] == "|":
                self._at += 1
                written.append("|")
                longest, length = max(longest, length), 0
                continue
            if found := _FLAGS.match(self._source, self._at):
                self._at = found.end()
                flags, emitted = _with_flags(flags, found[1] or "", found[2] or "")
                written.append(f"(?{emitted})" if emitted else "")
                continue
            atom, size = self._atom(flags)
            repeat, times = self._repetition()
            written.append(atom + repeat)
            length = min(length + size * times, _UNBOUNDED)
        return "".join(written), max(longest, length)

    def _atom(self, flags: str) -> tuple[str, int]:
        character = self._source[self._at]
        if character == "(":
            return self._group(flags)
        if character == "[":
            return _written(self._class()), 1
        if character == "\\":
            return self._escape()
        self._at += 1
        if character == ".":
            end = "" if "s" in flags else r"\n"
            return rf"(?:[^{end}A-Z]|{_NAMED})", 1
        if character in "^$":
            return character, 0
        return _literal(character)

    def _group(self, flags: str) -> tuple[str, int]:
        found = _GROUP.match(self._source, self._at)
        assert found is not None  # noqa: S101 - RE2 has read this pattern
        self._at = found.end()
        opening = "("
        if name := found["name"]:
            opening = f"(?P<{name}>"
        elif found[0].startswith("(?"):
            flags, emitted = _with_flags(flags, found["on"] or "", found["off"] or "")
            opening = f"(?{emitted}:"
        inner, longest = self.alternatives(flags)
        self._at += 1
        if name:
            self.groups[name] = longest
        return f"{opening}{inner})", longest

    def _escape(self) -> tuple[str, int]:
        following = self._source[self._at + 1]
        if following == "Q":
            end = self._source.find(r"\E", self._at + 2)
            quoted = self._source[self._at + 2 : end if end >= 0 else None]
            self._at = end + 2 if end >= 0 else len(self._source)
            parts = [_literal(each) for each in quoted]  # what repeats it repeats the last one
            return "".join(part for part, _ in parts) or "(?:)", len(parts)
        if following in "AzbB":
            self._at += 2
            return f"\\{following}", 0
        if following == "C":
            raise Untranslatable(r"\C")
        if following == "w":
            self._at += 2
            return _ANY_WORD, 1
        if following == "W":
            self._at += 2
            return "[^0-9A-Za-z_]", 1
        ranges = self._set_escape()
        if ranges is not None:
            return _written(ranges), 1
        return _literal(self._character())

    def _set_escape(self) -> Ranges | None:
        r"""A class of one escape: `\d`, `\S`, `\pL`, `\P{Greek}`."""
        following = self._source[self._at + 1]
        simple = {"d": _DIGIT, "s": _SPACE, "w": _word_ranges()} if following in "dDsSwW" else {}
        if following.lower() in simple:
            self._at += 2
            ranges = simple[following.lower()]
            return _complement(ranges) if following.isupper() else ranges
        if following in "pP":
            found = _PROPERTY.match(self._source, self._at)
            assert found is not None  # noqa: S101
            self._at = found.end()
            ranges = _property_ranges(found[2] or found[3])
            return _complement(ranges) if (following == "P") != bool(found[1]) else ranges
        return None

    def _character(self) -> str:
        """One character, escaped or not."""
        if self._source[self._at] != "\\":
            self._at += 1
            return self._source[self._at - 1]
        found = _NUMBERED.match(self._source, self._at)
        if found:
            self._at = found.end()
            return chr(int(found[3], 8) if found[3] else int(found[1] or found[2], 16))
        self._at += 2
        each = self._source[self._at - 1]
        return _ESCAPES.get(each, each)

    def _class(self) -> Ranges:
        self._at += 1
        is_negated = self._source[self._at] == "^"
        self._at += is_negated
        ranges: list[tuple[int, int]] = []
        is_first = True
        while is_first or self._source[self._at] != "]":
            is_first = False
            if found := _POSIX_CLASS.match(self._source, self._at):
                self._at = found.end()
                ranges += _complement(_posix_ranges(found[2])) if found[1] else _posix_ranges(found[2])
                continue
            if self._source[self._at] == "\\" and (escaped := self._set_escape()) is not None:
                ranges += escaped
                continue
            low = high = ord(self._character())
            if self._source[self._at] == "-" and self._source[self._at + 1] != "]":
                self._at += 1
                high = ord(self._character())
            ranges += _folded(low, high)
        self._at += 1
        joined = _joined(ranges)
        return _complement(joined) if is_negated else joined

    def _repetition(self) -> tuple[str, int]:
        """What repeats the last part, and how often at most; several in a row, as in `(a+)*`, multiply."""
        written, times = "", 1
        while found := _REPETITION.match(self._source, self._at):
            self._at = found.end()
            # RE2 reads `a**` as `a*`; each is put around what is before it.
            written += found[0]
            most = 1 if found[1] == "?" else _UNBOUNDED
            if found[2]:
                most = int(found[4]) if found[4] else _UNBOUNDED if found[3] else int(found[2])
            times = min(times * most, _UNBOUNDED)
        return written, times


def _with_flags(flags: str, on: str, off: str) -> tuple[str, str]:
    """The flags in force, and those to be written: case is already out of the way, and the dot is written out."""
    if "i" in off:
        raise Untranslatable("(?-i)")
    flags = "".join(sorted((set(flags) | set(on)) - set(off)))
    on, off = (re.sub("[is-]", "", each) for each in (on, off))
    return flags, on + (f"-{off}" if off else "")


@lru_cache(maxsize=4_096)
def _literal(character: str) -> tuple[str, int]:
    seen = see_character(character)
    if not seen:
        return "(?:)", 0
    name = name_of(seen)
    return (re.escape(name) if len(name) == 1 else f"(?:{name})"), 1


def _folded(low: int, high: int) -> list[tuple[int, int]]:
    """A range as messages show its characters: in small letters, with their plain twins."""
    ranges = [(low, high)]
    if low == high:
        seen = see_character(chr(low))
        return [(ord(fold(seen)), ord(fold(seen)))] if len(seen) == 1 else ranges
    for code in (*range(low, min(high, _ASCII) + 1), *_cased_between(max(low, _ASCII + 1), high)):
        folded = ord(fold(chr(code)))
        if folded != code:
            ranges.append((folded, folded))
    return ranges


@lru_cache(maxsize=1)
def _cased() -> tuple[int, ...]:
    return tuple(code for code in range(0x80, 0x1E944) if fold(chr(code)) != chr(code))


def _cased_between(low: int, high: int) -> list[int]:
    return [code for code in _cased() if low <= code <= high] if low <= high else []


def _joined(ranges: list[tuple[int, int]]) -> Ranges:
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return tuple(joined)


def _complement(ranges: Ranges) -> Ranges:
    rest, at = [], 0
    for low, high in _joined(list(ranges)):
        if at < low:
            rest.append((at, low - 1))
        at = high + 1
    return (*rest, (at, _LAST)) if at <= _LAST else tuple(rest)


def _common(one: Ranges, other: Ranges) -> Ranges:
    return _complement(_joined([*_complement(one), *_complement(other)]))


@lru_cache(maxsize=256)
def _property_ranges(name: str) -> Ranges:
    """The characters of a property such as `L` or `Greek`, whatever their case, as RE2 has them."""
    options = re2.Options()
    options.case_sensitive = False
    return _found_by(re2.compile(rf"(?:\p{{{name}}})+".encode(), options))


def _found_by(pattern: re2._Regexp) -> Ranges:
    ranges: list[tuple[int, int]] = []
    for found in pattern.finditer(_all_characters()):
        run = found.group().decode()
        ranges += _folded(ord(run[0]), ord(run[-1]))
    return _joined(ranges)


@lru_cache(maxsize=1)
def _all_characters() -> bytes:
    """Every character in its order; a line end between those that are no neighbours."""
    codes = (*range(0xD800), *range(0xE000, 0x323B0), *range(0xE0000, 0xE0200))
    return "".join(map(chr, codes)).encode()


def _kind_ranges(kind: str) -> Ranges:
    """The characters beyond ASCII that have names of a kind."""
    return _named_ranges()[kind]


@lru_cache(maxsize=1)
def _named_ranges() -> dict[str, Ranges]:
    codes = (*range(0x80, 0x323B0), *range(0xE0100, 0xE01F0))
    kinds = "".join(unicodedata.category(chr(code))[0] for code in codes)
    return {
        kind: _joined([(codes[run.start()], codes[run.end() - 1]) for run in re.finditer(f"{kind}+", kinds)])
        for kind in LEADS
    }


@lru_cache(maxsize=1)
def _word_ranges() -> Ranges:
    named = [each for kind in LEADS for each in _kind_ranges(kind)]
    return _joined([(48, 57), (65, 90), (95, 95), (97, 122), *named])


@lru_cache(maxsize=32)
def _posix_ranges(name: str) -> Ranges:
    if name in _POSIX:
        return _POSIX[name]
    letters: list[tuple[int, int]] = [(65, 90), (97, 122)]
    letters += _DIGIT if name in {"alnum", "word"} else ()
    letters += ((95, 95),) if name == "word" else ()
    return _joined([*letters, *(each for kind in _POSIX_LETTERS[name] for each in _kind_ranges(kind))])


@lru_cache(maxsize=1_024)
def _written(ranges: Ranges) -> str:
    """A class over encoded messages."""
    ranges = _joined(list(ranges))
    # Capitals in an encoded message are parts of names.
    plain = list(_common(ranges, ((0, 64), (91, _ASCII))))
    parts: list[str] = []
    if ranges and ranges[-1][1] > _ASCII:
        beyond = _common(ranges, ((_ASCII + 1, _LAST),))
        for kind, leads in LEADS.items():
            its = _kind_ranges(kind)
            common = _common(beyond, its)
            if common == its:
                parts.append(f"[{leads}][N-Z]{{{PLACES}}}")
            elif common:
                parts += names_between(common, leads)
        # Word characters beyond ASCII stand under their names, so it does not matter whether they are in here, too.
        if rest := _common(beyond, _complement(_word_ranges())):
            words_too = _common(_joined([*beyond, *_word_ranges()]), ((_ASCII + 1, _LAST),))
            plain += _shortest(rest, beyond, words_too)
    if plain:
        parts.insert(0, f"[{''.join(map(_range, plain))}]")
    if not parts:
        return r"[^\x{0}-\x{10FFFF}]"
    return (
        parts[0]
        if len(parts) == 1 and parts[0].startswith("[") and "{5}" not in parts[0]
        else f"(?:{'|'.join(parts)})"
    )


def _shortest(*choices: Ranges) -> Ranges:
    return min((len(each), each) for each in choices)[1]


def _range(each: tuple[int, int]) -> str:
    low, high = (f"\\x{{{code:X}}}" for code in each)
    return low if low == high else f"{low}-{high}"
