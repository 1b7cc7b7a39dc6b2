"""Two people's versions of a rule file made one, rule by rule; what both changed differently is left to them."""

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

import msgspec

from bot.rulebook.editing.blocks import blocks
from bot.rulebook.editing.rule_blocks import rules_of
from bot.rulebook.editing.source_tree import CannotSplice, parse
from bot.text.lines import split_lines

#: Stands for a rule in the text around the rules: no YAML text has NUL in it.
_MARK = re.compile("\0([0-9]+)\0")
#: A line with the empty ones below it.
_PASSAGE = re.compile(r"[^\r\n]+[\r\n]*|[\r\n]+")


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
    was, my, their = versions = [each for each in parts if each is not None]
    order = _order(list(was.rules), list(my.rules), list(their.rules))
    around = _around(versions, order)
    head = _merged_lines(was.head, my.head, their.head, taken) if around is None else Merged(text="")
    conflicts = [*head.conflicts]
    chosen: dict[str, str] = {}
    for name in order:
        texts = _versions_of(versions, name)
        text = _easy(*texts)
        if text is None:
            text = taken.get(len(conflicts), texts[2])
            conflicts.append(Conflict(rule=name, base=texts[0], mine=texts[1], theirs=texts[2]))
        chosen[name] = text
    if around is not None:
        text = _MARK.sub(lambda found: chosen[order[int(found[1])]], around)
        return Merged(text=text, conflicts=tuple(conflicts))
    gaps = [gap for each in (their, my) for gap, _ in [*each.rules.values()][1:]]
    usual = next((_breaks(gap) for gap in gaps), "\n\n")
    body = homeless = ""
    for name in order:
        gap = _gap(versions, name, _from(taken, len(conflicts)))
        conflicts += gap.conflicts
        if body and chosen[name]:
            body += (gap.text or usual) + homeless + chosen[name]
            homeless = ""
        else:
            # The rule is gone or is the first now: what is new above it finds another place.
            homeless += _new_comments(_gap_of(was, name) or "", gap.text)
            if chosen[name]:
                body, homeless = homeless + chosen[name], ""
    if homeless:
        body += usual + homeless.rstrip()
    tail = _merged_lines(was.tail, my.tail, their.tail, _from(taken, len(conflicts)))
    return Merged(text=head.text + body + tail.text, conflicts=(*conflicts, *tail.conflicts))


def _breaks(gap: str) -> str:
    """The ends of lines that it begins with."""
    return gap[: len(gap) - len(gap.lstrip("\r\n"))]


def _from(taken: Mapping[int, str], count: int) -> dict[int, str]:
    """The same for a part before which so many conflicts are."""
    return {at - count: text for at, text in taken.items()}


def _versions_of(versions: Sequence[_Parts], name: str) -> tuple[str, str, str]:
    """A rule's lines, empty where there is no such rule."""
    base, mine, theirs = (each.rules.get(name, ("", ""))[1] for each in versions)
    return base, mine, theirs


def _around(versions: Sequence[_Parts], order: Sequence[str]) -> str | None:
    """What stands around the rules, and a mark for each; None where that can't be told without a question.

    Comments between rules are taken along when a rule beside them comes or goes: only together do they show what
    has become of them.
    """
    places = {name: at for at, name in enumerate(dict.fromkeys([*order, *versions[0].rules]))}
    marked = [
        each.head + "".join(f"{gap}\0{places[name]}\0" for name, (gap, _) in each.rules.items()) + each.tail
        for each in versions
    ]
    if (easy := _easy(*marked)) is not None:
        merged = Merged(text=easy)
    else:
        was, my, their = (_PASSAGE.findall(each) for each in marked)
        merged = _merged(was, my, their, {}, side_by_side=True)
    kept = [at for at, name in enumerate(order) if _easy(*_versions_of(versions, name)) != ""]
    is_whole = not merged.conflicts and [int(each) for each in _MARK.findall(merged.text)] == kept
    return merged.text if is_whole else None


def _gap_of(version: _Parts, name: str) -> str | None:
    """What stands between a rule and the one before; None where it has none before it, or there is no such rule."""
    return None if name not in version.rules or name == next(iter(version.rules)) else version.rules[name][0]


def _gap(versions: Sequence[_Parts], name: str, taken: Mapping[int, str]) -> Merged:
    """The same of all versions made one."""
    was, my, their = (_gap_of(each, name) for each in versions)
    if my is None or their is None:
        return Merged(text=next((each for each in (their, my, was) if each is not None), ""))
    if was is None:
        was = my if my.strip() == "" else their if their.strip() == "" else ""
    if not (was + my + their).strip():
        easy = _easy(was, my, their)
        return Merged(text=their if easy is None else easy)
    return _merged_lines(was, my, their, taken)


def _new_comments(base: str, gap: str) -> str:
    """The comments between two rules that the other text has not, and an empty line."""
    before = split_lines(base)
    new = [
        each for each in split_lines(gap, keepends=True) if each.strip() and each.rstrip("\r\n") not in before
    ]
    return "".join([*new, new[-1][len(new[-1].rstrip("\r\n")) :]]) if new else ""


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
    was, my, their = (split_lines(each, keepends=True) for each in (base, mine, theirs))
    return _merged(was, my, their, taken)


def _merged(
    was: Sequence[str],
    my: Sequence[str],
    their: Sequence[str],
    taken: Mapping[int, str],
    *,
    side_by_side: bool = False,
) -> Merged:
    """`side_by_side`: two changes that touch each other are no conflict."""
    parts: list[str] = []
    conflicts: list[Conflict] = []
    start = (0, 0, 0)
    for stop, length in _in_all(was, my, their):
        runs = [each[one:other] for each, one, other in zip((was, my, their), start, stop, strict=True)]
        texts = ["".join(each) for each in runs]
        text = _easy(*texts)
        if text is None and side_by_side:
            text = _both(*runs)
        if text is None:
            text = taken.get(len(conflicts), texts[2])
            conflicts.append(Conflict(rule="", base=texts[0], mine=texts[1], theirs=texts[2]))
        parts += [text, *was[stop[0] : stop[0] + length]]
        start = (stop[0] + length, stop[1] + length, stop[2] + length)
    return Merged(text="".join(parts), conflicts=tuple(conflicts))


def _both(was: Sequence[str], my: Sequence[str], their: Sequence[str]) -> str | None:
    """The text with both changes where one begins behind the other's end; None where they overlap."""
    mine, theirs = _changed(was, my), _changed(was, their)
    (start, end, first), (then, stop, second) = sorted([mine, theirs], key=lambda each: each[:2])
    if end > then or (start, end) == (then, stop):
        return None
    return "".join([*was[:start], *first, *was[end:then], *second, *was[stop:]])


def _changed(was: Sequence[str], now: Sequence[str]) -> tuple[int, int, Sequence[str]]:
    """Which of the lines became which."""
    most = min(len(was), len(now))
    start = next((at for at in range(most) if was[at] != now[at]), most)
    end = next((at for at in range(most - start) if was[-1 - at] != now[-1 - at]), most - start)
    return start, len(was) - end, now[start : len(now) - end]


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
