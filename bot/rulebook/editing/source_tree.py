"""A rule file as a tree whose every node knows the range of its characters."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec
import yaml

from bot.rulebook.files.yaml_tree import DEEPEST

_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
#: An anchor and a tag, in front of what they are about.
_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*[ \t]+)+")

#: Characters of a text whose tree is kept for the next who asks: those of a usual rule file are fewer.
_LARGEST_KEPT = 30_000

#: The keys and the places in lists that lead to a node: `("rules", 3, "reply")`.
Path = tuple[str | int, ...]


class CannotSplice(Exception):
    """A change of a rule file can't be made where its text stands; the message says why."""


#: A key with a `?` before it, which may be more than a word.
_MARKED_KEY: Final = re.compile(r"(?:^|[-\s{\[,:?])\?(?:\s|$)", re.MULTILINE)


class SourceNode(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a YAML text."""

    kind: Literal["text", "list", "mapping", "alias"]
    #: The range of its characters, in code points, without anchor and tag.
    start: int
    end: int
    value: str = ""
    #: Empty for a plain text, else one of `'`, `"`, `|` and `>`.
    style: str = ""
    #: Whether it is a list or mapping in brackets.
    is_flow: bool = False
    #: Whether it stands within brackets.
    in_flow: bool = False
    anchor: str | None = None
    pairs: tuple[tuple["SourceNode", "SourceNode"], ...] = ()
    items: tuple["SourceNode", ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is written there, as behind `---` alone."""
        return self.kind == "text" and not self.value and not self.style

    def child(self, step: str | int) -> "SourceNode":
        """The value of a key, or an item of a list; raises `CannotSplice`."""
        found = self.find(step)
        if found is None:
            raise CannotSplice(f"There is no {step!r} here any more; load the page anew.")
        return found

    def find(self, step: str | int) -> "SourceNode | None":
        """The same, or None."""
        if isinstance(step, int):
            return self.items[step] if 0 <= step < len(self.items) else None
        return next((value for key, value in self.pairs if key.value == step and key.kind == "text"), None)

    def children(self) -> Iterator["SourceNode"]:
        """All nodes right within it, keys included."""
        yield from self.items
        for pair in self.pairs:
            yield from pair

    def everything(self) -> Iterator["SourceNode"]:
        """It and all nodes within."""
        yield self
        for each in self.children():
            yield from each.everything()


def parse(text: str) -> SourceNode:
    """The tree of a YAML text; raises `CannotSplice` where it is none."""
    found = _kept(text) if len(text) <= _LARGEST_KEPT else _parsed(text)
    if isinstance(found, str):
        raise CannotSplice(found)
    return found


@lru_cache(maxsize=8)  # one page or one change asks for the same few texts many times
def _kept(text: str) -> SourceNode | str:
    return _parsed(text)


def _parsed(text: str) -> SourceNode | str:
    """The tree, or why there is none."""
    skipped = len(text) - len(text.removeprefix("\ufeff"))
    loader = _LOADER(text[skipped:])
    try:
        return _Builder(text, skipped).build(iter(loader.get_event, None))
    except CannotSplice as why:
        return str(why)
    except (yaml.YAMLError, UnicodeEncodeError):
        return "The file has a mistake that must be mended before a form can change it."
    finally:
        loader.dispose()


def still_readable(before: str, after: str) -> str:
    """The text after a change, if it can be read as before; raises `CannotSplice` where it could not be.

    YAML has more layouts than the splicers know: what they can't change they may not spoil.
    """
    if after != before and (kind := _kind(before)) is not None:
        made = _kind(after)
        if made == kind or (kind, made) == ("nothing", "mapping"):
            return after
        raise CannotSplice(
            "This file is laid out in a way that no button can change so; change it in the text."
        )
    return after


def _kind(text: str) -> str | None:
    try:
        root = parse(text)
    except CannotSplice:
        return None
    if _MARKED_KEY.search(text) and any(key.kind in ("mapping", "list") for key in _keys(root)):
        return None  # as `? a: b`, whose key is `a: b`: no file is read that has one
    return "nothing" if root.is_nothing else root.kind


def _keys(root: SourceNode) -> Iterator[SourceNode]:
    return (key for each in root.everything() for key, _ in each.pairs)


def node_at(text: str, path: Path) -> SourceNode:
    """The node that a path leads to; raises `CannotSplice`."""
    node = parse(text)
    for step in path:
        node = node.child(step)
    return node


class _Builder:
    def __init__(self, text: str, skipped: int) -> None:
        self._text = text
        self._skipped = skipped
        self._stack: list[tuple[Any, list[SourceNode], bool]] = []
        self._children: list[SourceNode] = []

    def build(self, events: Iterator[Any]) -> SourceNode:
        documents = 0
        for event in events:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._children.append(self._scalar(event))
            elif kind is yaml.AliasEvent:
                self._children.append(
                    SourceNode(
                        kind="alias",
                        start=self._at(event.start_mark),
                        end=self._at(event.end_mark),
                        value=event.anchor,
                        in_flow=self._in_flow(),
                    )
                )
            elif kind in {yaml.MappingStartEvent, yaml.SequenceStartEvent}:
                if len(self._stack) >= DEEPEST:
                    raise CannotSplice(f"The file is nested more than {DEEPEST} deep; no rule needs that.")
                self._stack.append((event, self._children, self._in_flow()))
                self._children = []
            elif kind in {yaml.MappingEndEvent, yaml.SequenceEndEvent}:
                self._close(event)
            elif kind is yaml.DocumentStartEvent:
                documents += 1
        if documents != 1 or not self._children:
            raise CannotSplice("The file is empty, or holds more than one YAML document.")
        return self._children[0]

    def _in_flow(self) -> bool:
        return bool(self._stack and self._stack[-1][0].flow_style)

    def _at(self, mark: Any) -> int:
        return int(mark.index) + self._skipped

    def _behind_properties(self, event: Any) -> int:
        start = self._at(event.start_mark)
        if event.anchor is None and event.tag in {None, "!"} and self._text[start : start + 1] not in "&!":
            return start
        found = _PROPERTIES.match(self._text, start)
        return found.end() if found else start

    def _scalar(self, event: Any) -> SourceNode:
        start = self._behind_properties(event)
        end = max(start, self._at(event.end_mark))
        if event.style in {"|", ">"}:  # the mark stands behind the blank lines that follow
            end = start + len(self._text[start:end].rstrip())
        return SourceNode(
            kind="text",
            start=start,
            end=end,
            value=event.value,
            style=event.style or "",
            in_flow=self._in_flow(),
            anchor=event.anchor,
        )

    def _close(self, end_event: Any) -> None:
        event, outside, in_flow = self._stack.pop()
        children, self._children = self._children, outside
        start = self._behind_properties(event)
        if event.flow_style:
            end = self._at(end_event.end_mark)
        else:
            start = max(start, children[0].start) if event.anchor and children else start
            end = max((each.end for each in children), default=start)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        outside.append(
            SourceNode(
                kind="mapping" if is_mapping else "list",
                start=start,
                end=end,
                is_flow=bool(event.flow_style),
                in_flow=in_flow,
                anchor=event.anchor,
                pairs=tuple(zip(children[::2], children[1::2], strict=True)) if is_mapping else (),
                items=() if is_mapping else tuple(children),
            )
        )
