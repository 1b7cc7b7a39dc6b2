"""Where lines begin and end in a rule file, and the comments in them."""

import re
from collections.abc import Iterable
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_LINE_END = re.compile(r"\r\n|\r|\n")


def line_break(text: str) -> str:
    """What ends the lines of a text."""
    found = _LINE_END.search(text)
    return found[0] if found else "\n"


def line_start(text: str, at: int) -> int:
    """The offset of the first character of a line."""
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


def line_end(text: str, at: int) -> int:
    """The offset behind the last character of a line, before what ends it."""
    found = _LINE_END.search(text, at)
    return found.start() if found else len(text)


def margin(text: str, at: int) -> int:
    """How many columns stand to the left of an offset."""
    return len(text[line_start(text, at) : at].removeprefix("\ufeff"))


def scalar_ranges(text: str) -> list[tuple[int, int]]:
    """The ranges of all texts, in which a # is no comment."""
    skipped = len(text) - len(text.removeprefix("\ufeff"))
    ranges: list[tuple[int, int]] = []
    events: Iterable[Any] = yaml.parse(text[skipped:], Loader=_LOADER)
    for event in events:
        marks: tuple[Any, Any] = (event.start_mark, event.end_mark)
        if isinstance(event, yaml.ScalarEvent):
            start, end = (mark.index + skipped for mark in marks)
            if event.style in {"|", ">"}:
                start = line_end(text, start)
                end = start + len(text[start:end].rstrip())
            ranges.append((start, end))
    return ranges


def comment_ranges(text: str) -> list[tuple[int, int]]:
    """The ranges of all comments of a text that is YAML."""
    found: list[tuple[int, int]] = []
    at = 0
    for start, end in [*scalar_ranges(text), (len(text), len(text))]:
        while at < start:
            sharp = text.find("#", at, start)
            if sharp < 0:
                break
            stop = line_end(text, sharp)
            if sharp == 0 or text[sharp - 1] in " \t\r\n\ufeff":
                found.append((sharp, stop))
                at = stop
            else:
                at = sharp + 1
        at = max(at, end)
    return found


def comments_in(text: str, start: int, end: int) -> list[str]:
    """The comments that begin within a range."""
    return [text[one:stop] for one, stop in comment_ranges(text) if start <= one < end]
