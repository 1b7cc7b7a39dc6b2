"""Canned texts as they would be sent in a conversation: their places filled in with what is known there."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState, HeardMessage
from bot.rulebook.rules import Rule
from bot.rulebook.simulate.match import read_message
from bot.rulebook.simulate.rendering import Renderer
from bot.text.segments import Segments, measure


class WrittenText(msgspec.Struct, frozen=True, kw_only=True):
    """A canned text, ready to be sent."""

    name: str
    text: str
    size: Segments
    #: Names that it uses and of which nothing is known here: in their places stands nothing.
    missing: tuple[str, ...]
    #: Where it stands.
    file: str
    line: int


def write_canned(
    book: Book, heard: HeardMessage, state: ConversationState, now: datetime
) -> Iterator[WrittenText]:
    """The texts for the number that a message came to, in the order of the files."""
    message, renderer = read_message(heard, now), Renderer(book, {})
    for rule in book.canned:
        if rule.numbers and heard.recipient not in rule.numbers:
            continue
        names = renderer.names(rule, message, state)
        text = "\n".join(renderer.replies(rule, rule.reply, message, names))
        yield WrittenText(
            name=rule.name,
            text=text,
            size=measure(text),
            missing=_missing(rule, set(names)),
            file=rule.file,
            line=rule.line,
        )


def _missing(rule: Rule, known: set[str]) -> tuple[str, ...]:
    used = (name for choice in rule.reply for template in choice.templates for name in template.names)
    return tuple(dict.fromkeys(name for name in used if name not in known))
