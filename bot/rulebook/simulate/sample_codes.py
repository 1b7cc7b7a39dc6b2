"""Decides where nothing is given for good: tests, tries and replays show the code that a peer might get."""

from collections.abc import Mapping
from datetime import datetime

from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState, Decision, HeardMessage
from bot.rulebook.simulate.decide import decide


def decide_with_samples(
    book: Book,
    heard: HeardMessage,
    state: ConversationState,
    now: datetime,
    *,
    given: str | None = None,
    gone: bool = False,
) -> Decision:
    """As `decide`; a code is the one that was `given` then, or the first of the list. `gone`: all are given."""
    decision = decide(book, heard, state, now)
    pool = decision.wants_code
    if pool is None:
        return decision
    codes: Mapping[str, str | None] = {pool: None if gone else given or book.code_pools[pool].sample()}
    return decide(book, heard, state, now, codes)
