"""The card of a file: what it says at its top, for all of its rules."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, get_args

from msgspec.structs import replace

from bot.rulebook.cards.control import Button, Card, Control, Option, Section, Value
from bot.rulebook.cards.days_meant import days_said
from bot.rulebook.cards.file_text import FILE, LISTS, settings_node, settings_text
from bot.rulebook.cards.known import KnownNames
from bot.rulebook.cards.notes import comments_at
from bot.rulebook.cards.parts import Source, adding, dropped, gone, named
from bot.rulebook.cards.words import options
from bot.rulebook.editing.source_tree import Path, SourceNode
from bot.rulebook.files.keys import ANSWERERS
from bot.rulebook.sender_numbers import Kind

FILE_WORDS: Final = {
    "timezone": "Time zone",
    "hours": "Opening hours",
    "closed": "Closed days",
    "values": "Values for the answers",
    "languages": "Languages, the usual one first",
    "language": "Language",
    "numbers": "Our numbers that it serves",
    "tables": "Tables",
    "max_segments": "Longest answer, in SMS",
}
_SECTIONS: Final = (
    ("opening", "When we are open", ("timezone", "hours", "closed")),
    ("said", "What answers may write", ("values", "languages", "language", "tables", "max_segments")),
    ("numbers", "Whom it serves", ("numbers",)),
)
#: Characters of what a list says.
_LONGEST: Final = 90
_A_DAY: Final = "such as 24-26 December, 12-24..12-26, or 2026-12-24"
_HOURS: Final = "such as Mon-Fri 9-12, 13-18; Sat 10-14"
_ANSWERERS: Final = {"bot": "the bot answers STOP", "carrier": "the carrier answers STOP"}
_NUMBER_WORDS: Final = {
    "kind": "What it is",
    "opt_out": "Who answers STOP",
    "per_minute": "At most so many messages a minute",
    "per_day": "At most so many messages a day",
    "answer": "Answers only numbers of",
    "language": "Its conversations begin in",
}
_NUMBER_BEGUN: Final[Mapping[str, Value]] = {
    "kind": "long-code",
    "opt_out": "bot",
    "per_minute": 60,
    "per_day": 1000,
    "answer": ["+1"],
    "language": "en",
}


def file_card(text: str, known: KnownNames) -> Card:
    """The card of a file; of one that can't be read, a sentence."""
    node = settings_node(text)
    if node is None:
        note = Control(
            kind="note",
            path=("rules",),
            value="What stands above the rules can’t be read; mend it in the text.",
        )
        return Card(
            number=FILE, name="", start=0, end=0, sections=(Section(name="file", title="", parts=(note,)),)
        )
    view = settings_text(text)
    source = Source(view)
    pairs = {key.value: (key, value) for key, value in node.pairs if key.value not in LISTS}
    known_keys = [key for _, _, keys in _SECTIONS for key in keys]
    others = tuple(key for key in pairs if key not in known_keys)
    sections = [
        Section(
            name=name,
            title=title,
            parts=tuple(_setting(source, node, *pairs[key], known) for key in keys if key in pairs),
            adds=_adds(keys, pairs, known),
        )
        for name, title, keys in _SECTIONS
    ]
    if others:
        parts = tuple(source.yaml(pairs[key][1], (key,), key) for key in others)
        sections.append(Section(name="others", title="Besides", parts=parts))
    shown = [pairs[key] for key in pairs]
    return Card(
        number=FILE,
        name="",
        start=min((key.start for key, _ in shown), default=0),
        end=max((value.end for _, value in shown), default=0),
        sections=tuple(sections),
    )


def _setting(
    source: Source, root: SourceNode, key: SourceNode, node: SourceNode, known: KnownNames
) -> Control:
    path: Path = (key.value,)
    made = _MAKERS[key.value](source, node, path, FILE_WORDS[key.value], known)
    notes = comments_at(source.text, root, key.start)
    return replace(made, remove=gone(path, FILE_WORDS[key.value]), notes=(*made.notes, *notes))


def _adds(keys: Sequence[str], pairs: Mapping[str, object], known: KnownNames) -> tuple[Button, ...]:
    begun: Mapping[str, Value] = {
        "timezone": "Europe/Paris",
        "hours": {"shop": "Mon-Fri 9:00-17:00"},
        "closed": [],
        "values": {"shop": ""},
        "languages": list(known.languages) or ["en"],
        "numbers": [],
        "max_segments": 3,
    }
    found = dict(begun)
    if known.csv_files:
        found["tables"] = {known.csv_files[0].removesuffix(".csv"): known.csv_files[0]}
    return tuple(
        adding(FILE_WORDS[key], (key,), found[key]) for key in keys if key in found and key not in pairs
    )


def _timezone(source: Source, node: SourceNode, path: Path, label: str, _known: KnownNames) -> Control:
    return source.line(node, path, label, hint="such as Europe/Paris or America/New_York")


def _segments(source: Source, node: SourceNode, path: Path, label: str, _known: KnownNames) -> Control:
    return source.line(node, path, label, hint="1 to 10")


def _language(source: Source, node: SourceNode, path: Path, label: str, known: KnownNames) -> Control:
    return source.line(node, path, label, options=known.more_languages)


def _languages(source: Source, node: SourceNode, path: Path, label: str, known: KnownNames) -> Control:
    return source.words(node, path, label, new="another language", options=known.more_languages)


def _hours(source: Source, node: SourceNode, path: Path, label: str, _known: KnownNames) -> Control:
    def times(value: SourceNode, here: Path) -> Control:
        if value.kind == "text":
            return source.line(value, here, "Open", hint=_HOURS)
        return source.words(value, here, "Open", new="more hours", hint=_HOURS)

    return named(source, node, path, label, times, begun="Mon-Fri 9:00-17:00", more="hours of something else")


def _values(source: Source, node: SourceNode, path: Path, label: str, _known: KnownNames) -> Control:
    def text(value: SourceNode, here: Path) -> Control:
        return source.line(value, here, "Text")

    return named(source, node, path, label, text, begun="", more="one more value")


def _tables(source: Source, node: SourceNode, path: Path, label: str, known: KnownNames) -> Control:
    files = tuple(Option(value=each, label=each) for each in known.csv_files)

    def table(value: SourceNode, here: Path) -> Control:
        if value.kind != "mapping":
            return source.line(value, here, "File", options=files)
        parts = tuple(
            source.line(each, (*here, key.value), {"file": "File", "key": "Key"}.get(key.value, key.value))
            for key, each in value.pairs
        )
        return Control(
            kind="group", path=here, label="File and key", parts=parts, start=value.start, end=value.end
        )

    first = known.csv_files[0] if known.csv_files else ""
    return named(source, node, path, label, table, begun=first, more="another table")


def _closed(source: Source, node: SourceNode, path: Path, label: str, _known: KnownNames) -> Control:
    items = node.items if node.kind == "list" else (node,)
    if node.kind == "mapping" or all(item.kind == "text" for item in items):
        days = source.words(node, path, label, new="another day, or from a day to a day", hint=_A_DAY)
        if days.kind != "words":
            return days
        said = f"{_closed_said(node)}. " if any(item.value for item in items) else ""
        parts: tuple[Control, ...] = (replace(days, label="Days", hint=f"{said}One more: {_A_DAY}"),)
    else:
        parts = tuple(
            _closure(source, item, (*path, at), f"{at + 1} of {len(items)}") for at, item in enumerate(items)
        )
        new = Control(
            kind="new", path=path, do="add", label="another day, or from a day to a day", hint=_A_DAY
        )
        parts = (*parts, Control(kind="words", path=path, label="One more", parts=(new,), hint=_A_DAY))
    buttons = (
        adding("+ public holidays", path, {"holidays": "US"}, do="add"),
        adding("+ a shorter day", path, {"on": "12-24", "hours": "9-12"}, do="add"),
    )
    return Control(
        kind="group", path=path, label=label, parts=parts, buttons=buttons, start=node.start, end=node.end
    )


_CLOSURES: Final = {
    "on": ("Day", _A_DAY),
    "hours": ("Open only", "such as 9-12"),
    "holidays": ("Public holidays of", "such as US, US-NY, FR or DE-BY"),
}


def _closure(source: Source, node: SourceNode, path: Path, label: str) -> Control:
    if node.kind == "text":
        return replace(source.line(node, path, "Day", hint=_A_DAY), remove=dropped(path, node.value))
    if node.kind != "mapping" or any(key.value not in _CLOSURES for key, _ in node.pairs):
        return replace(source.yaml(node, path, label), remove=dropped(path, label))
    parts = [
        source.line(value, (*path, key.value), _CLOSURES[key.value][0], hint=_CLOSURES[key.value][1])
        for key, value in node.pairs
    ]
    return Control(
        kind="group", path=path, label=label, parts=tuple(parts), remove=dropped(path, label),
        start=node.start, end=node.end,
    )  # fmt: skip


def _numbers(source: Source, node: SourceNode, path: Path, label: str, known: KnownNames) -> Control:
    if node.kind != "mapping":
        return source.words(node, path, label, new="another number", hint="such as +15555550100")
    parts = []
    for key, value in node.pairs:
        here = (*path, key.value)
        number = Control(
            kind="line", path=here, do="rename", label="Number", value=key.value, start=key.start, end=key.end
        )
        inner = [number]
        buttons: tuple[Button, ...] = ()
        if value.kind == "mapping":
            inner += [_of_number(source, each, (*here, name.value), known) for name, each in value.pairs]
            given = {name.value for name, _ in value.pairs}
            buttons = tuple(
                adding(f"+ {word[0].lower()}{word[1:]}", (*here, name), _NUMBER_BEGUN[name])
                for name, word in _NUMBER_WORDS.items()
                if name not in given
            )
        elif value.value:
            inner.append(source.yaml(value, here, "What is said of it"))
        parts.append(
            Control(
                kind="group",
                path=here,
                label=key.value,
                parts=tuple(inner),
                buttons=buttons,
                remove=gone(here, key.value),
                start=key.start,
                end=value.end,
            )
        )
    more = adding("+ another number", (*path, "+1"), {"kind": "long-code"})
    return Control(
        kind="group",
        path=path,
        label=label,
        parts=tuple(parts),
        buttons=(more,),
        start=node.start,
        end=node.end,
    )


def _of_number(source: Source, node: SourceNode, path: Path, known: KnownNames) -> Control:
    key = str(path[-1])
    label = _NUMBER_WORDS.get(key, key)
    if key == "answer":
        made = source.words(node, path, label, new="another country", hint="such as +1 or +44")
    elif key in _NUMBER_WORDS:
        choices: Mapping[str, tuple[Option, ...]] = {
            "kind": options({each: each.replace("-", " ") for each in get_args(Kind)}),
            "opt_out": options({each: _ANSWERERS[each] for each in ANSWERERS}),
            "language": known.more_languages,
        }
        made = source.line(node, path, label, options=choices.get(key, ()))
    else:
        made = source.yaml(node, path, key)
    return replace(made, remove=gone(path, label))


@lru_cache(maxsize=64)
def opening_lines(text: str) -> tuple[tuple[str, str], ...]:
    """What a list says of a file: its hours and closed days."""
    node = settings_node(text)
    if node is None:
        return ()
    hours, closed = node.find("hours"), node.find("closed")
    said = (
        ("Opening hours", _hours_said(hours) if hours is not None else ""),
        ("Closed", _closed_said(closed) if closed is not None else ""),
    )
    return tuple(
        (word, what if len(what) <= _LONGEST else what[: _LONGEST - 1] + "…") for word, what in said if what
    )


def _hours_said(node: SourceNode) -> str:
    if node.kind != "mapping":
        return ""
    times = {
        key.value: "; ".join(each.value for each in value.items or (value,)) for key, value in node.pairs
    }
    return next(iter(times.values())) if len(times) == 1 else ", ".join(map(" ".join, times.items()))


def _closed_said(node: SourceNode) -> str:
    return ", ".join(filter(None, map(_closure_said, node.items if node.kind == "list" else (node,))))


def _closure_said(node: SourceNode) -> str:
    if node.kind == "text":
        return days_said(node.value)
    given = {key.value: value.value for key, value in node.pairs}
    if "holidays" in given:
        return f"public holidays of {given['holidays']}"
    days = days_said(given.get("on", ""))
    return f"{days} (open {given['hours']})" if days and "hours" in given else days


_MAKERS: Final[Mapping[str, Callable[[Source, SourceNode, Path, str, KnownNames], Control]]] = {
    "timezone": _timezone, "hours": _hours, "closed": _closed, "values": _values, "languages": _languages,
    "language": _language, "numbers": _numbers, "tables": _tables, "max_segments": _segments,
}  # fmt: skip
