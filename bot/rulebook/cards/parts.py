"""The controls that every part of a card is made of."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from bot.rulebook.cards.branches import costliest
from bot.rulebook.cards.control import Button, CardEdit, Control, Doing, Option, Value
from bot.rulebook.cards.edits import source_of
from bot.rulebook.cards.known import KnownNames
from bot.rulebook.editing.source_tree import Path, SourceNode
from bot.text.languages import language_code
from bot.text.segments import BASIC, EXTENDED, measure


class Source:
    """The text of a file, and a node's way within its rule."""

    def __init__(self, text: str) -> None:
        self.text = text

    def yaml(self, node: SourceNode, path: Path, label: str, *, can_go: bool = True) -> Control:
        """A box with the text of exactly one node, for what no other control can show."""
        return Control(
            kind="yaml",
            path=path,
            label=label,
            value=source_of(self.text, node.start, node.end),
            do="write",
            start=node.start,
            end=node.end,
            is_code=True,
            hint="as it is written in the file",
            remove=gone(path, label) if can_go else None,
        )

    def line(
        self,
        node: SourceNode | None,
        path: Path,
        label: str,
        *,
        options: Sequence[Option] = (),
        hint: str = "",
        is_code: bool = False,
        can_go: bool = False,
    ) -> Control:
        """A short text, or one of a few; a name that is offered, or typed where none is."""
        if node is not None and node.kind != "text":
            return self.yaml(node, path, label, can_go=can_go)
        value = node.value if node is not None else ""
        chosen = tuple(options)
        if chosen and value not in {each.value for each in chosen}:
            chosen = (Option(value=value, label=value or "—"), *chosen)
        return Control(
            kind="choice" if chosen else "line",
            path=path,
            label=label,
            value=value,
            options=chosen,
            hint=hint,
            is_code=is_code,
            start=node.start if node is not None else 0,
            end=node.end if node is not None else 0,
            remove=gone(path, label) if can_go else None,
        )

    def template(
        self,
        node: SourceNode,
        path: Path,
        label: str,
        *,
        remove: Button | None = None,
        is_sent: bool = True,
    ) -> Control:
        """A text that people are sent, and what it costs."""
        if node.kind != "text":
            return self.yaml(node, path, label)
        cost, is_costly = cost_of(node.value) if is_sent else ("", False)
        return Control(
            kind="text",
            path=path,
            label=label,
            value=node.value,
            start=node.start,
            end=node.end,
            remove=remove,
            cost=cost,
            is_costly=is_costly,
            is_template=True,
            is_code="{%" in node.value,
        )

    def words(
        self,
        node: SourceNode,
        path: Path,
        label: str,
        *,
        new: str,
        options: Sequence[Option] = (),
        hint: str = "",
        is_code: bool = False,
        remove: Button | None = None,
    ) -> Control:
        """Items of a list, or a single one, each in a field of its own, and a field for one more."""
        if node.kind not in {"text", "list"}:
            return self.yaml(node, path, label)
        items = node.items if node.kind == "list" else ((node,) if node.value or node.style else ())
        parts = [
            self._word(item, (*path, at) if node.kind == "list" else path, label, is_code=is_code)
            for at, item in enumerate(items)
        ]
        known = {each.value for each in items}
        left = tuple(each for each in options if each.value not in known)
        if not options or left:
            parts.append(
                Control(
                    kind="pick" if left else "new",
                    path=path,
                    do="add",
                    label=new,
                    buttons=tuple(
                        Button(label=each.label, edits=(CardEdit(do="add", path=path, value=each.value),))
                        for each in left
                    ),
                    hint=hint,
                    is_code=is_code,
                )
            )
        return Control(
            kind="words",
            path=path,
            label=label,
            parts=tuple(parts),
            start=node.start,
            end=node.end,
            hint=hint,
            remove=remove,
        )

    def _word(self, node: SourceNode, path: Path, label: str, *, is_code: bool) -> Control:
        if isinstance(path[-1], int):
            taken = Button(label="×", edits=(CardEdit(do="drop", path=path),), about=f"Remove {node.value}")
        else:
            taken = Button(
                label="×", edits=(CardEdit(do="set", path=path, value=[]),), about=f"Remove {node.value}"
            )
        if node.kind != "text":
            return replace(self.yaml(node, path, label), remove=taken)
        return Control(
            kind="line",
            path=path,
            label=label,
            value=node.value,
            start=node.start,
            end=node.end,
            remove=taken,
            is_code=is_code,
        )


def gone(path: Path, label: str) -> Button:
    """What takes a key out."""
    return Button(label="×", edits=(CardEdit(do="remove", path=path),), about=f"Remove: {label}")


def in_language(path: Path, given: Sequence[str], known: KnownNames) -> Control:
    """What gives a text in one more language."""
    usual = (known.languages or ("en",))[0]
    return Control(
        kind="pick",
        path=path,
        do="language",
        label="another language" if given else "language",
        buttons=tuple(
            Button(
                label=each.label,
                edits=(
                    CardEdit(
                        do="language", path=path, value=each.value, after="" if usual == "en" else usual
                    ),
                ),
            )
            for each in known.more_languages
            if each.value not in given and (given or each.value != usual)
        ),
    )


def dropped(path: Path, label: str) -> Button:
    """What takes an item out."""
    return Button(label="×", edits=(CardEdit(do="drop", path=path),), about=f"Remove: {label}")


def adding(label: str, path: Path, value: Value, *, do: Doing = "insert", after: str = "") -> Button:
    """What adds a key, or an item."""
    return Button(label=label, edits=(CardEdit(do=do, path=path, value=value, after=after),))


def is_by_language(node: SourceNode) -> bool:
    """Whether something is given by language."""
    return node.kind == "mapping" and any(language_code(key.value) for key, _ in node.pairs)


def cost_of(text: str) -> tuple[str, bool]:
    """`41 of 160 · 1 SMS`, with the character that makes it cost more; and whether it does.

    Of branches the costliest counts, and what a value will be is not known.
    """
    more = "at least " if "{{" in text else "up to " if "{%" in text else ""
    text = costliest(text)
    size = measure(text)
    room = {"GSM-7": (160, 153), "UCS-2": (70, 67)}[size.encoding]
    most = room[0] if size.segments == 1 else size.segments * room[1]
    told = f"{more}{size.units} of {most} · {size.segments} SMS"
    if size.encoding == "GSM-7":
        return told, size.segments > 1
    odd = list(dict.fromkeys(each for each in text if each not in BASIC and each not in EXTENDED))
    named = " ".join(odd[:3]) + (" …" if len(odd) > 3 else "")
    return f"{told} · {named} makes it an SMS of 70 instead of 160", True


def named(
    source: Source,
    node: SourceNode,
    path: Path,
    label: str,
    made: Callable[[SourceNode, Path], Control],
    *,
    begun: Value,
    more: str,
) -> Control:
    """Names, each with what it stands for."""
    if node.kind != "mapping":
        return source.yaml(node, path, label)
    parts: list[Control] = []
    for key, value in node.pairs:
        here = (*path, key.value)
        name = Control(
            kind="line", path=here, do="rename", label="Name", value=key.value, start=key.start, end=key.end
        )
        parts.append(
            Control(
                kind="group",
                path=here,
                hint="pair",
                label=key.value,
                parts=(name, made(value, here)),
                remove=gone(here, key.value),
                start=key.start,
                end=value.end,
            )
        )
    taken = {key.value for key, _ in node.pairs}
    free = next(one for at in range(1, len(taken) + 2) if (one := f"name{at}") not in taken)
    return Control(
        kind="group",
        path=path,
        label=label,
        parts=tuple(parts),
        buttons=(adding(f"+ {more}", (*path, free), begun),),
        start=node.start,
        end=node.end,
    )
