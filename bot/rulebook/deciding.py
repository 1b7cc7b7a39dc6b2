"""From a message to a decision: a pure function of the book, the message, the conversation and the time."""

from datetime import datetime

from bot.rulebook.book import Book
from bot.rulebook.decision import Decision, Flow, Heard, Standing
from bot.text.words import split_words

__all__ = ["Decision", "Flow", "Heard", "Standing", "decide", "explain"]


def decide(book: Book, heard: Heard, standing: Standing, now: datetime) -> Decision:
    """Say what the book answers; never raises, changes nothing, and gives the same for the same."""
    words = split_words(heard.text)
    for length in range(min(len(words), 8), 0, -1):
        at = book.keywords.get(words[:length])
        if at is not None:
            break
    else:
        at = book.anything
    if at is None:
        return Decision(rule=None, replies=(), after=standing, key=None)
    rule = book.rules[at]
    return Decision(rule=rule.name, replies=rule.replies, after=standing, key=rule.when)


def explain(book: Book, heard: Heard, standing: Standing, now: datetime) -> tuple[str, ...]:
    """Say in sentences why `decide` decides as it does."""
    decision = decide(book, heard, standing, now)
    if decision.rule is None:
        return ("No rule matches.",)
    return (f"Rule {decision.rule} matches by {decision.key}.",)
