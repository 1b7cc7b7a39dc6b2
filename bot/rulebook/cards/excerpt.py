"""What of a rule file the card of one rule needs: what the file says at its top, and the rule; the rest is left out.

An excerpt is a rule file itself, with one rule or none. A form that changes a rule of 10,000 sends a kilobyte for each
letter in the place of a megabyte, and nobody reads the others.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Self

import msgspec
from msgspec.structs import replace

from bot.rulebook.cards.file_text import LISTS, sections
from bot.rulebook.cards.rule_text import RuleText, node_of, rule_texts
from bot.rulebook.editing.blocks import is_comment
from bot.rulebook.editing.layout import line_end, line_start
from bot.rulebook.editing.source_tree import SourceNode
from bot.rulebook.splices import Splice
from bot.text.utf16 import Utf16Offsets

#: From an offset up to and without another one.
Range = tuple[int, int]
#: Characters that must be left out: fewer are not worth it.
LEAST: Final = 4_000


class Excerpt(msgspec.Struct, frozen=True, kw_only=True):
    """Ranges of a text, one behind the other; all offsets count UTF-16 units."""

    #: In their order. None: it is the whole text.
    ranges: tuple[Range, ...] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing was left out."""
        return self.ranges is None

    def is_of(self, length: int) -> bool:
        """Whether the ranges can be those of a text of so many units."""
        ranges = self.ranges or ()
        edges = [0, *(edge for each in ranges for edge in each)]
        is_in_order = all(one <= other for one, other in pairwise(edges))
        return is_in_order and length == sum(end - start for start, end in ranges)

    def place(self, offset: int) -> int:
        """Where an offset of the excerpt lies in the whole text; at a seam, behind what was left out."""
        start, begins = max((each for each in self._begins() if each[1] <= offset), default=(0, 0))
        return start + offset - begins

    def changed(self, made: Splice, near: int) -> tuple[Splice, Self] | None:
        """A change of the excerpt as one of the whole text, and the ranges then; None: it goes over a seam.

        At a seam it belongs to the range in which `near` lies, an offset of the excerpt, and else to the first one.
        """
        if self.ranges is None:
            return made, self
        homes = [
            at
            for at, (start, begins) in enumerate(self._begins())
            if begins <= made.start and made.end <= begins + self.ranges[at][1] - start
        ]
        if not homes:
            return None
        begins = self._begins()
        home = max(homes, key=lambda at: (begins[at][1] <= near, at)) if near >= 0 else homes[0]
        shift = begins[home][0] - begins[home][1]
        grown = len(Utf16Offsets(made.text)) - (made.end - made.start)
        ranges = tuple(
            (start + grown * (at > home), end + grown * (at >= home))
            for at, (start, end) in enumerate(self.ranges)
        )
        return Splice(made.start + shift, made.end + shift, made.text), replace(self, ranges=ranges)

    def _begins(self) -> list[Range]:
        """Where each range begins in the whole text, and where in the excerpt."""
        found, at = [], 0
        for start, end in self.ranges or ():
            found.append((start, at))
            at += end - start
        return found


WHOLE: Final = Excerpt()


def excerpt_of(
    text: str, rules: Sequence[RuleText], rule: RuleText | None, least: int = LEAST
) -> tuple[Range, ...] | None:
    """The ranges of a text that the card of a rule needs, or that of the file itself (None); they count characters.

    None where the text is small, or where what is left out might mean something for the rest.
    """
    if "&" in text or (rule is not None and not _has_own_lines(text, rules, rule)):
        return None
    ranges: list[Range] = []
    at = 0
    for key, start, end in sections(text):
        if key not in LISTS:
            continue
        first = _behind(text, start)
        ranges.append((at, first if key == "rules" else start))
        if rule is not None and key == "rules" and start < rule.start < end:
            ranges.append((max(_above(text, rule), first), min(_until(text, rules, rule), end)))
        at = end
    ranges = _joined([*ranges, (at, len(text))])
    if len(text) - sum(end - start for start, end in ranges) < least:
        return None
    return tuple(ranges) if _says_the_same(text, ranges, rule) else None


def _says_the_same(text: str, ranges: list[Range], rule: RuleText | None) -> bool:
    excerpt = "".join(text[start:end] for start, end in ranges)
    found = rule_texts(excerpt)
    if rule is None:
        return not found
    if len(found) != 1 or found[0].name != rule.name:
        return False
    return _said(node_of(excerpt, found[0])) == _said(node_of(text, rule))


def _said(node: SourceNode | None) -> object:
    if node is None:
        return None
    return (
        node.kind,
        node.value,
        tuple((_said(key), _said(value)) for key, value in node.pairs),
        tuple(map(_said, node.items)),
    )


def _has_own_lines(text: str, rules: Sequence[RuleText], rule: RuleText) -> bool:
    """Whether nothing but a dash stands before it, and no other rule on its lines."""
    line = line_start(text, rule.start)
    if text[line : rule.start].strip(" \t-"):
        return False
    near = rules[max(rule.number - 1, 0) : rule.number + 2]
    return all(line_start(text, one.end) < line_start(text, other.start) for one, other in pairwise(near))


def _above(text: str, rule: RuleText) -> int:
    """The line where a rule begins, with the comments above it."""
    line = line_start(text, rule.start)
    while line and is_comment(text, line_start(text, line - 1)):
        line = line_start(text, line - 1)
    return line


def _until(text: str, rules: Sequence[RuleText], rule: RuleText) -> int:
    more = rules[rule.number + 1 :][:1]
    return line_start(text, more[0].start) if more else len(text)


def _behind(text: str, at: int) -> int:
    """The first offset of the line below."""
    return min(line_end(text, at) + 1, len(text))


def _joined(ranges: list[Range]) -> list[Range]:
    """Without those that are empty, and those that touch as one."""
    found: list[Range] = []
    for start, end in ranges:
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        elif end > start:
            found.append((start, end))
    return found
