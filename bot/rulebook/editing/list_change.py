"""What a button of the list does to the texts of the files: turn, copy, delete and move a rule, also between files."""

from collections.abc import Mapping

import msgspec

from bot.rulebook.editing.outline import OutlineRule, find_rule, outline
from bot.rulebook.editing.rule_blocks import (
    delete_rule,
    duplicate_rule,
    move_rule,
    move_rule_between,
    turn_rule,
)
from bot.rulebook.editing.source_tree import CannotSplice, still_readable


class RulePlace(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as a list showed it; the list may be a little old."""

    file: str
    #: From 0. Without a name: the place itself, and beyond the last rule the end of the file.
    at: int
    name: str = ""


class ListChange(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of the files that change, and what was done, for people."""

    texts: Mapping[str, str]
    done: str


def read_place(key: str) -> RulePlace | None:
    """The place that a list's button names, as in `10-shop.yaml/3/hours`."""
    file, _, rest = key.partition("/")
    number, _, name = rest.partition("/")
    if not file or not (number.isascii() and number.isdecimal() and len(number) < 8):
        return None
    return RulePlace(file=file, at=int(number), name=name)


def change_list(
    texts: Mapping[str, str], verb: str, place: RulePlace, target: RulePlace | None = None
) -> ListChange:
    """Do it; `texts` are the rule files in their order, `target` is where `put` puts the rule.

    Raises `CannotSplice`.
    """
    text = texts.get(place.file)
    if text is None:
        raise CannotSplice(f"{place.file} is not there any more; look at the list as it is now.")
    change = _change(texts, text, verb, place, target)
    for file, made in change.texts.items():
        still_readable(texts[file], made)
    return change


def _change(
    texts: Mapping[str, str], text: str, verb: str, place: RulePlace, target: RulePlace | None
) -> ListChange:
    at = find_rule(text, place.name, place.at)
    called = place.name or "The rule"
    match verb:
        case "on" | "off":
            return _changed(place.file, turn_rule(text, at, on=verb == "on"), f"{called} is turned {verb}.")
        case "copy":
            taken = {each.name for other in texts.values() for each in outline(other) or ()}
            # Two rules that take the same words would be a mistake: the copy waits until it has its own.
            made = turn_rule(duplicate_rule(text, at, taken), at + 1, on=False)
            copies = (outline(still_readable(text, made)) or ())[at + 1 :]
            name = copies[0].name if copies else ""
            return _changed(place.file, made, f"{called} is copied as {name}, which is off.")
        case "delete":
            return _changed(place.file, delete_rule(text, at), f"{called} is deleted.")
        case "up" | "down":
            return _stepped(texts, replaced(place, at), 1 if verb == "down" else -1)
        case "put" if target is not None:
            return _put(texts, replaced(place, at), target)
    raise CannotSplice("The list can't do that.")


def replaced(place: RulePlace, at: int) -> RulePlace:
    """The same rule where it stands now."""
    return msgspec.structs.replace(place, at=at)


def _changed(file: str, text: str, done: str) -> ListChange:
    return ListChange(texts={file: text}, done=done)


def _rules(texts: Mapping[str, str], file: str) -> tuple[OutlineRule, ...]:
    rules = outline(texts[file]) if file in texts else None
    if rules is None:
        raise CannotSplice(f"{file} has a mistake that must be mended before a rule can be moved there.")
    return rules


def _stepped(texts: Mapping[str, str], place: RulePlace, step: int) -> ListChange:
    """One place up or down; from a file's edge to the file before or behind it."""
    to = place.at + step
    if 0 <= to < len(_rules(texts, place.file)):
        return _moved(texts, place, place.file, to)
    files = list(texts)
    beside = files.index(place.file) + step
    if not 0 <= beside < len(files):
        edge = "first" if step < 0 else "last"
        raise CannotSplice(f"{place.name or 'This rule'} is the {edge} rule already.")
    count = len(_rules(texts, files[beside]))
    return _moved(texts, place, files[beside], count if step < 0 else 0)


def _put(texts: Mapping[str, str], place: RulePlace, target: RulePlace) -> ListChange:
    """Before another rule, or to the end of a file."""
    rules = _rules(texts, target.file)
    to = find_rule(texts[target.file], target.name, target.at) if target.name else min(target.at, len(rules))
    if target.file == place.file and to > place.at:
        to -= 1
    return _moved(texts, place, target.file, to)


def _moved(texts: Mapping[str, str], place: RulePlace, file: str, to: int) -> ListChange:
    called = place.name or "The rule"
    if file == place.file:
        done = f"{called} is {_where(_rules(texts, file), place.at, to)}."
        return _changed(file, move_rule(texts[file], place.at, to) if to != place.at else texts[file], done)
    source, made = move_rule_between(texts[place.file], place.at, texts[file], to)
    return ListChange(texts={file: made, place.file: source}, done=f"{called} is in {file} now.")


def _where(rules: tuple[OutlineRule, ...], at: int, to: int) -> str:
    others = [each.name for each in rules if each.at != at]
    if to == at:
        return "where it was"
    return f"before {others[to]} now" if to < len(others) else "the last of its file now"
