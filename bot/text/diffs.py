"""What changed between two texts, line by line."""

from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

from msgspec import Struct

from bot.text.lines import split_lines

#: Lines of either text around a change that are compared with each other; more are taken to be all different, as the
#: comparison of long texts with nothing in common takes time that grows with the square of their length.
_MOST_COMPARED = 5_000
#: Pairs of equal lines, one of each text: the comparison goes through them time and again.
_MOST_PAIRS = 250_000


class Line(Struct, frozen=True, kw_only=True):
    """A line of a comparison."""

    kind: Literal["same", "added", "removed", "left out"]
    text: str
    #: Its number in each text, counted from 1.
    old: int | None = None
    new: int | None = None


def compare_lines(before: str, after: str, context: int = 3) -> list[Line]:
    """The lines that differ, each with a few around it; stretches that are the same are left out."""
    lines = list(_compared(split_lines(before), split_lines(after)))
    near = [False] * len(lines)
    for at, line in enumerate(lines):
        if line.kind != "same":
            start, end = max(at - context, 0), min(at + context + 1, len(lines))
            near[start:end] = [True] * (end - start)
    if not any(near):
        return []
    shown: list[Line] = []
    for is_near, stretch in groupby(zip(near, lines, strict=True), key=lambda pair: pair[0]):
        several = [line for _, line in stretch]
        shown += several if is_near else [Line(kind="left out", text=f"{len(several):,} more")]
    return shown


def _compared(old: list[str], new: list[str]) -> Iterator[Line]:
    for is_same, a, b, c, d in _stretches(old, new):
        if is_same:
            for at in range(b - a):
                yield Line(kind="same", text=old[a + at], old=a + at + 1, new=c + at + 1)
            continue
        for at in range(a, b):
            yield Line(kind="removed", text=old[at], old=at + 1)
        for at in range(c, d):
            yield Line(kind="added", text=new[at], new=at + 1)


def _stretches(old: list[str], new: list[str]) -> Iterator[tuple[bool, int, int, int, int]]:
    """Whether a stretch is the same in both, and from where to where it goes in each."""
    start, shorter = 0, min(len(old), len(new))
    while start < shorter and old[start] == new[start]:
        start += 1
    end = 0
    while end < shorter - start and old[-1 - end] == new[-1 - end]:
        end += 1
    yield True, 0, start, 0, start
    middle_old, middle_new = old[start : len(old) - end], new[start : len(new) - end]
    if max(len(middle_old), len(middle_new)) > _MOST_COMPARED or _pairs(middle_old, middle_new) > _MOST_PAIRS:
        yield False, start, len(old) - end, start, len(new) - end
    else:
        matcher = SequenceMatcher(None, middle_old, middle_new, autojunk=False)
        for tag, a, b, c, d in matcher.get_opcodes():
            yield tag == "equal", start + a, start + b, start + c, start + d
    yield True, len(old) - end, len(old), len(new) - end, len(new)


def _pairs(old: list[str], new: list[str]) -> int:
    times = Counter(new)
    return sum(times[line] for line in old)
