"""The newest messages that no rule answers: what the next rule could be about."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.queries.search import meets_no_rule
from bot.queries.similarity import SampleText, SimilarTexts, group_alike
from bot.queries.traffic import first_id, time_of_id
from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState, HeardMessage
from bot.rulebook.simulate.decide import decide
from bot.rulebook.simulate.try_message import SOME_PEER, usual_number
from bot.storage.tables import messages

#: So many are remembered, and for so long.
MOST = 500
KEPT = timedelta(days=7)
#: Messages that one look goes through.
_LOOKED_AT = 20_000
#: A message may be committed after one with a later id.
_LATE = timedelta(minutes=1)


def catch_alls(book: Book) -> frozenset[str]:
    """The rules that take anything: who meets only such a one was not understood."""
    return frozenset(
        rule.name
        for rule in book.rules
        if rule.only is None and any(key.kind == "anything" for key in rule.keys)
    )


class Unmatched:
    """Remembers the newest of them; each look at the database goes through what is new, and a stretch further back."""

    def __init__(self) -> None:
        self._names: Collection[str] = frozenset()
        self._by_id: dict[str, SampleText] = {}
        self._newest = ""
        #: Everything from here on was looked through.
        self._oldest = ""
        self._version = ""
        self._answered: dict[str, bool] = {}
        self._grouped: tuple[list[SampleText], list[SimilarTexts]] = ([], [])

    async def refresh(self, connection: AsyncConnection, book: Book, now: datetime) -> None:
        """Look for those that are new, and, until enough are known, for older ones."""
        names = catch_alls(book)
        if names != self._names:
            self._names, self._by_id, self._newest, self._oldest = names, {}, "", ""
        horizon = first_id(now - KEPT)
        end = first_id(now + _LATE)
        if self._newest:
            start = first_id(time_of_id(self._newest) - _LATE)
            found = await self._look(connection, max(start, horizon), end)
            if (
                found > start
            ):  # more came than one look goes through: what is older must be looked through again
                self._oldest = found
            end = self._oldest
        if len(self._by_id) < MOST and end > horizon:
            self._oldest = await self._look(connection, horizon, end)
        kept = sorted((each for each in self._by_id if each >= horizon), reverse=True)[:MOST]
        self._by_id = {each: self._by_id[each] for each in kept}

    def groups(self, book: Book) -> list[SimilarTexts]:
        """Those that the book still has no rule for, grouped by likeness, the largest group first."""
        if book.version != self._version:
            self._version, self._answered = book.version, {}
        for message_id, said in self._by_id.items():
            if message_id not in self._answered:
                self._answered[message_id] = _is_answered(book, said.text)
        self._answered = {each: self._answered[each] for each in self._by_id}
        left = [said for each, said in self._by_id.items() if not self._answered[each]]
        if left != self._grouped[0]:
            self._grouped = left, group_alike(left)
        return self._grouped[1]

    @property
    def is_full(self) -> bool:
        """Whether there may be more than are remembered."""
        return len(self._by_id) >= MOST

    async def _look(self, connection: AsyncConnection, start: str, end: str) -> str:
        """Go from `end` back to `start` or so many messages; where it ended."""
        column = messages.c
        is_between = (column.id >= start) & (column.id < end)
        ids = select(column.id).where(is_between).order_by(column.id.desc())
        floor = (await connection.execute(ids.limit(1).offset(_LOOKED_AT))).scalar() or start
        newest = (await connection.execute(ids.limit(1))).scalar() or ""
        self._newest = max(self._newest, newest)
        query = (
            select(column.id, column.conversation_id, column.text)
            .where(column.id >= floor, column.id < end, meets_no_rule(self._names)(column))
            .order_by(column.id.desc())
            .limit(MOST)
        )
        for row in await connection.execute(query):
            self._by_id[row.id] = SampleText(
                message_id=row.id, conversation_id=row.conversation_id, text=row.text
            )
        return floor


def _is_answered(book: Book, text: str) -> bool:
    """Whether a rule that doesn't take anything would answer that text now, from somebody who has written before."""
    heard = HeardMessage(id="unmatched", text=text, sender=SOME_PEER, recipient=usual_number(book))
    rule = decide(book, heard, ConversationState(known=True), datetime.now().astimezone()).rule
    return rule is not None and rule not in catch_alls(book)
