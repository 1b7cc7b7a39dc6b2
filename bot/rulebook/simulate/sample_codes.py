"""Decides where nothing is given for good: tests, tries and replays show the code that a peer might get."""

from collections.abc import Mapping
from datetime import datetime

from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState, Decision, HeardMessage
from bot.rulebook.fetch import Fetched
from bot.rulebook.simulate.completion import complete_decision
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
    return decide(book, heard, state, now, _samples(book, pool, given, gone=gone))


def complete_with_samples(
    book: Book,
    decision: Decision,
    heard: HeardMessage,
    fetched: Fetched | None,
    now: datetime,
    *,
    given: str | None = None,
    gone: bool = False,
) -> Decision:
    """As `complete_decision`, with such a code; a decision for which nothing was fetched stays as it is."""
    if fetched is None:
        return decision
    whole = complete_decision(book, decision, heard, fetched, now)
    if whole.wants_code is None:
        return whole
    codes = _samples(book, whole.wants_code, given, gone=gone)
    return complete_decision(book, decision, heard, fetched, now, codes)


def _samples(book: Book, pool: str, given: str | None, *, gone: bool) -> Mapping[str, str | None]:
    return {pool: None if gone else given or book.code_pools[pool].sample()}
