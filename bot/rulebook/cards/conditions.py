"""The controls of `when` and `only`."""

from msgspec.structs import replace

from bot.rulebook.cards.control import Button, CardEdit, Control, Option
from bot.rulebook.cards.known import KnownNames
from bot.rulebook.cards.parts import Source, adding, gone, in_language, is_by_language
from bot.rulebook.cards.words import KINDS, LOOKS, ONLY, ONLY_HINTS, YES_NO, language_name, options
from bot.rulebook.editing.source_tree import Path, SourceNode

_WORDS = {
    "pattern": "another pattern",
    "table": "another table",
    "exact_table": "another table",
    "looks_like": "another",
}


def when_controls(source: Source, node: SourceNode | None, known: KnownNames) -> list[Control]:
    """What a rule listens for: a row for each kind of key."""
    path: Path = ("when",)
    if node is None:
        return []
    if node.kind == "text" and node.value in {"anything", ""}:
        words = Button(
            label="Only certain words",
            edits=(CardEdit(do="set", path=path, value={"keyword": []}),),
        )
        says = "whatever no rule before this one takes" if node.value else "nothing yet"
        return [
            Control(
                kind="note",
                path=path,
                value=says,
                buttons=(words,),
                start=node.start,
                end=node.end,
                weight="anything",
            )
        ]
    if node.kind != "mapping":
        return [source.yaml(node, path, "When", can_go=False)]
    present = {key.value for key, _ in node.pairs}
    found: list[Control] = []
    for key, value in node.pairs:
        kind = key.value
        if kind not in KINDS:
            found.append(source.yaml(value, (*path, kind), kind))
            continue
        kinds = {
            each: label for each, label in KINDS.items() if each == kind or _may_become(each, kind, present)
        }
        chosen = Control(
            kind="choice",
            path=(*path, kind),
            do="rename",
            label="How it must match",
            value=kind,
            options=options(kinds),
            start=key.start,
            end=key.end,
        )
        rows = _keys(source, value, (*path, kind), kind, known)
        found.append(
            Control(
                kind="group",
                path=(*path, kind),
                label=KINDS[kind],
                parts=(chosen, *rows),
                start=key.start,
                end=value.end,
                remove=gone((*path, kind), KINDS[kind]) if len(node.pairs) > 1 else None,
                weight=kind,
            )
        )
    return found


def when_adds(node: SourceNode | None) -> tuple[Button, ...]:
    """Kinds of keys that can be added."""
    if node is None:
        return (adding("when", ("when",), {"keyword": []}, after="name"),)
    if node.kind != "mapping":
        return ()
    present = {key.value for key, _ in node.pairs}
    return tuple(adding(label, ("when", kind), []) for kind, label in KINDS.items() if kind not in present)


def _may_become(kind: str, now: str, present: set[str]) -> bool:
    of_words = {"keyword", "contains", "exact", "all_words", "fuzzy"}
    of_tables = {"table", "exact_table"}
    return kind not in present and any({kind, now} <= some for some in (of_words, of_tables))


def _keys(source: Source, node: SourceNode, path: Path, kind: str, known: KnownNames) -> list[Control]:
    if is_by_language(node):
        return [
            replace(
                _words(source, value, (*path, key.value), kind, known),
                label=language_name(key.value),
                remove=gone((*path, key.value), language_name(key.value)),
            )
            for key, value in node.pairs
        ] + [in_language(path, [key.value for key, _ in node.pairs], known)]
    words = _words(source, node, path, kind, known)
    if kind in {"keyword", "contains", "exact", "all_words", "fuzzy"} and words.kind == "words":
        is_mixed = any(item.kind == "mapping" for item in node.items)
        return [words] if is_mixed else [words, in_language(path, [], known)]
    return [words]


def _words(source: Source, node: SourceNode, path: Path, kind: str, known: KnownNames) -> Control:
    new = _WORDS.get(kind, "another word" if node.items or node.value else "a word")
    if kind == "looks_like":
        return source.words(node, path, "Looks", new=new, options=options(LOOKS))
    if kind in {"table", "exact_table"}:
        tables = tuple(Option(value=each, label=each) for each in known.tables)
        return source.words(node, path, "Tables", new=new, options=tables)
    return source.words(node, path, "Words", new=new, is_code=kind == "pattern")


def only_controls(source: Source, node: SourceNode | None, known: KnownNames) -> list[Control]:
    """On what else it depends whether a rule answers."""
    if node is None:
        return []
    if node.kind != "mapping":
        return [source.yaml(node, ("only",), "Only")]
    return [_condition(source, key.value, value, known) for key, value in node.pairs]


def _condition(source: Source, key: str, node: SourceNode, known: KnownNames) -> Control:
    path: Path = ("only", key)
    label = ONLY.get(key, key)
    if key not in ONLY:
        return source.yaml(node, path, label)
    if key in {"first_time", "opted_out"}:
        return replace(source.line(node, path, label, options=options(YES_NO), can_go=True), weight=key)
    choose = tuple(Option(value=name, label=name) for name in _names(key, known))
    words = source.words(
        node,
        path,
        label,
        new="one more",
        options=choose,
        hint=ONLY_HINTS.get(key, ""),
        remove=gone(path, label),
    )
    return replace(words, weight=key, remove=gone(path, label))


def _names(key: str, known: KnownNames) -> tuple[str, ...]:
    match key:
        case "open" | "closed":
            return known.hours
        case "language":
            return tuple(each.value for each in known.more_languages)
    return ()


def only_adds(node: SourceNode | None, known: KnownNames) -> tuple[Button, ...]:
    """Conditions that can be added."""
    if node is not None and node.kind != "mapping":
        return ()
    present = {key.value for key, _ in node.pairs} if node is not None else set()
    found = []
    for key, label in ONLY.items():
        if key in present or (key in {"open", "closed"} and not known.hours):
            continue
        value = _first_value(key, known)
        if node is None:
            found.append(adding(label, ("only",), {key: value}, after="when"))
        else:
            found.append(adding(label, ("only", key), value))
    return tuple(found)


def _first_value(key: str, known: KnownNames) -> str | bool | list[str]:
    if key in {"first_time", "opted_out"}:
        return True
    if key in {"open", "closed"}:
        return known.hours[0]
    return []
