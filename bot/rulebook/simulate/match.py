"""Which rule of a book is for a message, and why the others are not."""

from datetime import datetime

import msgspec

from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState, HeardMessage
from bot.rulebook.rules import Rule, WhenKey
from bot.rulebook.sender_numbers import CARRIER_WORDS, Effect, carrier_effect
from bot.text.looks import Look, read_text

#: Rules that are named as passed by.
_MOST_PASSED_BY = 10


class ReadMessage(msgspec.Struct, frozen=True, gc=False):
    """A message with its words and its look."""

    heard: HeardMessage
    #: When the peer wrote it, by their own time.
    now: datetime
    words: tuple[str, ...]
    look: Look | None

    def carrier_effect(self, book: Book) -> Effect | None:
        """What it does to the peer's consent where the carrier answers it; None where the bot does."""
        if self.words not in CARRIER_WORDS:
            return None
        return carrier_effect(book.numbers, self.heard.recipient, self.words)


def read_message(heard: HeardMessage, now: datetime) -> ReadMessage:
    """Split a message into words, and look at it."""
    return ReadMessage(heard, now, *read_text(heard.text))


class Match(msgspec.Struct, frozen=True, gc=False):
    """The first rule that is for a message, the key that matched, and what was passed by."""

    rule: Rule | None
    key: WhenKey | None
    #: Rules whose key matched before and whose condition did not hold: each with what did not.
    passed_by: tuple[str, ...]


_NO_MATCH = Match(None, None, ())


def first_match(book: Book, message: ReadMessage, state: ConversationState) -> Match:
    """Find the first rule of the book that is for this message."""
    found = book.index.candidates_of_message(message.words, message.heard.text, message.look)
    if not found:
        return _NO_MATCH
    rule, key = book.index.entries[found[0]]
    if not rule.conditional:  # as most are
        return Match(rule, key, ())
    passed_by: list[str] = []
    for entry in found[:_MOST_PASSED_BY]:
        rule, key = book.index.entries[entry]
        reason = why_not(rule, message.heard, state, message.now) if rule.conditional else None
        if reason is None:
            return Match(rule, key, tuple(passed_by))
        passed_by.append(f"{rule.name}: {reason}")
    if len(found) > _MOST_PASSED_BY:
        heard = message.heard
        rest = found[_MOST_PASSED_BY:]
        for entry in book.index.possible(rest, heard.sender, heard.recipient, state.tags):
            rule, key = book.index.entries[entry]
            if not rule.conditional or why_not(rule, heard, state, message.now) is None:
                return Match(rule, key, tuple(passed_by))
    return Match(None, None, tuple(passed_by))


def why_not(rule: Rule, heard: HeardMessage, state: ConversationState, now: datetime) -> str | None:
    """The condition that keeps a rule from a message that one of its keys matches; None when all hold."""
    if rule.numbers and heard.recipient not in rule.numbers:
        return f"its file serves {', '.join(sorted(rule.numbers))}, and the message came to {heard.recipient}"
    return rule.only.why_not(heard, state, now) if rule.only else None
