"""A change of one line that may be the mend of a mistake, with what it would say of the cause."""

import re
from collections.abc import Iterator

import msgspec

from bot.rulebook.mends.words import KNOWN


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A change within one line, by columns counted from 0."""

    start: int
    end: int
    text: str
    #: What is wrong, for people.
    sentence: str
    #: What the change does, for a button.
    label: str
    #: The column that the sentence is about, where it is not `start`.
    at: int | None = None


class ChunkLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line with those around it."""

    number: int
    lines: tuple[str, ...]
    #: The usual column of the dashes of rules and tests.
    dash: int | None

    @property
    def text(self) -> str:
        """Without its end."""
        return self.lines[self.number]

    @property
    def margin(self) -> int:
        """How many blanks it begins with."""
        return len(self.text) - len(self.text.lstrip())

    def key_column(self, number: int) -> int | None:
        """The column of the first key of a line, counted from 0."""
        found = _KEY.match(self.lines[number])
        return found.start("key") if found and not found["lead"].strip().startswith("#") else None

    @property
    def value_start(self) -> int | None:
        """Where the value of the line's first key, or of its dash, begins."""
        found = _VALUE.match(self.text)
        return found.end() if found and found.end() < len(self.text.rstrip()) else None


_KEY = re.compile(r"(?P<lead>\s*(?:-\s*)*)(?P<key>[^\W\d]\w*)\s*:")
_VALUE = re.compile(r"\s*(?:-\s+)*(?:[^\W\d]\w*\s*:\s+)?")
KEYS = "|".join(sorted(map(re.escape, KNOWN), key=len, reverse=True))


def replaced(
    start: int, end: int, text: str, *, sentence: str, label: str, at: int | None = None
) -> Iterator[Proposal]:
    """One proposal."""
    yield Proposal(start=start, end=end, text=text, sentence=sentence, label=label, at=at)
