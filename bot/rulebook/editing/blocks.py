"""The items of a list as blocks of lines, with the comments right above them."""

import re

import msgspec

from bot.rulebook.editing.layout import line_break, line_end, line_start, margin
from bot.rulebook.editing.source_tree import CannotSplice, SourceNode
from bot.rulebook.splices import Splice, spliced
from bot.text.lines import split_lines

_COMMENT = re.compile(r"[ \t]*#")
_BREAK = re.compile(r"\r\n|\r|\n")


class Block(msgspec.Struct, frozen=True):
    """The lines of an item in block layout, the comments right above it among them, without the last line's end."""

    start: int
    end: int
    #: The column of its dash, counted from 0.
    column: int


def moved_order(count: int, at: int, to: int) -> list[int]:
    """Which of so many items stands at each place when one has moved."""
    order = [each for each in range(count) if each != at]
    order.insert(to, at)
    return order


def move_block(text: str, holder: SourceNode, at: int, to: int) -> str:
    """Put an item at another place, its comments with it; the blank lines between items stay where they are."""
    refuse_aliases(holder, "moved")
    parts = blocks(text, holder)
    order = moved_order(len(parts), at, to)
    return spliced(
        text,
        [
            Splice(block.start, block.end, shifted(text, parts[moved], block.column))
            for block, moved in zip(parts, order, strict=True)
            if parts[moved] != block
        ],
    )


def blocks(text: str, holder: SourceNode) -> tuple[Block, ...]:
    """The block of each item; raises `CannotSplice` where they stand in brackets."""
    if holder.is_flow:
        raise CannotSplice("The rules of this file stand in brackets; change this in the text.")
    found: list[Block] = []
    floor = 0
    for item in holder.items:
        dash = dash_before(text, item.start)
        column = margin(text, dash)
        start = line_start(text, dash)
        while (above := line_start(text, start - 1)) >= floor and start > floor and is_comment(text, above):
            start = above
        end = line_end(text, max(item.end, dash + 1))
        while (below := _next_line(text, end)) is not None and is_comment(text, below):
            if len(text[below:]) - len(text[below:].lstrip(" ")) <= column:
                break
            end = line_end(text, below)
        found.append(Block(start + _mark_of_order(text, start), end, column))
        floor = _next_line(text, end) or len(text)
    return tuple(found)


def _mark_of_order(text: str, start: int) -> int:
    return 1 if start == 0 and text.startswith("\ufeff") else 0


def is_comment(text: str, start: int) -> bool:
    """Whether nothing but a comment stands in the line that begins here."""
    return _COMMENT.match(text, start) is not None


def _next_line(text: str, end: int) -> int | None:
    found = _BREAK.match(text, end)
    return found.end() if found and found.end() < len(text) else None


def dedented(line: str, columns: int) -> str:
    """A line with so many blanks less at its beginning, as far as it has them."""
    return line[min(columns, len(line) - len(line.lstrip(" "))) :]


def shifted(text: str, block: Block, column: int) -> str:
    """The block's text with its dash in another column."""
    source = text[block.start : block.end]
    if column == block.column:
        return source
    end = line_break(text)
    lines = [dedented(line, block.column) for line in split_lines(source)]
    return end.join(" " * column + line if line.strip() else "" for line in lines)


def dash_before(text: str, start: int) -> int:
    """The offset of the dash of an item in block layout."""
    at = text.rfind("-", 0, start)
    while (
        at >= 0
        and re.sub(r"#.*", "", text[at + 1 : start]).strip()
        and text[at + 1 : start].strip()[0] not in "&!"
    ):
        at = text.rfind("-", 0, at)
    if at < 0:
        raise CannotSplice("The list's dash is not where it should be; change this in the text.")
    return at


def refuse_aliases(node: SourceNode, done: str) -> None:
    """An anchor comes before what uses it, and belongs to its file."""
    if any(each.kind == "alias" or each.anchor for each in node.everything()):
        raise CannotSplice(f"A rule with & and * in it can't be {done} here; do it in the text.")
