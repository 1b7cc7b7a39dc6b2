"""Books for tests, from their text."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState, Decision, HeardMessage
from bot.rulebook.files.loader import load_texts
from bot.rulebook.simulate.decide import decide

NOW = datetime(2026, 11, 23, 17, 30, tzinfo=UTC)


def book_of(*rules: str, head: str = "") -> Book:
    """A book of rules, each in YAML's flow form without its braces; a name is given where there is none."""
    text = head + "\nrules:\n"
    for at, rule in enumerate(rules):
        name = "" if rule.startswith("name:") else f"name: r{at}, "
        text += f"  - {{{name}{rule}}}\n"
    return book_from(text)


def book_from(text: str, tables: Mapping[str, str] | None = None) -> Book:
    """A book of one file, which must have no error, and of the CSV files that it names."""
    loaded = load_texts({"test.yaml": text, **(tables or {})})
    assert loaded.book is not None, [str(each) for each in loaded.findings]
    return loaded.book


def hear(
    book: Book,
    text: str,
    standing: ConversationState | None = None,
    *,
    message_id: str = "m1",
    sender: str = "+15555550101",
    to: str = "+15555550100",
    at: datetime = NOW,
) -> Decision:
    """What the book decides on a text."""
    heard = HeardMessage(id=message_id, text=text, sender=sender, recipient=to)
    return decide(book, heard, standing or ConversationState(), at)


def talk(book: Book, texts: Sequence[str], *, at: datetime = NOW) -> list[Decision]:
    """What the book decides on the texts of one conversation, a minute between two of them."""
    decisions: list[Decision] = []
    standing = ConversationState()
    for minute, text in enumerate(texts):
        decision = hear(book, text, standing, message_id=f"m{minute}", at=at + timedelta(minutes=minute))
        standing = replace(decision.after, known=True)
        decisions.append(decision)
    return decisions
