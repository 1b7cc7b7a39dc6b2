"""What an edit of a rule file changed, in the words of its rules: `hours: the answer`, `vote: added`."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from bot.rulebook.editing.blocks import blocks
from bot.rulebook.editing.rule_blocks import delete_rule, insert_rule_source, rules_of
from bot.rulebook.editing.source_tree import CannotSplice, SourceNode, parse, still_readable
from bot.text.lines import split_lines

#: What people call the keys of a rule.
_RULE_WORDS: Final = {
    "when": "what it listens for",
    "only": "when it applies",
    "limit": "how often it answers",
    "reply": "the answer",
    "ask": "its questions",
    "expires": "how long it waits",
    "tries": "how often it asks again",
    "cancel": "how to break off",
    "set": "what it remembers",
    "tag": "its tags",
    "untag": "its tags",
    "opt_out": "the opt-out",
    "opt_in": "the opt-in",
    "handover": "the handing over",
    "forward": "where it goes on to",
    "lookup": "what it looks up",
    "code": "the code it gives",
    "record": "what it records",
    "once": "how often one person counts",
    "fetch": "what it asks a service",
    "later": "what it says later",
    "again": "how a text that follows is heard",
    "help": "its line in the help",
    "language": "the language",
    "max_segments": "how long it may be",
}
#: The same for the keys of a file.
_FILE_WORDS: Final = {
    "timezone": "the time zone",
    "numbers": "our numbers",
    "language": "the language",
    "languages": "the languages",
    "values": "the values",
    "hours": "the opening hours",
    "closed": "the days closed",
    "tables": "the tables",
    "max_segments": "how long answers may be",
    "canned": "the canned texts",
}
#: Keys of a rule that are told in other ways.
_TOLD: Final = ("name", "enabled")
_LAYOUT: Final = ("comments and layout",)

_Plain = str | tuple["_Plain", ...]


class RuleChange(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an edit changed in a rule, or, without a name, around the rules."""

    rule: str
    #: Such as `the answer`, `added` or `turned off`.
    what: tuple[str, ...]
    #: Whether it can be taken back by itself, as `without_change` does.
    is_rule: bool = False

    def __str__(self) -> str:
        what = _listed(self.what)
        return f"{self.rule}: {what}" if self.rule else what


class _Outline(msgspec.Struct, frozen=True, kw_only=True):
    root: SourceNode | None
    #: Each rule by its name, one without by its place.
    rules: Mapping[str, SourceNode]
    #: Those that have a name of their own.
    named: frozenset[str]
    #: Each rule as it is written.
    sources: Mapping[str, str]


def rule_changes(before: str | None, after: str | None) -> tuple[RuleChange, ...]:
    """The changes in the order of the newer text; empty only where the texts are equal.

    None in the place of a text: there was no such file.
    """
    if before is None or after is None:
        return (RuleChange(rule="", what=("new file" if before is None else "file removed",)),)
    if before == after:
        return ()
    was, now = _outline(before), _outline(after)
    if was is None or now is None:
        return (RuleChange(rule="", what=("the text",)),)
    renamed = _renamed(was.rules, now.rules)
    moved = _moved(was.rules, now.rules, renamed)
    found: list[RuleChange] = []
    for name in now.rules:
        change = _changed(name, was, now, renamed)
        if change is not None:
            found.append(change)
        if name in moved:
            found.append(RuleChange(rule=renamed.get(name, name), what=("moved",)))
    gone = [name for name in was.rules if name not in now.rules and name not in renamed.values()]
    found += [RuleChange(rule=name, what=("deleted",), is_rule=name in was.named) for name in gone]
    found += _around(was.root, now.root)
    return tuple(found) or (RuleChange(rule="", what=_LAYOUT),)


def without_change(before: str, after: str, rule: str) -> str:
    """The text of after an edit with one rule as it was before; raises `CannotSplice`."""
    return still_readable(after, _without_change(before, after, rule))


def _without_change(before: str, after: str, rule: str) -> str:
    was, now = _places(before), _places(after)
    if rule not in was and rule not in now:
        raise CannotSplice("This edit did nothing to that rule.")
    if rule not in was:
        return delete_rule(after, now[rule][0])
    at, source = was[rule]
    if rule not in now:
        behind = [name for name, (place, _) in was.items() if place < at and name in now]
        to = now[behind[-1]][0] + 1 if behind else 0
        return insert_rule_source(after, to, source)
    place = now[rule][0]
    found = rules_of(parse(after))
    if found is None:
        raise CannotSplice("This file has no rules.")
    block = blocks(after, found)[place]
    indented = "\n".join(" " * block.column + line if line.strip() else "" for line in split_lines(source))
    return after[: block.start] + indented + after[block.end :]


def _places(text: str) -> dict[str, tuple[int, str]]:
    """By name: the place of each rule, and its lines as if the dash stood in the first column."""
    found = rules_of(parse(text))
    if found is None:
        return {}
    places: dict[str, tuple[int, str]] = {}
    for at, (item, block) in enumerate(zip(found.items, blocks(text, found), strict=True)):
        name = item.find("name")
        lines = split_lines(text[block.start : block.end])
        source = "\n".join(line[min(block.column, len(line) - len(line.lstrip(" "))) :] for line in lines)
        places[name.value if name is not None else ""] = (at, source)
    return places


@lru_cache(maxsize=4)
def _outline(text: str) -> _Outline | None:
    """None: it can't be read."""
    lines = (line.strip("\ufeff \t") for line in split_lines(text))
    if not any(line and not line.startswith("#") for line in lines):
        return _Outline(root=None, rules={}, named=frozenset(), sources={})
    try:
        root = parse(text)
    except CannotSplice:
        return None
    found = rules_of(root)
    rules: dict[str, SourceNode] = {}
    named: set[str] = set()
    for at, item in enumerate(found.items if found is not None else ()):
        name = item.find("name")
        called = name.value if name is not None else ""
        if called and called not in rules:
            named.add(called)
        else:
            called = f"{called} (rule {at + 1})".strip() if called else f"rule {at + 1}"
        rules[called] = item
    sources = {called: text[item.start : item.end] for called, item in rules.items()}
    return _Outline(root=root, rules=rules, named=frozenset(named), sources=sources)


def _renamed(old: Mapping[str, SourceNode], new: Mapping[str, SourceNode]) -> dict[str, str]:
    """New names of rules that are otherwise the same, each with the old one."""
    gone = {name: _without_name(rule) for name, rule in old.items() if name not in new}
    renamed: dict[str, str] = {}
    for name, rule in new.items():
        if name in old:
            continue
        same = next((was for was, plain in gone.items() if plain == _without_name(rule)), None)
        if same is not None:
            renamed[name] = same
            del gone[same]
    return renamed


def _changed(name: str, was: _Outline, now: _Outline, renamed: Mapping[str, str]) -> RuleChange | None:
    if name in renamed:
        return RuleChange(rule=renamed[name], what=(f"renamed {name}",))
    is_rule = name in now.named
    if name not in was.rules:
        return RuleChange(rule=name, what=("added",), is_rule=is_rule)
    old, new = was.rules[name], now.rules[name]
    words = _words(old, new, _RULE_WORDS, _TOLD)
    on = [_is_on(each) for each in (old, new)]
    if on[0] != on[1]:
        words.insert(0, "turned on" if on[1] else "turned off")
    if not words and was.sources[name] != now.sources[name]:
        words.extend(_LAYOUT)
    return RuleChange(rule=name, what=tuple(words), is_rule=is_rule) if words else None


def _is_on(rule: SourceNode) -> bool:
    flag = rule.find("enabled")
    return flag is None or flag.value.lower() not in {"false", "no", "off"}


def _words(
    old: SourceNode | None, new: SourceNode | None, words: Mapping[str, str], left_out: tuple[str, ...]
) -> list[str]:
    """The keys whose values differ, in words, each once."""
    was, now = _by_key(old), _by_key(new)
    keys = [key for key in {**now, **was} if key not in left_out and was.get(key) != now.get(key)]
    return list(dict.fromkeys(words.get(key, f'"{key}"') for key in keys))


def _around(was: SourceNode | None, now: SourceNode | None) -> list[RuleChange]:
    found = [RuleChange(rule="", what=(each,)) for each in _words(was, now, _FILE_WORDS, ("rules", "tests"))]
    old, new = (_items(each, "tests") for each in (was, now))
    added = len([each for each in new if each not in old])
    less = len([each for each in old if each not in new])
    changed = min(added, less)
    for count, what in ((changed, "changed"), (added - changed, "added"), (less - changed, "deleted")):
        if count:
            found.append(RuleChange(rule="", what=(f"{_counted(count)} {what}",)))
    return found


def _moved(old: Iterable[str], new: Iterable[str], renamed: Mapping[str, str]) -> set[str]:
    """The fewest rules whose moving makes the new order, by their new names."""
    places = {name: at for at, name in enumerate(old)}
    order = [(places[was], name) for name in new if (was := renamed.get(name, name)) in places]
    # The longest run that is in order still: of each length the one that ends earliest, and what stands before each.
    ends: list[int] = []
    names: list[str] = []
    before: dict[str, str | None] = {}
    for place, name in order:
        at = bisect_left(ends, place)
        before[name] = names[at - 1] if at else None
        ends[at:] = [place, *ends[at + 1 :]]
        names[at:] = [name, *names[at + 1 :]]
    kept: set[str] = set()
    last = names[-1] if names else None
    while last is not None:
        kept.add(last)
        last = before[last]
    return {name for _, name in order if name not in kept}


def _by_key(node: SourceNode | None) -> dict[str, _Plain]:
    return {key.value: _plain(value) for key, value in node.pairs} if node is not None else {}


def _items(root: SourceNode | None, key: str) -> list[_Plain]:
    found = root.find(key) if root is not None else None
    return [_plain(each) for each in found.items] if found is not None else []


def _without_name(rule: SourceNode) -> _Plain:
    return tuple((key.value, _plain(value)) for key, value in rule.pairs if key.value != "name")


def _plain(node: SourceNode) -> _Plain:
    """A node's content without its layout and quotes."""
    if node.kind == "mapping":
        return tuple(("mapping", key.value, _plain(value)) for key, value in node.pairs)
    if node.kind == "list":
        return ("list", *(_plain(each) for each in node.items))
    return f"*{node.value}" if node.kind == "alias" else node.value


def _counted(count: int) -> str:
    return "1 test" if count == 1 else f"{count} tests"


def _listed(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" and {words[-1]}"
