"""What would happen to a message, and why: the answer of `bot rules try` and of `POST /api/try`."""

from datetime import UTC, datetime

import msgspec

from bot.rulebook.book import Book
from bot.rulebook.deciding import decide, explain
from bot.rulebook.decision import Heard, Standing


class TryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The rule that answers, its replies, and the reasons."""

    rule: str | None
    replies: tuple[str, ...]
    why: tuple[str, ...]


def answer(
    book: Book, text: str, sender: str | None = None, recipient: str | None = None, at: datetime | None = None
) -> TryAnswer:
    """Decide on a text as if a new peer had sent it now, or at the given time; changes nothing."""
    heard = Heard(id="try", text=text, sender=sender or "", recipient=recipient or "")
    now = at or datetime.now(UTC)
    decision = decide(book, heard, Standing(), now)
    return TryAnswer(
        rule=decision.rule, replies=decision.replies, why=explain(book, heard, Standing(), now)
    )
