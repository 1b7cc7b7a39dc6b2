"""The rules of a file as a list shows them: read from its text, whether or not they are in force."""

from collections.abc import Iterator
from functools import lru_cache

import msgspec

from bot.rulebook.editing.blocks import refuse_aliases
from bot.rulebook.editing.rule_blocks import rules_of
from bot.rulebook.editing.source_tree import CannotSplice, SourceNode, parse
from bot.rulebook.splices import Lines
from bot.text.lines import split_lines

#: What a rule says to people, in the order in which a list would show it.
_SAID = ("reply", "ask", "otherwise", "missing")
#: Characters of an excerpt.
_LONGEST = 120
#: Characters of what a search looks at in one rule.
_MOST_SEARCHED = 4_000


class OutlineRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule in a list."""

    name: str
    #: Its place among the rules of its file, from 0.
    at: int
    #: The lines from its name to its end.
    line: int
    last_line: int
    enabled: bool
    #: The words that it listens for, and what it says first.
    when: str
    says: str
    #: How many questions it asks.
    asks: int
    #: All its texts, in lower case, for a search.
    words: str
    #: Its characters in the file, without the comments above it.
    source: str


@lru_cache(maxsize=256)
def outline(text: str) -> tuple[OutlineRule, ...] | None:
    """The rules of a file in their order; None where they can't be told apart."""
    try:
        rules = rules_of(parse(text)) if text.strip() else None
    except CannotSplice:
        return () if _is_only_comments(text) else None
    if rules is None:
        return ()
    lines = Lines(text)
    return tuple(_rule(text, lines, at, item) for at, item in enumerate(rules.items))


def find_rule(text: str, name: str, at: int) -> int:
    """The place of a rule that stood at `at` when somebody looked; raises `CannotSplice`."""
    rules = outline(text)
    if rules is None:
        raise CannotSplice("The file has a mistake that must be mended before its rules can be changed here.")
    if at < len(rules) and rules[at].name == name:
        return at
    places = [each.at for each in rules if each.name == name]
    if len(places) != 1:
        raise CannotSplice(f'There is no rule "{name}" in this file any more; look at the list as it is now.')
    return places[0]


def can_move(text: str, at: int) -> bool:
    """Whether a rule can go elsewhere."""
    rules = rules_of(parse(text))
    try:
        refuse_aliases(rules.items[at], "moved") if rules else None
    except CannotSplice:
        return False
    return rules is not None


def _is_only_comments(text: str) -> bool:
    return all(
        not line.strip("\ufeff \t") or line.lstrip("\ufeff \t").startswith("#") for line in split_lines(text)
    )


def _rule(text: str, lines: Lines, at: int, item: SourceNode) -> OutlineRule:
    name, when, enabled, ask = (_find(item, key) for key in ("name", "when", "enabled", "ask"))
    said = next((found for key in _SAID if (found := _find(item, key)) is not None), None)
    return OutlineRule(
        name=name.value if name is not None else "",
        at=at,
        line=lines.place((name or item).start)[0],
        last_line=lines.place(max(item.start, item.end - 1))[0],
        enabled=enabled is None or enabled.value.lower() not in {"false", "no", "off"},
        when=_excerpt(_texts(when), ", ") if when is not None else "",
        says=_excerpt(_texts(said), " / ") if said is not None else "",
        asks=_questions(ask),
        words=" ".join(_texts(item))[:_MOST_SEARCHED].casefold(),
        source=text[item.start : item.end],
    )


def _find(item: SourceNode, key: str) -> SourceNode | None:
    return item.find(key) if item.kind == "mapping" else None


def _questions(ask: SourceNode | None) -> int:
    if ask is None:
        return 0
    questions = ask.find("questions") if ask.kind == "mapping" else ask
    return len(questions.items) if questions is not None and questions.kind == "list" else 1


def _texts(node: SourceNode) -> Iterator[str]:
    """The texts of a value in their order, without the keys of mappings."""
    if node.kind == "text":
        yield node.value
    for each in node.items:
        yield from _texts(each)
    for _, value in node.pairs:
        yield from _texts(value)


def _excerpt(texts: Iterator[str], between: str) -> str:
    said = between.join(" ".join(each.split()) for each in texts if each.strip())
    return said if len(said) <= _LONGEST else said[: _LONGEST - 1] + "…"
