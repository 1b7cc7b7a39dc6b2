"""The keys of a rule that all begin in another column than its first one: a block, which moves as one."""

from collections.abc import Iterator

import msgspec

from bot.rulebook.mends.chunks import Chunk
from bot.rulebook.mends.proposal import ChunkLine
from bot.rulebook.splices import Edit


class KeyBlock(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of a chunk from the first key below a dash on, and how far they move."""

    #: The lines that move, counted from 0.
    numbers: tuple[int, ...]
    #: Columns to the right; below 0 to the left.
    distance: int
    #: The first key of the rule, and the first that moves.
    above: str
    key: str

    @property
    def sentence(self) -> str:
        """What is wrong."""
        width = abs(self.distance)
        spaces = "1 space" if width == 1 else f"{width} spaces"
        where = "left" if self.distance > 0 else "right"
        return (
            f'"{self.key}" stands {spaces} further {where} than "{self.above}" above it. '
            "Keys of one rule begin in the same column."
        )

    @property
    def label(self) -> str:
        """What the change does."""
        what = "it" if len(self.numbers) == 1 else "them"
        return f"Move {what} {'right' if self.distance > 0 else 'left'}"

    def edits(self, first: int) -> tuple[Edit, ...]:
        """The change; `first` is the number of the chunk's first line in the file, counted from 1."""
        lines = [first + each for each in self.numbers]
        taken, blanks = max(-self.distance, 0), " " * self.distance
        return tuple(
            Edit(line=line, column=1, end_line=line, end_column=1 + taken, text=blanks) for line in lines
        )

    def moved(self, lines: tuple[str, ...]) -> tuple[str, ...]:
        """The lines of the chunk after it."""
        changed = list(lines)
        for number in self.numbers:
            changed[number] = " " * self.distance + lines[number][max(-self.distance, 0) :]
        return tuple(changed)


def key_block(chunk: Chunk) -> KeyBlock | None:
    """The block of a chunk that stands in the wrong column; None where none does."""
    lines = [
        ChunkLine(number=number, lines=chunk.lines, dash=chunk.dash) for number in range(len(chunk.lines))
    ]
    said = [each for each in lines if each.text.strip() and not each.text.lstrip().startswith("#")]
    at = next((at for at, each in enumerate(said) if each.text.lstrip().startswith("- ")), None)
    if at is None or (column := said[at].key_column(said[at].number)) is None:
        return None
    first = next(_astray(said[at:], column), None)
    if first is None:
        return None
    numbers = tuple(_moving(lines[first.number :], first.margin))
    return KeyBlock(
        numbers=numbers,
        distance=column - first.margin,
        above=_key(said[at]),
        key=_key(first),
    )


def _astray(said: list[ChunkLine], column: int) -> Iterator[ChunkLine]:
    """Lines below a dash that begin further left than its key, or right below it further right."""
    for each in said[1:]:
        if each.text.lstrip().startswith("-") or each.key_column(each.number) is None:
            continue
        if each.margin < column or (each is said[1] and each.margin > column):
            yield each


def _moving(lines: list[ChunkLine], margin: int) -> Iterator[int]:
    for each in lines:
        if not each.text.strip():
            continue
        if each.margin < margin:
            return
        yield each.number


def _key(line: ChunkLine) -> str:
    return line.text.lstrip(" -").partition(":")[0].strip()
