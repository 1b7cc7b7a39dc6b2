"""The costliest text that a template with tags may write: of each `{% if %}` the branch that costs most."""

import re
from collections.abc import Callable, Iterator

from bot.rulebook.liquid_limits import LONGEST_SOURCE
from bot.text.segments import is_gsm, measure

_NAME = re.compile(r"-?\s*(\w*)")
_OPENING = frozenset({"if", "unless", "case", "for", "comment", "capture"})
_GOING_ON = frozenset({"elsif", "else", "when"})
#: What stands in them is not written there.
_UNWRITTEN = frozenset({"comment", "capture"})


def costliest(text: str) -> str:
    """What a template writes at most, without its tags; of a loop one round. One that cannot be read stays as it is."""
    if "{%" not in text or len(text) > LONGEST_SOURCE:
        return text
    return max((_written(text, weigh) for weigh in (len, _by_alphabet)), key=_cost)


def _written(text: str, weigh: Callable[[str], tuple[bool, int] | int]) -> str:
    """The template's text with the weightiest of the branches between which each block chooses."""
    #: The blocks around the place that is read, each with its branches so far.
    blocks: list[tuple[str, list[str]]] = [("", [""])]
    at, trims = 0, False
    for start, end, tag in _tags(text):
        _add(blocks[-1][1], text[at:start], trims=trims, trims_behind=tag.startswith("-"))
        at, trims = end, tag.endswith("-")
        named = _NAME.match(tag)
        name = named[1] if named else ""
        if name in _OPENING:
            blocks.append((name, [""]))
        elif name in _GOING_ON:
            blocks[-1][1].append("")
        elif name.startswith("end"):
            opened, branches = blocks.pop()
            if opened != name.removeprefix("end") or not blocks:
                return text
            if opened == "case":
                del branches[0]  # before the first `when`
            if opened not in _UNWRITTEN and branches:
                blocks[-1][1][-1] += max(branches, key=weigh)
    _add(blocks[-1][1], text[at:], trims=trims)
    return blocks[0][1][0] if len(blocks) == 1 and len(blocks[0][1]) == 1 else text


def _tags(text: str) -> Iterator[tuple[int, int, str]]:
    """Each tag: where it begins and ends, and what stands between its braces."""
    end = 0
    while (start := text.find("{%", end)) >= 0 and (close := text.find("%}", start + 2)) >= 0:
        end = close + 2
        yield start, end, text[start + 2 : close]


def _add(branches: list[str], some: str, *, trims: bool, trims_behind: bool = False) -> None:
    """Add a piece of text to the last branch, without the white space that `-` takes away."""
    some = some.lstrip() if trims else some
    branches[-1] += some.rstrip() if trims_behind else some


def _by_alphabet(text: str) -> tuple[bool, int]:
    """First those with a character that makes the whole text cost more."""
    return not is_gsm(text), len(text)


def _cost(text: str) -> tuple[int, int]:
    """Segments, and bits: a septet has 7, a unit of UCS-2 16."""
    size = measure(text)
    return size.segments, size.units * (7 if size.encoding == "GSM-7" else 16)
