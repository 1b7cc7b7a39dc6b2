"""The controls of `ask`: the questions, and what each expects."""

from msgspec.structs import replace

from bot.rulebook.cards.control import Button, CardEdit, Control, Value
from bot.rulebook.cards.known import KnownNames
from bot.rulebook.cards.parts import Source, adding, dropped, gone
from bot.rulebook.cards.texts import said
from bot.rulebook.cards.words import EXPECTED, ORDERS, YES_NO, options
from bot.rulebook.editing.source_tree import Path, SourceNode

#: What an answer is asked to be at first.
_BEGUN: dict[str, Value] = {
    "text": "text",
    "yes_no": "yes_no",
    "number": "number",
    "date": "date",
    "one_of": {"one_of": ["", ""]},
    "pattern": {"pattern": ".+"},
}
_BOUNDS = {
    "number": {"min": ("at least", "1"), "max": ("at most", "10"), "decimals": ("with decimals", "true")},
    "date": {
        "min": ("not before", "today"),
        "max": ("not after", "today + 90d"),
        "order": ("written as", "dmy"),
    },
    "text": {"max": ("at most so many characters", "160")},
}


def question_controls(source: Source, node: SourceNode, path: Path, label: str, known: KnownNames) -> Control:
    """The questions in their order."""
    if node.kind == "mapping":
        parts = [_question(source, node, path, "Question", known)]
        more = Button(
            label="+ another question",
            edits=(CardEdit(do="wrap", path=path, value={"save": "answer2", "question": ""}),),
        )
    elif node.kind == "list":
        parts = []
        for at, item in enumerate(node.items):
            here = (*path, at)
            made = _question(source, item, here, f"Question {at + 1}", known)
            moves = []
            if at:
                moves.append(
                    Button(
                        label="↑",
                        edits=(CardEdit(do="move", path=here, to=at - 1),),
                        about=f"Ask {at + 1} earlier",
                    )
                )
            if at < len(node.items) - 1:
                moves.append(
                    Button(
                        label="↓",
                        edits=(CardEdit(do="move", path=here, to=at + 1),),
                        about=f"Ask {at + 1} later",
                    )
                )
            parts.append(
                replace(made, remove=dropped(here, f"Question {at + 1}"), buttons=(*made.buttons, *moves))
            )
        taken = {found.value for item in node.items if (found := item.find("save")) is not None}
        free = next(
            name for at in range(len(taken) + 1, 2 * len(taken) + 3) if (name := f"answer{at}") not in taken
        )
        more = adding("+ another question", path, {"save": free, "question": ""}, do="add")
    else:
        return source.yaml(node, path, label)
    return Control(
        kind="group",
        path=path,
        label=label,
        parts=tuple(parts),
        buttons=(more,),
        start=node.start,
        end=node.end,
    )


def _question(source: Source, node: SourceNode, path: Path, label: str, known: KnownNames) -> Control:
    if node.kind != "mapping":
        return source.yaml(node, path, label)
    parts = []
    for key, value in sorted(node.pairs, key=lambda pair: _place(pair[0].value)):
        here = (*path, key.value)
        if key.value == "save":
            parts.append(
                source.line(value, here, "Call the answer", hint="letters, digits and _", is_code=True)
            )
        elif key.value == "question":
            parts.append(said(source, value, here, "Ask", known, is_reply=False))
        elif key.value == "otherwise":
            text = said(source, value, here, "To an answer that doesn’t fit, say", known, is_reply=False)
            parts.append(replace(text, remove=gone(here, "What is said to an answer that doesn’t fit")))
        elif key.value == "expect":
            parts += _expect(source, value, here)
        else:
            parts.append(source.yaml(value, here, key.value))
    adds = []
    present = {key.value for key, _ in node.pairs}
    if "expect" not in present:
        parts.append(
            Control(
                kind="menu",
                path=(*path, "expect"),
                label="The answer must be",
                value="text",
                options=options({"text": EXPECTED["text"]}),
                buttons=tuple(
                    adding(EXPECTED[kind], (*path, "expect"), value)
                    for kind, value in _BEGUN.items()
                    if kind != "text"
                ),
            )
        )
    if "otherwise" not in present:
        adds.append(adding("+ what is said to an answer that doesn’t fit", (*path, "otherwise"), ""))
    return Control(
        kind="group",
        path=path,
        label=label,
        parts=tuple(parts),
        buttons=tuple(adds),
        start=node.start,
        end=node.end,
    )


def _place(key: str) -> int:
    order = ("question", "save", "expect", "otherwise")
    return order.index(key) if key in order else len(order)


def _expect(source: Source, node: SourceNode, path: Path) -> list[Control]:
    kind, inner = node.value, None
    if node.kind == "mapping" and len(node.pairs) == 1:
        kind, inner = node.pairs[0][0].value, node.pairs[0][1]
    if kind not in EXPECTED or (node.kind not in {"text", "mapping"}):
        return [source.yaml(node, path, "The answer must be")]
    others = tuple(
        Button(label=EXPECTED[each], edits=(CardEdit(do="set", path=path, value=value),))
        for each, value in _BEGUN.items()
        if each != kind
    )
    chosen = Control(
        kind="menu",
        path=path,
        label="The answer must be",
        value=kind,
        options=options({kind: EXPECTED[kind]}),
        buttons=others,
        start=node.start,
        end=node.end,
        remove=gone(path, "What the answer must be"),
    )
    return [chosen, *_details(source, path, kind, inner)]


def _details(source: Source, path: Path, kind: str, inner: SourceNode | None) -> list[Control]:
    here = (*path, kind)
    if kind == "one_of" and inner is not None:
        if inner.kind == "mapping":
            return [
                replace(
                    source.words(value, (*here, key.value), f"{key.value}, also as", new="another word"),
                    remove=gone((*here, key.value), key.value),
                )
                for key, value in inner.pairs
            ]
        return [source.words(inner, here, "Choices", new="another choice")]
    if kind == "pattern" and inner is not None:
        return [source.line(inner, here, "Pattern", is_code=True)]
    if kind == "yes_no" and inner is not None and inner.kind == "mapping":
        return [
            source.words(value, (*here, key.value), f"Words for {key.value}", new="another word")
            for key, value in inner.pairs
        ]
    bounds = _BOUNDS.get(kind, {})
    if inner is not None and inner.kind != "mapping":
        return [] if not inner.value else [source.yaml(inner, here, kind)]
    found = []
    for key, value in inner.pairs if inner is not None else ():
        label = bounds[key.value][0] if key.value in bounds else key.value
        choose = {"decimals": YES_NO, "order": ORDERS}.get(key.value, {})
        found.append(
            source.line(
                value, (*here, key.value), label, options=options(choose), can_go=len(inner.pairs) > 1
            )
            if inner is not None
            else source.yaml(value, (*here, key.value), label)
        )
    given = {key.value for key, _ in inner.pairs} if inner is not None else set()
    missing = {key: begun for key, begun in bounds.items() if key not in given}
    if missing:
        found.append(
            Control(
                kind="note",
                path=here,
                label="",
                buttons=tuple(
                    adding(f"+ {label}", (*here, key), value)
                    if inner is not None
                    else Button(
                        label=f"+ {label}",
                        edits=(CardEdit(do="set", path=path, value={kind: {key: value}}),),
                    )
                    for key, (label, value) in missing.items()
                ),
            )
        )
    return found
