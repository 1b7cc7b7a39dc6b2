"""The newest messages that no rule answers: what the next rule could be about."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct, field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.message_ids import first_id
from bot.queries.search import meets_no_rule
from bot.queries.similarity import SampleText, SimilarTexts, group_alike
from bot.queries.traffic import time_of_id
from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState, HeardMessage
from bot.rulebook.simulate.decide import decide
from bot.rulebook.simulate.try_message import SOME_PEER, usual_number
from bot.storage.tables import messages

#: A message may be committed after one with a later id, by at most this.
_LATE = timedelta(minutes=1)


class UnmatchedLimits(Struct, frozen=True, kw_only=True):
    """How much `Unmatched` remembers and reads."""

    #: Messages, and their age.
    most: int = 500
    kept: timedelta = timedelta(days=7)
    #: Messages that one query goes through.
    looked_at: int = 20_000


def catch_alls(book: Book) -> frozenset[str]:
    """The names of the rules that take any message: what only they answer counts as unmatched."""
    return frozenset(
        rule.name
        for rule in book.rules
        if rule.only is None and any(key.kind == "anything" for key in rule.keys)
    )


class _Known(Struct, frozen=True, kw_only=True):
    """What was read so far, with the catch-all rules of `names`."""

    names: frozenset[str] = frozenset()
    by_id: Mapping[str, SampleText] = field(default_factory=dict)
    #: The newest id that was read, matched or not; empty before the first query.
    newest: str = ""
    #: Everything from this id on was read.
    oldest: str = ""


class _ReadStretch(Struct, frozen=True, kw_only=True):
    """What one query found."""

    found: dict[str, SampleText]
    #: The newest id between both ends, matched or not; and the id down to which the query came.
    newest: str
    floor: str


class Unmatched:
    """Remembers the newest unmatched messages. Each refresh reads what is new, and a stretch of older ones."""

    def __init__(self, limits: UnmatchedLimits | None = None) -> None:
        self._limits = limits or UnmatchedLimits()
        self._known = _Known()
        #: Two requests that refreshed at once would each forget what the other read.
        self._refreshing = asyncio.Lock()
        self._version = ""
        self._answered: dict[str, bool] = {}
        self._grouped: tuple[list[SampleText], list[SimilarTexts]] = ([], [])

    async def refresh(self, connection: AsyncConnection, book: Book, now: datetime) -> None:
        """Read what is new, and older messages until `most` are known. A query that fails changes nothing."""
        async with self._refreshing:
            known = self._known
            names = catch_alls(book)
            if names != known.names:
                known = _Known(names=names)
            self._known = await self._read_on(connection, known, now)

    def groups(self, book: Book, now: datetime) -> list[SimilarTexts]:
        """The messages that the book has no rule for yet, grouped by likeness, the largest group first."""
        known = self._known.by_id
        if book.version != self._version:
            self._version, self._answered = book.version, {}
        self._answered = {
            message_id: self._answered[message_id]
            if message_id in self._answered
            else _is_answered(book, said.text, now)
            for message_id, said in known.items()
        }
        left = [said for message_id, said in known.items() if not self._answered[message_id]]
        if left != self._grouped[0]:
            self._grouped = left, group_alike(left)
        return self._grouped[1]

    async def _read_on(self, connection: AsyncConnection, known: _Known, now: datetime) -> _Known:
        horizon = first_id(now - self._limits.kept)
        end = first_id(now + _LATE)
        by_id, newest, oldest = dict(known.by_id), known.newest, known.oldest
        if newest:
            start = max(first_id(time_of_id(newest) - _LATE), horizon)
            stretch = await self._query(connection, known.names, start, end)
            by_id |= stretch.found
            newest = max(newest, stretch.newest)
            if stretch.floor > start:  # more came than one query reads: what is older must be read again
                oldest = stretch.floor
            end = oldest
        if len(by_id) < self._limits.most and end > horizon:
            stretch = await self._query(connection, known.names, horizon, end)
            by_id |= stretch.found
            newest = max(newest, stretch.newest)
            oldest = stretch.floor
        kept = sorted((each for each in by_id if each >= horizon), reverse=True)[: self._limits.most]
        return _Known(
            names=known.names, by_id={each: by_id[each] for each in kept}, newest=newest, oldest=oldest
        )

    async def _query(
        self, connection: AsyncConnection, names: frozenset[str], start: str, end: str
    ) -> _ReadStretch:
        """Read from `end` back to `start`, or as many messages as the limits allow."""
        column = messages.c
        is_between = (column.id >= start) & (column.id < end)
        ids = select(column.id).where(is_between).order_by(column.id.desc())
        floor = (await connection.execute(ids.limit(1).offset(self._limits.looked_at))).scalar() or start
        newest = (await connection.execute(ids.limit(1))).scalar() or ""
        query = (
            select(column.id, column.conversation_id, column.text)
            .where(column.id >= floor, column.id < end, meets_no_rule(names)(column))
            .order_by(column.id.desc())
            .limit(self._limits.most)
        )
        found = {
            row.id: SampleText(message_id=row.id, conversation_id=row.conversation_id, text=row.text)
            for row in await connection.execute(query)
        }
        return _ReadStretch(found=found, newest=newest, floor=floor)


def _is_answered(book: Book, text: str, now: datetime) -> bool:
    """Whether a rule other than a catch-all would answer that text now, from a peer who has written before."""
    heard = HeardMessage(id="unmatched", text=text, sender=SOME_PEER, recipient=usual_number(book))
    rule = decide(book, heard, ConversationState(known=True), now).rule
    return rule is not None and rule not in catch_alls(book)
