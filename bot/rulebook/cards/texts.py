"""The controls of what is said to people: one text, several in order, one of several, by language."""

from msgspec.structs import replace

from bot.rulebook.cards.control import Button, CardEdit, Control
from bot.rulebook.cards.known import KnownNames
from bot.rulebook.cards.parts import Source, dropped, gone, in_language, is_by_language
from bot.rulebook.cards.words import language_name
from bot.rulebook.editing.source_tree import Path, SourceNode


def said(
    source: Source, node: SourceNode, path: Path, label: str, known: KnownNames, *, is_reply: bool = True
) -> Control:
    """What is said at one place; `is_reply`: it may be several messages in order, or one of several."""
    if is_by_language(node):
        return _by_language(source, node, path, label, known, is_reply=is_reply)
    one_of = node.find("one_of") if node.kind == "mapping" else None
    if one_of is not None and len(node.pairs) == 1 and one_of.kind == "list":
        return _list(
            source, one_of, (*path, "one_of"), "One of these, by chance", "one more to choose from", known
        )
    if node.kind == "list":
        return _list(source, node, path, "These, one after another", "one more message", known)
    text = source.template(node, path, label)
    if text.kind != "text":
        return text
    return replace(text, buttons=_more(path, is_reply=is_reply), parts=(in_language(path, [], known),))


def _more(path: Path, *, is_reply: bool) -> tuple[Button, ...]:
    if not is_reply:
        return ()
    return (
        Button(label="+ another message after it", edits=(CardEdit(do="wrap", path=path, value=""),)),
        Button(
            label="+ another wording, by chance",
            edits=(CardEdit(do="wrap", path=path, value="", after="one_of"),),
        ),
    )


def _by_language(
    source: Source, node: SourceNode, path: Path, label: str, known: KnownNames, *, is_reply: bool
) -> Control:
    parts = []
    for key, value in node.pairs:
        inner = said(source, value, (*path, key.value), language_name(key.value), known, is_reply=is_reply)
        if inner.kind == "text":
            inner = replace(inner, parts=())
        parts.append(
            replace(
                inner,
                label=language_name(key.value),
                remove=gone((*path, key.value), language_name(key.value)),
            )
        )
    given = [key.value for key, _ in node.pairs]
    return Control(
        kind="group",
        path=path,
        label=label,
        hint="languages",
        parts=(*parts, in_language(path, given, known)),
        start=node.start,
        end=node.end,
        notes=tuple(
            f"{language_name(code)} {'✓' if code in given else '–'}" for code in known.languages or given
        ),
    )


def _list(source: Source, node: SourceNode, path: Path, label: str, more: str, known: KnownNames) -> Control:
    parts = []
    for at, item in enumerate(node.items):
        here = (*path, at)
        name = f"{at + 1} of {len(node.items)}"
        inner = said(source, item, here, name, known, is_reply=False)
        if inner.kind == "text":
            inner = replace(inner, parts=())
        parts.append(
            replace(inner, label=name, remove=dropped(here, name), buttons=_moves(here, at, len(node.items)))
        )
    add = Button(label=f"+ {more}", edits=(CardEdit(do="add", path=path, value=""),))
    return Control(
        kind="group",
        path=path,
        label=label,
        parts=tuple(parts),
        buttons=(add,),
        start=node.start,
        end=node.end,
    )


def _moves(path: Path, at: int, count: int) -> tuple[Button, ...]:
    found = []
    if at:
        found.append(
            Button(label="↑", edits=(CardEdit(do="move", path=path, to=at - 1),), about=f"Move {at + 1} up")
        )
    if at < count - 1:
        found.append(
            Button(label="↓", edits=(CardEdit(do="move", path=path, to=at + 1),), about=f"Move {at + 1} down")
        )
    return tuple(found)
