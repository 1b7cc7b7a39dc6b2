"""Two people's versions of a rule file made one, rule by rule; what both changed differently is left to them."""

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

import msgspec

from bot.rulebook.editing.blocks import blocks
from bot.rulebook.editing.rule_blocks import rules_of
from bot.rulebook.editing.source_tree import CannotSplice, parse


class Conflict(msgspec.Struct, frozen=True, kw_only=True):
    """A part that both have changed, each otherwise; an empty text is a part that was deleted."""

    #: The rule's name; empty for what stands around the rules.
    rule: str
    base: str
    mine: str
    theirs: str


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """A file with the changes of both; where they conflict it has theirs."""

    text: str
    conflicts: tuple[Conflict, ...] = ()


class _Parts(msgspec.Struct, frozen=True, kw_only=True):
    """A file cut at its rules."""

    head: str
    #: By name, in their order: what stands between it and the rule before, and its lines.
    rules: dict[str, tuple[str, str]]
    tail: str


def merge(base: str, mine: str, theirs: str, taken: Mapping[int, str] | None = None) -> Merged:
    """What both began with, and what each has made of it. `taken`: what comes where a conflict is, counted from 0."""
    taken = taken or {}
    if (easy := _easy(base, mine, theirs)) is not None:
        return Merged(text=easy)
    parts = [_parts(each) for each in (base, mine, theirs)]
    if None in parts:
        return _merged_lines(base, mine, theirs, taken)
    was, my, their = (each for each in parts if each is not None)
    head = _merged_lines(was.head, my.head, their.head, taken)
    conflicts = [*head.conflicts]
    chosen: dict[str, tuple[str, str]] = {}
    for name in _order(list(was.rules), list(my.rules), list(their.rules)):
        texts = [each.rules.get(name, ("", ""))[1] for each in (was, my, their)]
        text = _easy(*texts)
        if text is None:
            text = taken.get(len(conflicts), texts[2])
            conflicts.append(Conflict(rule=name, base=texts[0], mine=texts[1], theirs=texts[2]))
        if text:
            gap = next(each.rules[name][0] for each in (their, my, was) if name in each.rules)
            chosen[name] = (gap, text)
    tail = _merged_lines(
        was.tail, my.tail, their.tail, {at - len(conflicts): text for at, text in taken.items()}
    )
    usual = next((gap for gap, _ in [*list(their.rules.values())[1:], *list(my.rules.values())[1:]]), "\n\n")
    body = "".join(
        text if at == 0 else (gap or usual) + text for at, (gap, text) in enumerate(chosen.values())
    )
    return Merged(text=head.text + body + tail.text, conflicts=(*conflicts, *tail.conflicts))


def _easy(base: str, mine: str, theirs: str) -> str | None:
    """What becomes of a text that only one has changed, or both alike; None for a conflict."""
    if mine in {base, theirs}:
        return theirs
    return mine if theirs == base else None


def _parts(text: str) -> _Parts | None:
    """None where the rules can't be told apart."""
    try:
        found = rules_of(parse(text))
        if found is None or not found.items:
            return None
        cut = blocks(text, found)
    except CannotSplice:
        return None
    rules: dict[str, tuple[str, str]] = {}
    for at, (item, block) in enumerate(zip(found.items, cut, strict=True)):
        name = item.find("name")
        if name is None or name.value in rules:
            return None
        rules[name.value] = (text[cut[at - 1].end : block.start] if at else "", text[block.start : block.end])
    return _Parts(head=text[: cut[0].start], rules=rules, tail=text[cut[-1].end :])


def _order(base: list[str], mine: list[str], theirs: list[str]) -> list[str]:
    """The order of whoever has moved rules, theirs where both have; the other's new rules behind their neighbours."""
    kept = [name for name in base if name in mine and name in theirs]
    moved_by_me = [name for name in mine if name in kept] != kept
    moved_by_them = [name for name in theirs if name in kept] != kept
    first, second = (mine, theirs) if moved_by_me and not moved_by_them else (theirs, mine)
    order = list(first)
    for at, name in enumerate(second):
        if name not in order:
            before = next((each for each in reversed(second[:at]) if each in order), None)
            order.insert(order.index(before) + 1 if before is not None else 0, name)
    return order


def _merged_lines(base: str, mine: str, theirs: str, taken: Mapping[int, str]) -> Merged:
    """The same by lines, for what is no rule."""
    if (easy := _easy(base, mine, theirs)) is not None:
        return Merged(text=easy)
    was, my, their = (each.splitlines(keepends=True) for each in (base, mine, theirs))
    parts: list[str] = []
    conflicts: list[Conflict] = []
    start = (0, 0, 0)
    for stop, length in _in_all(was, my, their):
        texts = [
            "".join(each[one:other]) for each, one, other in zip((was, my, their), start, stop, strict=True)
        ]
        text = _easy(*texts)
        if text is None:
            text = taken.get(len(conflicts), texts[2])
            conflicts.append(Conflict(rule="", base=texts[0], mine=texts[1], theirs=texts[2]))
        parts += [text, *was[stop[0] : stop[0] + length]]
        start = (stop[0] + length, stop[1] + length, stop[2] + length)
    return Merged(text="".join(parts), conflicts=tuple(conflicts))


def _in_all(
    was: Sequence[str], my: Sequence[str], their: Sequence[str]
) -> list[tuple[tuple[int, int, int], int]]:
    """Runs of lines that all three have: where each begins in the three, and how long it is; the end comes last."""
    in_mine = _matches(was, my)
    in_theirs = _matches(was, their)
    runs: list[tuple[tuple[int, int, int], int]] = []
    for at in range(len(was)):
        if at not in in_mine or at not in in_theirs:
            continue
        place = (at, in_mine[at], in_theirs[at])
        if runs and tuple(each + runs[-1][1] for each in runs[-1][0]) == place:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((place, 1))
    return [*runs, ((len(was), len(my), len(their)), 0)]


def _matches(one: Sequence[str], other: Sequence[str]) -> dict[int, int]:
    return {
        start + each: there + each
        for start, there, length in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
        for each in range(length)
    }
