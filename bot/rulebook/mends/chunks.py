"""A rule file cut into its rules and tests by the look of its lines, so that one mistake does not hide the rest."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import msgspec

from bot.rulebook.mends.words import FILE_KEYS, KNOWN, SECTIONS, key_meant

_HEAD = re.compile(r"(?P<lead>\s*)(?P<key>[^\W\d]\w*)\s*(?P<colon>[:;：=]|$)(?P<rest>.*)")
_DASH = re.compile(r"(\s*)-(?:\s|$)")
_NAMED = re.compile(r"\s*-\s*\{?\s*name\b")
#: A list within another one begins further to the right.
_NEAR = 1
_LISTS = {"rules", "tests"}
#: Lines with an unknown key of which it is looked whether a section was meant.
_MOST_MEANT = 2_000


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that can be read on their own: a rule, a test, or another part of the file."""

    #: The number of its first line, counted from 0.
    first: int
    lines: tuple[str, ...]
    #: The section's first line, without which the lines say nothing; empty where it is among them.
    head: str
    #: The column of the dashes of its kind, counted from 0; None where it has none.
    dash: int | None


def chunks(lines: list[str]) -> list[Chunk]:
    """All chunks of a file, in their order; each line is in one."""
    heads = [0, *_section_heads(lines)]
    found: list[Chunk] = []
    for start, stop in zip(heads, [*heads[1:], len(lines)], strict=True):
        found += _section(lines, start, stop)
    return found


def section_name(line: str) -> str | None:
    """The key of a file that a line begins with, as it was meant."""
    head = _HEAD.match(line.lstrip("\ufeff"))
    return key_meant(head["key"], FILE_KEYS) if head else None


def _section_heads(lines: list[str]) -> Iterator[int]:
    """The lines that begin a section, but for the first line."""
    left = _MOST_MEANT
    for at, line in enumerate(lines):
        head = _HEAD.fullmatch(line.lstrip("\ufeff")) if at else None
        if not head:
            continue
        if head["key"] in SECTIONS and head["colon"]:
            yield at
        elif head["lead"] or (head["key"] in KNOWN and head["key"] not in FILE_KEYS):
            continue
        elif head["key"] in FILE_KEYS:
            yield at
        elif left:
            left -= 1
            if key_meant(head["key"], FILE_KEYS) is not None:
                yield at


def _section(lines: list[str], start: int, stop: int) -> list[Chunk]:
    name = section_name(lines[start])
    dashes = [(at, len(found[1])) for at in range(start, stop) if (found := _DASH.match(lines[at]))]
    if name not in _LISTS or not dashes:
        return [Chunk(first=start, lines=tuple(lines[start:stop]), head="", dash=None)]
    column = _usual_column(lines, dashes)
    starts = [at for at, found in dashes if found == column]
    cuts = [start, *starts[1:], stop] if starts else [start, stop]
    return [
        Chunk(first=cut, lines=tuple(lines[cut:end]), head="" if cut == start else f"{name}:", dash=column)
        for cut, end in pairwise(cuts)
    ]


def _usual_column(lines: list[str], dashes: list[tuple[int, int]]) -> int:
    """The column of the dashes of a section's items, not of the lists within them."""
    first, column = dashes[0]
    counts = Counter(found for _, found in dashes)
    usual = min((found for found, count in counts.items() if count > 1), default=column)
    others = [at for at, found in dashes if found == usual]
    if all(_NAMED.match(lines[at]) for at in (first, *others)):
        return usual
    if column >= usual or lines[first].rstrip().endswith(":") or usual - column > _NEAR:
        return min(column, usual)
    return usual
