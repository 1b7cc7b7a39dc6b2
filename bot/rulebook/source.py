"""Where in a rule file something stands: a place, and a text with its place."""

import re
from bisect import bisect_right
from functools import lru_cache

import msgspec

_LINE_END = re.compile(r"\r\n|\r|\n")
#: What stands for one character in quotes; `\` at the end of a line for none.
_ESCAPES = {"'": re.compile("''"), '"': re.compile(r"\\(?:x..|u.{4}|U.{8}|.|$)")}
#: An anchor and a tag before a text.
_PROPERTIES = re.compile(r"(?:[&!]\S*[ \t]+)+")
_BLANKS = " \t"


class SourcePlace(msgspec.Struct, frozen=True, gc=False):
    """Where in a file, counted from 1."""

    line: int
    column: int


START = SourcePlace(1, 1)


class Scalar(msgspec.Struct, frozen=True, gc=False):
    """A text of a rule file, as it is written there."""

    value: str
    place: SourcePlace
    #: Written without quotes, on its line.
    plain: bool
    #: Where the value's first character stands, when it is written on one line.
    first: SourcePlace | None
    #: How it is written, where that is on several lines or with escapes.
    source: str | None = None


def place_in(text: Scalar, offset: int) -> SourcePlace:
    """Where a character of a text stands in its file, as well as it can be known."""
    if text.source is not None:
        starts, places, end = _pieces(text)
        at = bisect_right(starts, offset) - 1
        if at >= 0 and offset <= end:
            return SourcePlace(places[at].line, places[at].column + offset - starts[at])
    if text.first is None:
        return text.place
    return SourcePlace(text.first.line, text.first.column + offset)


@lru_cache(maxsize=1)  # what is asked of one text is asked at once
def _pieces(text: Scalar) -> tuple[list[int], list[SourcePlace], int]:
    """The parts of a value that stand in its source as they are: where each begins in the value, and in the file.

    And up to where in the value that is known.
    """
    source = text.source or ""
    lead = len(found[0]) if (found := _PROPERTIES.match(source)) else 0
    style = source[lead : lead + 1]
    escapes = _ESCAPES.get(style)
    starts: list[int] = []
    places: list[SourcePlace] = []
    at = 0
    for number, line in enumerate(_LINE_END.split(source)):
        column = len(line) - len(line.lstrip(_BLANKS))
        if number == 0:
            if style in {"|", ">"}:
                continue
            column = lead + bool(escapes)
        else:
            at = _behind_blanks(text.value, at)
        before = text.place.column if number == 0 else 1
        for found in [*(escapes.finditer(line, column) if escapes else ()), None]:
            piece = line[column : found.start()] if found else _last_piece(line[column:], text.value, at)
            if not text.value.startswith(piece, at):
                return starts, places, at
            starts.append(at)
            places.append(SourcePlace(text.place.line + number, before + column))
            at += len(piece)
            if found:
                at += len(found[0]) > 1 or found.end() < len(line)
                column = found.end()
    return starts, places, at


def _behind_blanks(value: str, at: int) -> int:
    while at < len(value) and value[at].isspace():
        at += 1
    return at


def _last_piece(rest: str, value: str, at: int) -> str:
    """What a line ends with, without the quote that closes a text."""
    return rest[: len(value) - at].rstrip(_BLANKS)
