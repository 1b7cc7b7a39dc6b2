"""What an edit changed, in words of rules: "hours: the answer", "vote: added"."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from bot.rulebook.editing.blocks import blocks
from bot.rulebook.editing.rule_blocks import delete_rule, insert_rule_source, rules_of
from bot.rulebook.editing.source_tree import CannotSplice, SourceNode, parse

#: What the keys of a rule are called.
_PARTS = {
    "when": "the words",
    "only": "when it holds",
    "reply": "the answer",
    "ask": "the questions",
    "otherwise": "what is said else",
    "missing": "what is said when nothing is found",
    "set": "what is kept",
    "tag": "the tag",
    "untag": "the tag",
    "forward": "where it is forwarded",
    "fetch": "what is looked up",
    "lookup": "what is looked up",
    "code": "the code",
    "record": "what is recorded",
    "later": "what is said later",
    "handover": "the hand-over",
    "language": "the language",
    "limit": "the limit",
    "again": "how long it goes on",
    "help": "its line of help",
}
#: What the keys of a file are called.
_SECTIONS = {
    "hours": "opening hours", "values": "values", "closed": "days closed", "numbers": "the numbers",
    "canned": "canned texts",
}  # fmt: skip


class RuleChange(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an edit changed."""

    #: The rule's name; empty for what belongs to the file.
    rule: str
    #: As in "the answer", "added", "turned off".
    what: tuple[str, ...]
    #: Whether it can be taken back by itself.
    is_rule: bool = True

    def __str__(self) -> str:
        return f"{self.rule}: {', '.join(self.what)}" if self.rule else ", ".join(self.what)


class _Outline(msgspec.Struct, frozen=True, kw_only=True):
    #: Each rule by its name: its values, and its lines with their comments.
    rules: Mapping[str, tuple[Mapping[str, Any], str]]
    sections: Mapping[str, Any]


def rule_changes(before: str | None, after: str | None) -> tuple[RuleChange, ...]:
    """What became of the rules of a file; None: there was no such file."""
    if before is None or after is None:
        return (RuleChange(rule="", what=("new file" if before is None else "file removed",), is_rule=False),)
    if before == after:
        return ()
    was, now = _outline(before), _outline(after)
    if was is None or now is None:
        return (RuleChange(rule="", what=("the text",), is_rule=False),)
    changes = [*_compared(was, now), *_sections(was.sections, now.sections)]
    return tuple(changes) or (RuleChange(rule="", what=("comments and layout",), is_rule=False),)


def without_change(before: str, after: str, rule: str) -> str:
    """The text of after an edit with one rule as it was before; raises `CannotSplice`."""
    was, now = _places(before), _places(after)
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
    indented = "\n".join(" " * block.column + line if line.strip() else "" for line in source.splitlines())
    return after[: block.start] + indented + after[block.end :]


def _places(text: str) -> dict[str, tuple[int, str]]:
    """By name: the place of each rule, and its lines as if the dash stood in the first column."""
    found = rules_of(parse(text))
    if found is None:
        return {}
    places: dict[str, tuple[int, str]] = {}
    for at, (item, block) in enumerate(zip(found.items, blocks(text, found), strict=True)):
        name = item.find("name")
        lines = text[block.start : block.end].splitlines()
        source = "\n".join(line[min(block.column, len(line) - len(line.lstrip(" "))) :] for line in lines)
        places[name.value if name is not None else ""] = (at, source)
    return places


@lru_cache(maxsize=128)
def _outline(text: str) -> _Outline | None:
    if not text.strip():
        return _Outline(rules={}, sections={})
    try:
        root = parse(text)
        if root.kind != "mapping":
            return None
        found = rules_of(root)
        rules: dict[str, tuple[Mapping[str, Any], str]] = {}
        for item in found.items if found is not None else ():
            name = item.find("name") if item.kind == "mapping" else None
            if name is None or name.value in rules:
                return None
            rules[name.value] = (_plain_mapping(item), text[item.start : item.end])
    except CannotSplice:
        return None
    sections = {key.value: _plain(value) for key, value in root.pairs if key.value != "rules"}
    return _Outline(rules=rules, sections=sections)


def _plain(node: SourceNode) -> Any:
    if node.kind == "mapping":
        return _plain_mapping(node)
    return [_plain(each) for each in node.items] if node.kind == "list" else (node.kind, node.value)


def _plain_mapping(node: SourceNode) -> dict[str, Any]:
    return {key.value: _plain(value) for key, value in node.pairs}


def _compared(was: _Outline, now: _Outline) -> list[RuleChange]:
    changes: list[RuleChange] = []
    gone = {name: values for name, (values, _) in was.rules.items() if name not in now.rules}
    for name, (values, source) in now.rules.items():
        if name in was.rules:
            what = _keys(was.rules[name][0], values)
            if not what and was.rules[name][1] != source:
                what = ("comments and layout",)
            if what:
                changes.append(RuleChange(rule=name, what=what))
            continue
        old = next((each for each in gone if _but_name(gone[each]) == _but_name(values)), None)
        if old is None:
            changes.append(RuleChange(rule=name, what=("added",)))
        else:
            del gone[old]
            changes.append(RuleChange(rule=name, what=(f"renamed, was {old}",), is_rule=False))
    changes += [RuleChange(rule=name, what=("deleted",)) for name in gone]
    kept = [name for name in was.rules if name in now.rules]
    order = [name for name in now.rules if name in was.rules]
    return [
        *changes,
        *(RuleChange(rule=name, what=("moved",), is_rule=False) for name in _moved(kept, order)),
    ]


def _moved(was: list[str], now: list[str]) -> list[str]:
    """The fewest whose move makes the one order the other, as far as one move explains it; else all that differ."""
    if was == now:
        return []
    for name in now:
        if [each for each in was if each != name] == [each for each in now if each != name]:
            return [name]
    return [name for name, other in zip(now, was, strict=True) if name != other]


def _but_name(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != "name"}


def _keys(was: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    changed = [key for key in {**was, **now} if was.get(key) != now.get(key)]
    what: dict[str, None] = {}
    for key in changed:
        if key == "enabled":
            what["turned off" if now.get(key) == ("text", "false") else "turned on"] = None
        else:
            what[_PARTS.get(key, key)] = None
    return tuple(what)


def _sections(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[RuleChange]:
    changes = []
    for key in {**was, **now}:
        if was.get(key) == now.get(key):
            continue
        changes.append(RuleChange(rule="", what=(_section(key, was.get(key), now.get(key)),), is_rule=False))
    return changes


def _section(key: str, was: Any, now: Any) -> str:
    if key == "tests":
        before, after = (len(each) if isinstance(each, list) else 0 for each in (was, now))
        if after == before:
            return "tests changed"
        count = abs(after - before)
        return f"{count} test{'s' if count > 1 else ''} {'added' if after > before else 'taken out'}"
    return _SECTIONS.get(key, key)
