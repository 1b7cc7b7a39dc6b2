"""What a form offers to choose from: the names that exist in the book."""

import re

import msgspec

from bot.rulebook.cards.control import Option
from bot.rulebook.cards.words import LANGUAGES, language_name
from bot.rulebook.editing.source_tree import SourceNode
from bot.rulebook.rules import Rule

#: A named group of a pattern.
_GROUP = re.compile(r"\(\?P<(\w+)>")
#: Names that are offered in one list; of more, nobody reads them.
_MOST = 200


class KnownNames(msgspec.Struct, frozen=True, kw_only=True):
    """The names of a book and of the file that is being edited."""

    #: In which the texts of the file are, the default first.
    languages: tuple[str, ...] = ()
    hours: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    #: The constants of the file, and what rules of the book save.
    constants: tuple[str, ...] = ()
    saved: tuple[str, ...] = ()
    csv_files: tuple[str, ...] = ()

    @property
    def more_languages(self) -> tuple[Option, ...]:
        """Languages to choose, those of the file first."""
        codes = dict.fromkeys([*self.languages, *LANGUAGES])
        return tuple(Option(value=code, label=language_name(code)) for code in codes)

    @property
    def values(self) -> tuple[Option, ...]:
        """What a template can write, by the words for it."""
        named = {
            **{f"hours.{name}": f"the hours: {name}" for name in self.hours},
            **dict.fromkeys(self.constants),
            **dict.fromkeys(self.saved),
            "message": "their text, as it came",
            "from": "their number",
            "to": "our number",
            "help": "all the lines of the help text",
        }
        return tuple(
            Option(value=f"{{{{ {name} }}}}", label=label or name)
            for name, label in list(named.items())[:_MOST]
        )


def names_in(root: SourceNode | None, key: str) -> tuple[str, ...]:
    """The keys of a mapping of a file, or the texts of a list, as `languages`."""
    found = root.find(key) if root is not None else None
    if found is None:
        return ()
    if found.kind == "mapping":
        return tuple(each.value for each, _ in found.pairs)
    if found.kind == "list":
        return tuple(each.value for each in found.items if each.kind == "text")
    return (found.value,) if found.value else ()


def names_saved(rules: tuple[Rule, ...]) -> tuple[str, ...]:
    """The names under which rules save what templates may write, the commonest first."""
    names: dict[str, None] = {}
    for rule in rules:
        if rule.ask is not None:
            names.update(dict.fromkeys(each.save for each in rule.ask.questions))
        names.update(dict.fromkeys(name for name, _ in rule.saves))
        names.update(dict.fromkeys(name for key in rule.keys if key.pattern for name in key.pattern.groups))
        for each in (rule.code, rule.lookup, rule.fetch):
            if each is not None and each.save:
                names[each.save] = None
    return tuple(names)[:_MOST]


def names_in_rule(rule: SourceNode) -> tuple[str, ...]:
    """The names under which one rule saves what its texts may write, also while nobody has saved the rule."""
    names: dict[str, None] = {}
    ask = rule.find("ask")
    questions = () if ask is None else ask.items or (ask,)
    saving = [*questions, *(rule.find(key) for key in ("code", "lookup", "fetch"))]
    names |= {
        name.value: None for each in saving if each is not None and (name := each.find("save")) is not None
    }
    kept = rule.find("set")
    names |= {key.value: None for key, _ in kept.pairs} if kept is not None else {}
    pattern = next((found for when in (rule.find("when"),) if when and (found := when.find("pattern"))), None)
    texts = () if pattern is None else pattern.items or (pattern,)
    names |= {name: None for each in texts for name in _GROUP.findall(each.value)}
    return tuple(name for name in names if name)


def tags_of(rules: tuple[Rule, ...]) -> tuple[str, ...]:
    """The tags that rules give, take and ask for."""
    names: dict[str, None] = {}
    for rule in rules:
        only = rule.only
        asked = (*only.tagged, *only.not_tagged) if only is not None else ()
        names.update(dict.fromkeys((*rule.tag, *rule.untag, *asked)))
    return tuple(names)[:_MOST]
