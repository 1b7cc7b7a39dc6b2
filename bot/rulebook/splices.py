"""Changes of a text as ranges and what comes into their place; every other character stays as it is."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable

import msgspec

_LINE_END = re.compile(r"\r\n|\r|\n")


class Splice(msgspec.Struct, frozen=True, order=True, gc=False):
    """Characters of a text, from `start` up to and without `end`, and the text that takes their place."""

    start: int
    end: int
    text: str


class Edit(msgspec.Struct, frozen=True, kw_only=True, order=True, gc=False):
    """The same by lines and columns, both counted from 1; `end_column` is that behind the last character."""

    line: int
    column: int
    end_line: int
    end_column: int
    #: What comes into the place of these characters.
    text: str


class Mend(msgspec.Struct, frozen=True, order=True):
    """A proposed change that takes a mistake away."""

    #: What it does, for a button: `Move it left`.
    label: str = ""
    edits: tuple[Edit, ...] = ()
    #: Whether nobody needs to ask what was meant, so that `bot rules check --fix` may make it.
    is_safe: bool = False


NO_MEND = Mend()


class Lines:
    """Where the lines of a text begin: offsets become lines and columns, and back."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(found.end() for found in _LINE_END.finditer(text))]
        #: The line that was asked for last: who asks for each part of a long one would copy it each time.
        self._last = (0, "")

    def __len__(self) -> int:
        return len(self._starts)

    def start(self, line: int) -> int:
        """The offset of a line's first character; the text's end for a line behind the last."""
        return self._starts[line - 1] if line <= len(self._starts) else len(self._text)

    def content(self, line: int) -> str:
        """A line without its end."""
        if self._last[0] != line:
            self._last = line, self._text[self.start(line) : self.start(line + 1)].rstrip("\r\n")
        return self._last[1]

    def contents(self) -> list[str]:
        """All lines without their ends."""
        return _LINE_END.split(self._text)

    def offset(self, line: int, column: int) -> int:
        """The offset of a place, kept within its line."""
        return min(self.start(line) + column - 1, self.start(line) + len(self.content(line)))

    def place(self, offset: int) -> tuple[int, int]:
        """The line and the column of an offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def edit(self, splice: Splice) -> Edit:
        """A splice by lines and columns."""
        line, column = self.place(splice.start)
        end_line, end_column = self.place(splice.end)
        return Edit(line=line, column=column, end_line=end_line, end_column=end_column, text=splice.text)

    def splice(self, edit: Edit) -> Splice:
        """An edit by offsets."""
        return Splice(
            self.start(edit.line) + edit.column - 1,
            self.start(edit.end_line) + edit.end_column - 1,
            edit.text,
        )


def spliced(text: str, splices: Iterable[Splice]) -> str:
    """The text with all splices made; they don't overlap."""
    parts: list[str] = []
    at = 0
    for each in sorted(splices):
        if each.start < at:
            raise ValueError("Two changes of a text overlap.")
        parts += (text[at : each.start], each.text)
        at = each.end
    return "".join([*parts, text[at:]])


def mended(text: str, mends: Iterable[Mend]) -> str:
    """The text with the mends made; of two that overlap the first is. A byte order mark is no part of a line."""
    bare = text.removeprefix("\ufeff")
    lines = Lines(bare)
    taken: list[Splice] = []
    for mend in mends:
        splices = [lines.splice(each) for each in mend.edits]
        if not any(_overlap(one, other) for one in splices for other in taken):
            taken += splices
    return text[: len(text) - len(bare)] + spliced(bare, taken)


def _overlap(one: Splice, other: Splice) -> bool:
    return one.start <= other.end and other.start <= one.end


def difference(before: str, after: str) -> Splice:
    """The one range that became another text: what both begin and end with is left out."""
    most = min(len(before), len(after))
    start = _most_that(lambda low, high: before[low:high] == after[low:high], most)
    was, now = len(before), len(after)
    end = _most_that(
        lambda low, high: before[was - high : was - low] == after[now - high : now - low], most - start
    )
    return Splice(start, was - end, after[start : now - end])


def _most_that(is_equal: Callable[[int, int], bool], most: int) -> int:
    """How many characters from an end on are equal: found by halves, as a text may have a million."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if is_equal(low, middle):
            low = middle
        else:
            high = middle - 1
    return low
