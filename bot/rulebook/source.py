"""Where in a rule file something stands: a place, and a text with its place."""

import msgspec


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


def place_in(text: Scalar, offset: int) -> SourcePlace:
    """Where a character of a text stands in its file, as well as it can be known."""
    if text.first is None:
        return text.place
    return SourcePlace(text.first.line, text.first.column + offset)
