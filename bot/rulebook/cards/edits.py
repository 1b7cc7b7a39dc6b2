"""The changes of a form, made in the text of a rule file."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from bot.rulebook.cards.control import CardEdit
from bot.rulebook.cards.days_meant import days_meant
from bot.rulebook.cards.file_text import FILE, LISTS, insert_setting, settings_node, with_settings
from bot.rulebook.cards.new_rule import with_new_rule
from bot.rulebook.cards.rule_text import RuleText, node_of, rule_texts, with_rule
from bot.rulebook.cards.shapes import one_more_language, several
from bot.rulebook.editing.layout import margin
from bot.rulebook.editing.source_tree import (
    CannotSplice,
    Path,
    SourceNode,
    node_at,
    parse,
    still_readable,
)
from bot.rulebook.editing.values import (
    insert_item,
    insert_key,
    move_item,
    pair_start,
    remove_item,
    remove_key,
    rename_key,
    set_key,
    set_value,
)
from bot.rulebook.splices import Splice, spliced


def edited(text: str, number: int, edits: Sequence[CardEdit]) -> str:
    """The text with the changes made in one of its rules, or at its top for `FILE`; raises `CannotSplice`."""
    return edited_card(text, number, edits)[0]


def edited_card(text: str, number: int, edits: Sequence[CardEdit]) -> tuple[str, int]:
    """The same, and the number of the rule that is to be shown: a new one comes in the place of the one before."""
    for edit in edits:
        if edit.do == "rule":
            text, number = with_new_rule(text)
            continue
        _refuse_unwritable(edit.value)
        if number == FILE:
            text = with_settings(text, partial(_made_in_file, edit))
            continue
        text = with_rule(text, _rule(text, number), partial(_made, edit))
        if edit.do == "language" and edit.value:
            text = _naming_language(text, edit)
    return text, number


def with_rule_source(text: str, number: int, source: str) -> str:
    """The text with another text in the place of a rule that can't be read."""
    rule = _rule(text, number)
    if node_of(text, rule) is not None:
        raise CannotSplice("The rule can be read by now; change its fields.")
    indent = " " * margin(text, rule.start)
    lines = source.strip("\n").split("\n")
    new = "\n".join([lines[0], *(indent + line if line.strip() else "" for line in lines[1:])])
    return spliced(text, [Splice(rule.start, rule.end, new)])


def source_of(text: str, start: int, end: int) -> str:
    """The text of a node for a box of its own: without the columns to its left."""
    columns = margin(text, start)
    first, *rest = text[start:end].split("\n")
    return "\n".join([first, *(line[min(columns, len(line) - len(line.lstrip(" "))) :] for line in rest)])


def _rule(text: str, number: int) -> RuleText:
    rules = rule_texts(text)
    if not 0 <= number < len(rules):
        raise CannotSplice("There is no such rule in this file any more; load the page anew.")
    return rules[number]


def _refuse_unwritable(value: object) -> None:
    if isinstance(value, list):
        for each in value:
            _refuse_unwritable(each)
    elif isinstance(value, dict):
        _refuse_unwritable([*value, *value.values()])
    elif not isinstance(value, (str, int)):
        raise CannotSplice("Only texts, numbers and lists of them can be put into a rule.")


def _with_days(edit: CardEdit) -> CardEdit:
    """With days as they are written in a file, however they were typed."""
    return replace(edit, value=days_meant(edit.value)) if isinstance(edit.value, str) else edit


def _made(edit: CardEdit, text: str, base: Path) -> str:
    if edit.path[:2] == ("only", "dates"):
        edit = _with_days(edit)
    path = (*base, *edit.path)
    maker = _MAKERS.get(edit.do)
    if maker is None or not edit.path:
        raise CannotSplice("This can't be done to a rule.")
    if edit.do in {"drop", "move"} and not isinstance(path[-1], int):
        raise CannotSplice("This is no item of a list.")
    return maker(text, path, edit)


def _made_in_file(edit: CardEdit, text: str) -> str:
    if edit.path and edit.path[0] in LISTS:
        raise CannotSplice("Rules and tests are changed on their own pages.")
    if edit.path[:1] == ("closed",) and edit.path[-1] not in {"hours", "holidays"}:
        edit = _with_days(edit)
    if edit.do == "insert" and edit.path:
        return insert_setting(text, edit.path, edit.value)
    return _made(edit, text, ())


def _set(text: str, path: Path, edit: CardEdit) -> str:
    if isinstance(path[-1], str):
        return set_key(text, path, edit.value, after=edit.after or None)
    return set_value(text, path, edit.value)


def _added(text: str, path: Path, edit: CardEdit) -> str:
    """One more item; of one text, a list is made first."""
    holder = node_at(text, path[:-1])
    node = holder.find(path[-1])
    if node is None:
        return insert_key(text, path, [edit.value], after=edit.after or None)
    if node.kind == "list":
        return insert_item(text, path, edit.to or len(node.items), edit.value)
    if node.kind == "text" and not node.value and not node.style:
        return set_value(text, path, [edit.value])
    return several(text, path, "", edit.value, are_words=True)


def _with_yaml(text: str, path: Path, source: str) -> str:
    """YAML that somebody typed in the place of a node; nothing around it may mean anything else then."""
    before = parse(text)
    node = before
    for step in path:
        node = node.child(step)
    indent = " " * margin(text, node.start)
    lines = source.strip("\n").split("\n")
    new = "\n".join([lines[0], *(indent + line if line.strip() else "" for line in lines[1:])])
    after = spliced(text, [Splice(node.start, node.end, new)])
    try:
        root = parse(after)
    except CannotSplice:
        raise CannotSplice(
            "This can't be read like that yet; what stands in the file is unchanged."
        ) from None
    if _around(before, path) != _around(root, path):
        raise CannotSplice("This would change what stands around it, too; write it in the text.")
    return after


_Around = tuple[object, ...]


def _around(node: SourceNode, path: Path) -> _Around:
    """What a tree says besides the node that a path leads to."""
    if not path:
        return ("here",)
    step, rest = path[0], path[1:]
    if node.kind == "mapping":
        return tuple(
            (key.value, _around(value, rest) if key.value == step else _said(value))
            for key, value in node.pairs
        )
    if node.kind == "list":
        return tuple(_around(item, rest) if at == step else _said(item) for at, item in enumerate(node.items))
    return (node.kind, node.value)


def _said(node: SourceNode) -> _Around:
    if node.kind == "mapping":
        return tuple((_said(key), _said(value)) for key, value in node.pairs)
    if node.kind == "list":
        return ("list", *map(_said, node.items))
    return (node.kind, node.value)


def _naming_language(text: str, edit: CardEdit) -> str:
    """The file's `languages`, with one more, where it has none or not this one."""
    root = parse(text)
    code, usual = str(edit.value), edit.after or "en"
    known = root.find("languages")
    if known is not None:
        names = {each.value for each in known.items} or {known.value}
        if code in names:
            return text
        if known.kind == "list":
            return insert_item(text, ("languages",), len(known.items), code)
        return set_value(text, ("languages",), [known.value, code])
    rules = next((key for key, _ in root.pairs if key.value == "rules"), None)
    if root.kind != "mapping" or rules is None:
        return text
    if root.is_flow:
        return insert_key(text, ("languages",), [usual, code])
    start = pair_start(text, rules)
    line = f"languages: [{usual}, {code}]\n{' ' * margin(text, start)}"
    return still_readable(text, spliced(text, [Splice(start, start, line)]))


def changed_fields(text: str, number: int, posted: Mapping[CardEdit, str]) -> tuple[CardEdit, ...]:
    """Of the fields of a form as it was posted, the changes of those that differ from the text."""
    node = settings_node(text) if number == FILE else node_of(text, _rule(text, number))
    if node is None:
        return ()
    return tuple(
        CardEdit(do=edit.do, path=edit.path, value=value, after=edit.after)
        for edit, value in posted.items()
        if _differs(text, node, edit, value)
    )


def _differs(text: str, rule: SourceNode, edit: CardEdit, value: str) -> bool:
    if edit.do in {"add", "language", "insert"}:
        return bool(value.strip())
    node: SourceNode | None = rule
    for step in edit.path[:-1] if edit.do == "rename" else edit.path:
        node = node.find(step) if node is not None else None
    if node is None:
        return bool(value)
    if edit.do == "rename":
        return node.find(edit.path[-1]) is not None and value != edit.path[-1]
    if edit.do == "write":
        return value.strip("\n") != source_of(text, node.start, node.end).strip("\n")
    return re.sub(r"\r\n?", "\n", value) != node.value


_MAKERS: Mapping[str, Callable[[str, Path, CardEdit], str]] = {
    "set": _set,
    "insert": lambda text, path, edit: insert_key(text, path, edit.value, after=edit.after or None),
    "rename": lambda text, path, edit: rename_key(text, path, str(edit.value)),
    "remove": lambda text, path, _: remove_key(text, path),
    "add": _added,
    "drop": lambda text, path, _: remove_item(text, path[:-1], int(path[-1])),
    "move": lambda text, path, edit: move_item(text, path[:-1], int(path[-1]), edit.to),
    "wrap": lambda text, path, edit: several(text, path, edit.after, edit.value),
    "language": lambda text, path, edit: one_more_language(text, path, str(edit.value), edit.after or "en"),
    "write": lambda text, path, edit: _with_yaml(text, path, str(edit.value)),
}
