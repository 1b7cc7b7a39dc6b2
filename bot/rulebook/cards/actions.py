"""The controls of what a rule does besides answering."""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from bot.rulebook.cards.control import Button, Control, Option, Value
from bot.rulebook.cards.known import KnownNames
from bot.rulebook.cards.parts import Source, adding, dropped, gone, named
from bot.rulebook.cards.questions import question_controls
from bot.rulebook.cards.texts import said
from bot.rulebook.cards.words import KEYS, ONCE, YES_NO, options
from bot.rulebook.editing.source_tree import Path, SourceNode
from bot.rulebook.files.keys import METHODS

#: What a key says when it is added.
_BEGUN: Mapping[str, Value] = {
    "ask": [{"save": "answer", "question": ""}],
    "set": {"name": ""},
    "tag": [],
    "untag": [],
    "opt_out": True,
    "opt_in": True,
    "handover": True,
    "forward": [],
    "lookup": {"table": "", "key": "{{ message }}", "save": "row"},
    "code": {"random": 8, "save": "code"},
    "record": {"answer": "{{ message }}"},
    "once": "first",
    "fetch": {"url": "https://", "save": "found"},
    "later": {"after": "1d", "reply": ""},
    "again": "10m",
    "help": "",
    "language": "",
    "limit": "1 per 1h",
    "max_segments": 3,
}
_HINTS = {
    "expires": "such as 30m, 24h or 2d",
    "tries": "times",
    "again": "such as 10m",
    "limit": "such as 1 per 1h or 3 per 1d",
    "max_segments": "1 to 10",
}
#: Those that only add to another key.
_BESIDE = {"expires": "ask", "tries": "ask", "cancel": "ask", "once": "record"}
_DURATIONS = {"expires": "1d", "tries": "3", "cancel": "exit"}


def action_controls(source: Source, rule: SourceNode, known: KnownNames) -> list[Control]:
    """All that a rule does, in the order of its file; what no other control knows, too."""
    shown = {"name", "when", "only", "reply"}
    return [
        _action(source, key.value, value, known)
        for key, value in rule.pairs
        if key.kind == "text" and key.value not in shown
    ]


def action_adds(rule: SourceNode, known: KnownNames) -> tuple[Button, ...]:
    """What can be added to a rule."""
    present = {key.value for key, _ in rule.pairs}
    found = []
    for key, value in _BEGUN.items():
        if key in present or (key in _BESIDE and _BESIDE[key] not in present and key != "once"):
            continue
        if key == "once" and not present & {"ask", "record"}:
            continue
        if key == "lookup" and not known.tables:
            continue
        found.append(adding(KEYS[key], (key,), _begun(key, value, known)))
        if key == "code" and known.csv_files:
            listed = {"from": known.csv_files[0], "save": "code"}
            found.append(adding("Give a code from a list", (key,), listed))
    if "ask" in present:
        found += [
            adding(KEYS[key], (key,), value, after="ask")
            for key, value in _DURATIONS.items()
            if key not in present
        ]
    return tuple(found)


def _begun(key: str, value: Value, known: KnownNames) -> Value:
    if key == "lookup":
        return {"table": known.tables[0], "key": "{{ message }}", "save": "row"}
    return (known.languages or ("en",))[0] if key == "language" else value


def _action(source: Source, key: str, node: SourceNode, known: KnownNames) -> Control:
    path: Path = (key,)
    label = KEYS.get(key, key)
    maker = _MAKERS.get(key)
    made = maker(source, node, path, label, known) if maker else source.yaml(node, path, label)
    return replace(made, remove=gone(path, label))


def _flag(source: Source, node: SourceNode, path: Path, label: str, _known: KnownNames) -> Control:
    return source.line(node, path, label, options=options(YES_NO))


def _line(source: Source, node: SourceNode, path: Path, label: str, _known: KnownNames) -> Control:
    return source.line(node, path, label, hint=_HINTS.get(str(path[-1]), ""))


def _once(source: Source, node: SourceNode, path: Path, label: str, _known: KnownNames) -> Control:
    return source.line(node, path, label, options=options(ONCE))


def _language(source: Source, node: SourceNode, path: Path, label: str, known: KnownNames) -> Control:
    return source.line(node, path, label, options=known.more_languages)


def _tags(source: Source, node: SourceNode, path: Path, label: str, _known: KnownNames) -> Control:
    return source.words(node, path, label, new="another tag")


def _forward(source: Source, node: SourceNode, path: Path, label: str, _known: KnownNames) -> Control:
    return source.words(node, path, label, new="another address", hint="https://…")


def _said(source: Source, node: SourceNode, path: Path, label: str, known: KnownNames) -> Control:
    return said(source, node, path, label, known, is_reply=path[-1] != "help")


def _named(source: Source, node: SourceNode, path: Path, label: str, _known: KnownNames) -> Control:
    """Names and what is kept under them."""

    def text(value: SourceNode, here: Path) -> Control:
        return source.template(value, here, "Text", is_sent=False)

    return named(source, node, path, label, text, begun="", more="one more")


def _lookup(source: Source, node: SourceNode, path: Path, label: str, known: KnownNames) -> Control:
    tables = tuple(Option(value=each, label=each) for each in known.tables)
    return _mapping(
        source, node, path, label, known,
        {"table": ("In the table", tables), "key": ("The row of", "template"), "save": ("Call the row", ())},
        {"missing": ("If there is none, say", "")},
    )  # fmt: skip


def _code(source: Source, node: SourceNode, path: Path, label: str, known: KnownNames) -> Control:
    files = tuple(Option(value=each, label=each) for each in known.csv_files)
    return _mapping(
        source, node, path, label, known,
        {"from": ("From the list", files), "random": ("Made up, with so many characters", ()), "save": ("Call it", ())},
        {"missing": ("Once all are given, say", "")},
    )  # fmt: skip


def _fetch(source: Source, node: SourceNode, path: Path, label: str, known: KnownNames) -> Control:
    methods = tuple(Option(value=each, label=each) for each in METHODS)
    return _mapping(
        source, node, path, label, known,
        {
            "url": ("Address", "template"), "method": ("How", methods), "save": ("Call what comes", ()),
            "timeout": ("Wait at most", ()), "keep": ("Use the same answer for", ()),
        },
        {
            "missing": ("If there is no such thing, say", ""), "otherwise": ("If nothing comes, say", ""),
            "timeout": ("Wait at most", "5s"), "keep": ("Use the same answer for", "5m"),
        },
    )  # fmt: skip


def _later(source: Source, node: SourceNode, path: Path, label: str, known: KnownNames) -> Control:
    if node.kind == "list":
        parts = [
            replace(
                _later(source, item, (*path, at), f"{at + 1} of {len(node.items)}", known),
                remove=dropped((*path, at), f"{at + 1}"),
            )
            for at, item in enumerate(node.items)
        ]
        more = adding("+ one more", path, {"after": "1d", "reply": ""}, do="add")
        return Control(
            kind="group",
            path=path,
            label=label,
            parts=tuple(parts),
            buttons=(more,),
            start=node.start,
            end=node.end,
        )
    answered = (Option(value="answered", label="they have written since"),)
    return _mapping(
        source, node, path, label, known,
        {"after": ("After", ()), "between": ("Between the hours", ()), "unless": ("Unless", answered)},
        {"between": ("Between the hours", "9:00-20:00"), "unless": ("Unless they write", "answered")},
    )  # fmt: skip


def _handover(source: Source, node: SourceNode, path: Path, label: str, known: KnownNames) -> Control:
    if node.kind != "mapping":
        more = adding("+ to whom, how long", path, {"back_after": "2h"}, do="set")
        return replace(_flag(source, node, path, label, known), buttons=(more,))
    return _mapping(
        source, node, path, label, known,
        {"to": ("To", ()), "urgent": ("Urgent", options(YES_NO)), "back_after": ("Back when nobody wrote for", ())},
        {
            "to": ("To", ""), "urgent": ("Urgent", True), "back_after": ("Back when nobody wrote for", "2h"),
            "back_reply": ("Then say", ""),
        },
    )  # fmt: skip


_SAID = {"missing", "otherwise", "reply", "back_reply"}


def _mapping(
    source: Source,
    node: SourceNode,
    path: Path,
    label: str,
    known: KnownNames,
    fields: Mapping[str, tuple[str, tuple[Option, ...] | str]],
    more: Mapping[str, tuple[str, Value]],
) -> Control:
    """A mapping with known keys: what is said, lines and choices; the rest stays as it is written."""
    if node.kind != "mapping":
        return source.yaml(node, path, label)
    parts = []
    for key, value in node.pairs:
        here = (*path, key.value)
        about = (more.get(key.value) or fields.get(key.value) or (key.value,))[0]
        about = fields[key.value][0] if key.value in fields else about
        if key.value in _SAID:
            name = "Say" if key.value == "reply" else str(about)
            made = said(source, value, here, name, known)
        elif key.value in fields:
            choose = fields[key.value][1]
            made = (
                source.template(value, here, str(about), is_sent=False)
                if isinstance(choose, str)
                else source.line(value, here, str(about), options=choose)
            )
        else:
            made = source.yaml(value, here, key.value)
        parts.append(replace(made, remove=gone(here, str(about)) if key.value in more else None))
    present = {key.value for key, _ in node.pairs}
    adds = tuple(
        adding(f"+ {name[0].lower()}{name[1:]}", (*path, key), value)
        for key, (name, value) in more.items()
        if key not in present
    )
    return Control(
        kind="group", path=path, label=label, parts=tuple(parts), buttons=adds, start=node.start, end=node.end
    )


def _ask(source: Source, node: SourceNode, path: Path, label: str, known: KnownNames) -> Control:
    return question_controls(source, node, path, label, known)


def _cancel(source: Source, node: SourceNode, path: Path, label: str, known: KnownNames) -> Control:
    words = node.find("words")
    if words is not None:
        parts = [source.words(words, (*path, "words"), "Words", new="another word")]
        reply = node.find("reply")
        if reply is not None:
            parts.append(said(source, reply, (*path, "reply"), "and say", known))
        return Control(
            kind="group", path=path, label=label, parts=tuple(parts), start=node.start, end=node.end
        )
    return source.words(node, path, label, new="another word")


_Maker = Callable[[Source, SourceNode, Path, str, KnownNames], Control]
_MAKERS: Mapping[str, _Maker] = {
    "enabled": _flag, "opt_out": _flag, "opt_in": _flag, "handover": _handover,
    "limit": _line, "expires": _line, "tries": _line, "again": _line, "max_segments": _line,
    "ask": _ask, "cancel": _cancel, "set": _named, "record": _named, "once": _once,
    "tag": _tags, "untag": _tags, "forward": _forward, "lookup": _lookup, "code": _code, "fetch": _fetch,
    "later": _later, "help": _said, "language": _language,
}  # fmt: skip
