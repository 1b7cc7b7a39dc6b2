"""Builds the card of a rule from the text of its file."""

from collections.abc import Iterable

from msgspec.structs import replace

from bot.rulebook.cards.actions import action_adds, action_controls
from bot.rulebook.cards.conditions import only_adds, only_controls, when_adds, when_controls
from bot.rulebook.cards.control import Button, Card, Control, Section
from bot.rulebook.cards.edits import source_of
from bot.rulebook.cards.known import KnownNames
from bot.rulebook.cards.notes import comments_at
from bot.rulebook.cards.parts import Source, adding, gone
from bot.rulebook.cards.rule_text import RuleText, node_of
from bot.rulebook.cards.texts import said
from bot.rulebook.editing.layout import line_start
from bot.rulebook.editing.source_tree import SourceNode


def card_of(text: str, rule: RuleText, known: KnownNames) -> Card:
    """The card of a rule; of one that can't be read, its text."""
    node = node_of(text, rule)
    if node is None or any(key.kind != "text" for key, _ in node.pairs):
        return Card(
            number=rule.number,
            name=rule.name,
            start=rule.start,
            end=rule.end,
            broken=source_of(text, rule.start, rule.end),
        )
    source = Source(text)
    pairs = {key.value: value for key, value in node.pairs}
    sections = (
        Section(
            name="when",
            title="When somebody’s text",
            parts=tuple(when_controls(source, pairs.get("when"), known)),
            adds=when_adds(pairs.get("when")),
        ),
        Section(
            name="only",
            title="Only",
            parts=tuple(only_controls(source, pairs.get("only"), known)),
            adds=only_adds(pairs.get("only"), known),
        ),
        _answer(source, pairs.get("reply"), known),
        Section(
            name="then",
            title="Then",
            parts=tuple(action_controls(source, node, known)),
            adds=action_adds(node, known),
        ),
    )
    name = source.line(pairs.get("name"), ("name",), "Name", is_code=True)
    name = replace(name, notes=comments_at(text, node, rule.start))
    return Card(
        number=rule.number,
        name=rule.name,
        start=rule.start,
        end=max(rule.end, node.end),
        sections=(
            Section(name="name", title="Name", parts=(name,)),
            *(replace(each, parts=_noted(text, node, each.parts)) for each in sections),
        ),
    )


def _answer(source: Source, node: SourceNode | None, known: KnownNames) -> Section:
    parts: tuple[Control, ...] = ()
    adds: tuple[Button, ...] = ()
    if node is None:
        adds = (adding("an answer", ("reply",), "", after="only"),)
    else:
        made = said(source, node, ("reply",), "Answer", known)
        parts = (replace(made, remove=gone(("reply",), "Answer")),)
    return Section(name="answer", title="Answer", parts=parts, adds=adds)


def _noted(text: str, rule: SourceNode, parts: Iterable[Control]) -> tuple[Control, ...]:
    """The controls with the comments that stand at their keys."""
    found = []
    lines_of_name = line_start(text, rule.start)
    for part in parts:
        key = next((key for key, _ in rule.pairs if part.path and key.value == part.path[0]), None)
        notes = (
            comments_at(text, rule, key.start)
            if key is not None and line_start(text, key.start) != lines_of_name
            else ()
        )
        found.append(replace(part, notes=(*part.notes, *notes)))
    return tuple(found)
