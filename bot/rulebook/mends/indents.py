"""Mends of lines that begin in the wrong column, or without their dash."""

import re
from collections.abc import Iterator

from bot.rulebook.mends.proposal import KEYS, ChunkLine, Proposal, replaced
from bot.rulebook.mends.words import FILE_KEYS, SECTIONS

_START = re.compile(r"(?P<lead>\s*)(?P<dashes>(?:-+\s*)*)(?P<rest>.*)")
_FIRST_KEY = re.compile(rf"[{{\s]*({KEYS})\b")
#: The keys that a rule, a test, a step and a question begin with.
_BEGINNINGS = {"name", "hear", "talk", "say", "save", "question", "after"}


def propose_indents(line: ChunkLine) -> Iterator[Proposal]:
    """All proposals about where a line begins."""
    found = _START.fullmatch(line.text)
    if found is None or not found["rest"] or found["rest"].startswith("#"):
        return
    key = _FIRST_KEY.match(found["rest"])
    name = key[1] if key else None
    if name in SECTIONS and line.margin:
        yield from replaced(
            0,
            line.margin,
            "",
            sentence=f'"{name}" stands {_spaces(line.margin)} too far right; it begins in the first column.',
            label="Move it left",
            at=line.margin,
        )
    if found["dashes"]:
        yield from _dashes(line, found)
    if name is not None and not found["dashes"] and name in _BEGINNINGS:
        yield from _missing_dash(line, name)
    yield from _moves(line, found["dashes"], name)


def _dashes(line: ChunkLine, found: re.Match[str]) -> Iterator[Proposal]:
    lead, dashes = found["lead"], found["dashes"]
    at = len(lead)
    if dashes == "-":
        yield from replaced(
            at, at + 1, "- ", sentence='After the dash comes a space: "- ".', label="Add it", at=at + 1
        )
    elif dashes.count("-") > 1:
        yield from replaced(
            at, at + len(dashes), "- ", sentence="One dash too many stands here.", label="Remove it"
        )
    following = next(
        (
            column
            for below in range(line.number + 1, len(line.lines))
            if (column := line.key_column(below)) is not None
        ),
        None,
    )
    for column in dict.fromkeys([at + 2, following or 0]):
        if column > at and column != at + len(dashes) and dashes.count("-") == 1 and dashes != "- ":
            yield from replaced(
                at,
                at + len(dashes),
                "-" + " " * (column - at - 1),
                sentence="The keys of one rule begin in the same column, and here one blank is too many or missing.",
                label="Put it right",
                at=at + len(dashes),
            )


def _missing_dash(line: ChunkLine, name: str) -> Iterator[Proposal]:
    what = {"name": "a new rule", "hear": "a new test", "talk": "a new test"}.get(name, "an item of a list")
    columns = [line.dash] if line.dash is not None else []
    columns += [line.margin, max(line.margin - 2, 0)]
    columns += [len(other) - len(other.lstrip()) for other in line.lines if other.lstrip().startswith("- ")]
    for column in dict.fromkeys(columns):
        yield from replaced(
            0,
            line.margin,
            " " * column + "- ",
            sentence=f'{what[0].upper()}{what[1:]} begins with "- ".',
            label="Add the dash",
            at=line.margin,
        )


def _moves(line: ChunkLine, dashes: str, name: str | None) -> Iterator[Proposal]:
    """The line moved to a column in which another one of its rule begins."""
    if dashes and line.margin == line.dash and line.number == _first(line):
        return  # it stands where those of the other rules do
    if not line.margin and name in FILE_KEYS:
        return  # so does a key of the file
    if _is_right_below(line):
        return
    for at, column in _columns(line, dashes):
        if column == line.margin or column < 0:
            continue
        yield from replaced(
            0,
            line.margin,
            " " * column,
            sentence=_sentence(line, name or ("-" if dashes else None), at, column),
            label="Indent it"
            if not line.margin
            else "Move it left"
            if column < line.margin
            else "Move it right",
            at=line.margin,
        )


def _is_right_below(line: ChunkLine) -> bool:
    """Whether it stands two columns to the right of the key above it, as what belongs to a key does."""
    above = next((at for at in range(line.number - 1, -1, -1) if line.lines[at].strip()), None)
    if above is None or not line.lines[above].partition(" #")[0].rstrip().endswith(":"):
        return False
    column = line.key_column(above)
    return column is not None and line.margin == column + 2


def _first(line: ChunkLine) -> int:
    return next((at for at, text in enumerate(line.lines) if text.strip().startswith("-")), -1)


def _columns(line: ChunkLine, dashes: str) -> Iterator[tuple[int | None, int]]:
    """Columns to try, with the line that each is taken from; the nearest lines above come first."""
    if dashes and line.dash is not None:
        yield None, line.dash
    others = [*range(line.number - 1, -1, -1), *range(line.number + 1, len(line.lines))]
    for at in others[:12]:
        text = line.lines[at]
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        margin = len(text) - len(text.lstrip())
        column = line.key_column(at)
        if dashes and text.lstrip().startswith("-"):
            yield at, margin
        if column is not None:
            yield at, column
            if at < line.number and text.rstrip().endswith(":"):
                yield at, column + 2


def _sentence(line: ChunkLine, name: str | None, at: int | None, column: int) -> str:
    what = f'"{name}"' if name else "This line"
    if not line.margin:
        rule = next(
            (found[1] for text in line.lines if (found := re.search(r"\bname:\s*([^\s,}]+)", text))), None
        )
        named = f' "{rule}"' if rule else ""
        return f"{what} stands outside its rule{named}."

    where = "right" if column < line.margin else "left"
    distance = _spaces(abs(line.margin - column))
    other = re.search(rf"({KEYS})\s*:", line.lines[at]) if at is not None else None
    if other is None:
        return f"{what} stands {distance} too far {where}."
    place = "above" if at is not None and at < line.number else "below"
    return (
        f'{what} stands {distance} further {where} than "{other[1]}" {place} it. '
        "Keys of one rule begin in the same column."
    )


def _spaces(count: int) -> str:
    return "1 space" if count == 1 else f"{count} spaces"
