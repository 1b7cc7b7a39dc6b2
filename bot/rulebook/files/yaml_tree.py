"""YAML as a tree whose every part knows its place, within bounds that no hostile file gets past.

Scalars keep their literal text: whether `no` is a word or a "false" is for the reader to know.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

import msgspec
import yaml

from bot.rulebook.background import give_way
from bot.rulebook.findings import Report
from bot.rulebook.source import START, Scalar, SourcePlace
from bot.rulebook.splices import Lines

LARGEST_FILE = 5_000_000
#: Lists and mappings in each other: libyaml takes quadratic time for deep ones.
DEEPEST = 20
_MOST_NODES = 1_000_000

#: The C parser is 20 times as fast, and gives the same events.
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
#: The next line, and the line and paragraph separators of Unicode.
_ODD_ENDS = re.compile("[\x85\u2028\u2029]")


class Items(msgspec.Struct, frozen=True):
    """A sequence."""

    items: list["Node"]
    place: SourcePlace


class Table(msgspec.Struct, frozen=True):
    """A mapping, with repeated keys still in it."""

    pairs: list[tuple["Node", "Node"]]
    place: SourcePlace


Node = Scalar | Items | Table


class _RefusedYaml(Exception):
    """Reading cannot go on; the report says why."""


def compose(text: str, report: Report) -> Node | None:
    """Parse a YAML document; None when it is empty or when an error was reported."""
    if len(text) > LARGEST_FILE:
        report.add(
            "E103",
            START,
            f"The file has {len(text):,} characters, and at most {LARGEST_FILE:,} are read. Split it up.",
        )
        return None
    place_of = _places(text)
    try:
        return _Composer(report, place_of, text).compose(_events(text))
    except _RefusedYaml:
        return None
    except UnicodeEncodeError:
        report.add("E101", START, "The text holds half of a surrogate pair, which no UTF-8 file can hold.")
    except yaml.MarkedYAMLError as error:
        is_open = "end of stream" in (error.problem or "")  # say where the quote opens
        mark = (is_open and error.context_mark) or error.problem_mark or error.context_mark
        place = place_of(mark) if mark else START
        report.add("E102", place, f"This is not YAML: {_sentence(error)}")
    except yaml.YAMLError as error:
        report.add("E102", _place_of_character(text, error), f"This is not YAML: {_first_line(error)}.")
    return None


def _events(text: str) -> Iterator[Any]:
    """What `yaml.parse` gives, without asking before each event whether there is one."""
    loader = _LOADER(text)
    try:
        yield from iter(loader.get_event, None)
    finally:
        loader.dispose()


def _places(text: str) -> Callable[[Any], SourcePlace]:
    """Where a mark stands: YAML begins a new line behind characters that no editor ends one at."""
    if not _ODD_ENDS.search(text):
        return _as_counted
    lines = Lines(text)
    return lambda mark: SourcePlace(*lines.place(mark.index))


def _as_counted(mark: Any) -> SourcePlace:
    return SourcePlace(mark.line + 1, mark.column + 1)


class _Open(msgspec.Struct):
    """A collection whose end has not come yet."""

    node: Table | Items
    children: list[Node]
    anchor: str | None
    nodes_before: int


class _Composer:
    """Builds the tree without recursion, so that depth costs no stack."""

    def __init__(self, report: Report, place_of: Callable[[Any], SourcePlace], text: str) -> None:
        self._text = text
        self._report = report
        self._place_of = place_of
        self._nodes = 0
        self._documents = 0
        #: Anchor to its node and how many nodes that stands for.
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._stack: list[_Open] = []
        #: The children of the innermost open collection.
        self._children: list[Node] = []

    def compose(self, events: Iterable[Any]) -> Node | None:
        takers = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        for event in events:
            taker = takers.get(type(event))
            if taker:
                taker(event)
        return self._children[0] if self._children else None

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            self._refuse("E107", event, "A second YAML document begins here; put it in a file of its own.")

    def _scalar(self, event: Any) -> None:
        self._count(1, event)
        self._refuse_tag(event)
        if "\0" in event.value:  # YAML takes it, in double quotes; PostgreSQL keeps no text with it
            problem = "This text has \\0 in it, the character NUL, which no message can have; leave it out."
            self._refuse("E102", event, problem)
        mark = event.start_mark
        place = self._place_of(mark)
        plain = event.style in {None, ""}
        first = None
        if mark.line == event.end_mark.line:
            first = place if plain else SourcePlace(place.line, place.column + 1)
        node = Scalar(event.value, place, plain, first, self._source(event, plain=plain))
        if event.anchor:
            self._anchors[event.anchor] = (node, 1)
        self._children.append(node)

    def _source(self, event: Any, *, plain: bool) -> str | None:
        """How a text is written, where it does not stand there as it is."""
        start, end = event.start_mark.index, event.end_mark.index
        if plain or event.start_mark.line == event.end_mark.line:
            width = len(event.value) + (0 if plain else 2)
            if end - start == width:
                return None
        return self._text[start:end]

    def _open(self, event: Any) -> None:
        self._count(1, event)
        self._refuse_tag(event)
        if len(self._stack) >= DEEPEST:
            self._refuse("E104", event, f"This is nested more than {DEEPEST} deep; no rule needs that.")
        kind = Table if type(event) is yaml.MappingStartEvent else Items
        self._stack.append(
            _Open(kind([], self._place_of(event.start_mark)), self._children, event.anchor, self._nodes - 1)
        )
        self._children = []

    def _close(self, _event: Any) -> None:
        opened = self._stack.pop()
        node = opened.node
        if isinstance(node, Table):
            node.pairs.extend(zip(self._children[::2], self._children[1::2], strict=True))
        else:
            node.items.extend(self._children)
        if opened.anchor:
            self._anchors[opened.anchor] = (node, self._nodes - opened.nodes_before)
        self._children = opened.children
        self._children.append(node)
        give_way()

    def _alias(self, event: Any) -> None:
        known = self._anchors.get(event.anchor)
        if known is None:
            self._refuse("E102", event, f"This is not YAML: nothing before it is called &{event.anchor}.")
        node, size = known
        self._count(size, event)
        self._children.append(node)

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is not None and event.tag != "!":
            self._refuse(
                "E106", event, f"The YAML tag {event.tag} has no meaning in a rule file; leave it out."
            )

    def _count(self, nodes: int, event: Any) -> None:
        self._nodes += nodes
        if self._nodes > _MOST_NODES:
            most = f"{_MOST_NODES:,}"
            self._refuse(
                "E105", event, f"Here the file passes {most} parts, an alias counted as all it stands for."
            )

    def _refuse(self, code: str, event: Any, message: str) -> NoReturn:
        self._report.add(code, self._place_of(event.start_mark), message)
        raise _RefusedYaml


def _sentence(error: yaml.MarkedYAMLError) -> str:
    problem = (error.problem or "it cannot be read").strip()
    if "\\t" in problem or "tab" in problem:
        return f"{problem}. Indent with spaces, not with tabs."
    if "mapping values are not allowed" in problem:
        return f"{problem}. A text with a colon and a space in it wants quotes around it."
    if "found unexpected end of stream" in problem:
        return f"{problem}. A quote is not closed."
    context = f" {error.context.strip()}" if error.context else ""
    return f"{problem}{context}."


def _first_line(error: yaml.YAMLError) -> str:
    return str(error).splitlines()[0].rstrip(".")


def _place_of_character(text: str, error: yaml.YAMLError) -> SourcePlace:
    """A character that YAML forbids is reported by its position only, and by C in bytes."""
    position = getattr(error, "position", None)
    if not isinstance(position, int):
        return START
    before = text.encode("utf-8", "replace")[:position].decode("utf-8", "ignore")
    return SourcePlace(*Lines(before).place(len(before)))
