"""Where the rules of a file stand, also while one of them is broken: the others are read on their own then."""

import re
from collections.abc import Callable
from functools import lru_cache

import msgspec

from bot.rulebook.editing.layout import line_break, line_start
from bot.rulebook.editing.source_tree import CannotSplice, Path, SourceNode, parse, still_readable
from bot.rulebook.mends.chunks import Chunk, chunks
from bot.rulebook.splices import Lines, difference, spliced

#: Characters from which on a rule is read on its own at once: to read all of 10,000 takes half a second.
_LARGE = 100_000
_NAME = re.compile(r"[\s\-{]*name:[ \t]*(?P<name>[^\s,}#][^,}#\n]*)")
_ITEM = re.compile(r"[ \t]*-(?:\s|$)", re.MULTILINE)


class RuleText(msgspec.Struct, frozen=True, kw_only=True):
    """The text of one rule within that of its file."""

    #: Counts the rules of the file from 0.
    number: int
    name: str
    start: int
    end: int
    #: Whether it is read with blanks in the place of all that stands outside.
    is_alone: bool = False
    #: The way to the rule, in the file or in what is left of it.
    base: Path = (0,)


@lru_cache(maxsize=4)  # a text is looked at before each edit and after it
def rule_texts(text: str) -> tuple[RuleText, ...]:
    """The rules of a file, in their order."""
    if len(text) < _LARGE or "&" in text or not (found := _by_lines(text)):
        try:
            root = parse(text)
        except CannotSplice:
            return _by_lines(text)
        rules = root.find("rules") if root.kind == "mapping" else None
        if rules is not None and rules.kind == "list":
            return tuple(
                RuleText(
                    number=at,
                    name=_name_of(item),
                    start=item.start,
                    end=item.end,
                    base=("rules", at),
                )
                for at, item in enumerate(rules.items)
            )
        return ()
    return found


def node_of(text: str, rule: RuleText) -> SourceNode | None:
    """A rule's node, its places being those of the whole text; None where it is broken."""
    try:
        node = parse(_blanked(text, rule) if rule.is_alone else text)
        for step in rule.base:
            node = node.child(step)
    except CannotSplice:
        return None
    return node if node.kind == "mapping" else None


def with_rule(text: str, rule: RuleText, change: Callable[[str, Path], str]) -> str:
    """The text with a change of one rule, which is given what can be read and the way to the rule in it."""
    if not rule.is_alone:
        return still_readable(text, change(text, rule.base))
    before = _blanked(text, rule)
    made = difference(before, still_readable(before, change(before, rule.base)))
    return spliced(text, [made])


def rule_at(rules: tuple[RuleText, ...], offset: int) -> RuleText | None:
    """The rule in which an offset lies, or else the last one before it."""
    before = [rule for rule in rules if rule.start <= offset]
    return before[-1] if before else (rules[0] if rules else None)


def _name_of(item: SourceNode) -> str:
    found = item.find("name")
    return found.value if found is not None and found.kind == "text" else ""


def _by_lines(text: str) -> tuple[RuleText, ...]:
    lines = Lines(text)
    found: list[RuleText] = []
    is_of_rules = False
    for chunk in chunks(lines.contents()):
        if not chunk.head:
            is_of_rules = chunk.lines[0].lstrip("\ufeff").startswith("rules")
        if not is_of_rules or chunk.dash is None:
            continue
        start = lines.start(chunk.first + 1)
        end = start + len(text[start : lines.start(chunk.first + len(chunk.lines) + 1)].rstrip())
        found.append(_of_chunk(text, chunk, len(found), start, end))
    return tuple(found)


def _of_chunk(text: str, chunk: Chunk, number: int, start: int, end: int) -> RuleText:
    dash = None if chunk.head else _ITEM.search(text, start, end)
    begin = dash.start() if dash else start
    name = _NAME.match(text, begin, end)
    return RuleText(
        number=number,
        name=name["name"].strip("\"' ") if name else "",
        start=begin + len(text[begin:end]) - len(text[begin:end].lstrip(" \t")),
        end=end,
        is_alone=True,
    )


def _blanked(text: str, rule: RuleText) -> str:
    """The rule in its place, with blanks for all before it and nothing behind."""
    line = line_start(text, rule.start)
    above = " " * (line - 1) + "\n" if line else ""
    return above + text[line : rule.end] + line_break(text)
