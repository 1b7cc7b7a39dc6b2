"""What an edit of a rule file changed, in the words of its rules: `hours: the answer`, `vote: added`."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping

import msgspec

from bot.rulebook.editing.rule_blocks import rules_of
from bot.rulebook.editing.source_tree import CannotSplice, SourceNode, parse

#: What people call the keys of a rule.
RULE_WORDS = {
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
FILE_WORDS = {
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
_TOLD = ("name", "enabled")

_Plain = str | tuple["_Plain", ...]


class EditedRule(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one rule, or, without a name, of what stands around the rules."""

    rule: str
    #: Such as `the answer`, `added` or `turned off`.
    what: tuple[str, ...]

    def __str__(self) -> str:
        what = _listed(self.what)
        return f"{self.rule}: {what}" if self.rule else what


def changed_rules(before: str, after: str) -> tuple[EditedRule, ...] | None:
    """The changes in the order of the newer text; none where only comments and layout differ.

    None: one of the texts can't be read.
    """
    try:
        was, now = _content(before), _content(after)
    except CannotSplice:
        return None
    old, new = _rules(was), _rules(now)
    renamed = _renamed(old, new)
    moved = _moved(old, new, renamed)
    found = [
        _changed(name, old.get(name), rule, renamed, is_moved=name in moved) for name, rule in new.items()
    ]
    gone = [name for name in old if name not in new and name not in renamed.values()]
    found += [EditedRule(rule=name, what=("deleted",)) for name in gone]
    return (*(each for each in found if each.what), *_around(was, now))


def _content(text: str) -> SourceNode | None:
    lines = (line.strip("\ufeff \t") for line in text.splitlines())
    return parse(text) if any(line and not line.startswith("#") for line in lines) else None


def _rules(root: SourceNode | None) -> dict[str, SourceNode]:
    """By name; a rule without one is known by its place."""
    found = rules_of(root) if root is not None else None
    named: dict[str, SourceNode] = {}
    for at, item in enumerate(found.items if found is not None else ()):
        name = item.find("name")
        text = name.value if name is not None and name.value else f"rule {at + 1}"
        named[text if text not in named else f"{text} (rule {at + 1})"] = item
    return named


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


def _changed(
    name: str, old: SourceNode | None, new: SourceNode, renamed: Mapping[str, str], *, is_moved: bool
) -> EditedRule:
    moved = ("moved",) if is_moved else ()
    if name in renamed:
        return EditedRule(rule=renamed[name], what=(f"renamed {name}", *moved))
    if old is None:
        return EditedRule(rule=name, what=("added",))
    words = _words(old, new, RULE_WORDS, _TOLD)
    on = [_is_on(each) for each in (old, new)]
    if on[0] != on[1]:
        words.insert(0, "turned on" if on[1] else "turned off")
    return EditedRule(rule=name, what=(*words, *moved))


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


def _around(was: SourceNode | None, now: SourceNode | None) -> list[EditedRule]:
    found = [EditedRule(rule="", what=(each,)) for each in _words(was, now, FILE_WORDS, ("rules", "tests"))]
    old, new = (_items(each, "tests") for each in (was, now))
    added = len([each for each in new if each not in old])
    less = len([each for each in old if each not in new])
    changed = min(added, less)
    for count, what in ((changed, "changed"), (added - changed, "added"), (less - changed, "deleted")):
        if count:
            found.append(EditedRule(rule="", what=(f"{_counted(count)} {what}",)))
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
