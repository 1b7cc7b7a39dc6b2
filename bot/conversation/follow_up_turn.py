"""Saying what has come due, in one transaction: once, whatever becomes of the process, and never too late."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import TRUSTED, ClockTrust, PastState
from bot.conversation.backpressure import QueueLimit
from bot.conversation.follow_ups import (
    ANSWERED,
    LOOP_GUARD,
    MISSED,
    OPTED_OUT,
    RULE_GONE,
    TAKEN_OVER,
    TOO_LATE,
    WRONG_HOUR,
    is_answered,
    texts_in,
)
from bot.conversation.loop_history import may_be_near, recall
from bot.conversation.new_messages import NewMessages
from bot.conversation.thread import ConversationThread, open_conversations, save_conversations
from bot.rulebook.book import Book
from bot.rulebook.editing.draft_book import Testers, book_for, nobody
from bot.rulebook.simulate.completion import rule_of
from bot.rulebook.simulate.follow_ups import is_hour
from bot.rulebook.simulate.loop_guard import Caps, Recent, may_be_said
from bot.storage.commits import mark_changed
from bot.storage.sql import status_is
from bot.storage.tables import conversations
from bot.storage.task_tables import follow_ups
from bot.text.numbers import is_phone_number

#: What is due longer than this is dropped: after a long stop nobody is texted what was meant for yesterday.
LATEST = timedelta(hours=1)


class DueFollowUp(NamedTuple):
    """A follow-up whose time has come."""

    id: str
    number: str
    peer: str


async def due_follow_ups(connection: AsyncConnection, now: datetime, limit: int) -> list[DueFollowUp]:
    """Those that have waited longest."""
    query = (
        select(follow_ups.c.id, conversations.c.number, conversations.c.peer)
        .join(conversations, conversations.c.id == follow_ups.c.conversation_id)
        .where(status_is("waiting", follow_ups.c.status), follow_ups.c.due_at <= now)
        .order_by(follow_ups.c.due_at, follow_ups.c.id)
        .limit(limit)
    )
    return [DueFollowUp(*row) for row in await connection.execute(query)]


async def next_due(connection: AsyncConnection) -> datetime | None:
    """When the next one is due."""
    query = (
        select(follow_ups.c.due_at)
        .where(status_is("waiting", follow_ups.c.status))
        .order_by(follow_ups.c.due_at)
        .limit(1)
    )
    found: datetime | None = (await connection.execute(query)).scalar()
    return found


class FollowUpTurn:
    """Work for `bot.storage.writer`: what is due is said, or it is noted why not."""

    def __init__(
        self,
        book: Callable[[], Book],
        caps: Caps,
        queue: QueueLimit,
        clock: Callable[[], datetime],
        testers: Callable[[], Testers] = nobody,
        trust: ClockTrust = TRUSTED,
    ) -> None:
        """`trust` tells what kept from being said in time what was not."""
        self._trust = trust
        self._book = book
        self._testers = testers
        self._caps = caps
        self._queue = queue
        self._clock = clock

    async def say(self, connection: AsyncConnection, due: list[DueFollowUp]) -> list[str | None]:
        """For each whether it was said (empty), why not, or None where another process has seen to it."""
        now, in_force, testers = self._clock(), self._book(), self._testers()
        opened = await open_conversations(connection, {(each.number, each.peer) for each in due}, now)
        rows = await _rows(connection, [each.id for each in due])
        recent = await self._recall(connection, list(opened.values()), now)
        new = NewMessages()
        results: dict[str, str | None] = {}
        for each in due:
            row = rows.get(each.id)
            conversation = opened[each.number, each.peer]
            if row is None or each.id in results or conversation.is_new:
                results.setdefault(each.id, None)
                continue
            book, _ = book_for(each.peer, in_force, testers)
            reason = _why_not(row, conversation, book, now, self._trust.state_at)
            texts = texts_in(row.texts, conversation.state.language)
            if reason is None and not may_be_said(
                len(texts), recent.get(conversation.id, Recent()), self._caps
            ):
                reason = LOOP_GUARD
            if reason is None:
                for text in texts:
                    conversation.add_outbound(new, text, now, rule=row.rule, version=book.version)
            results[each.id] = reason or ""
            await _note(connection, row.id, reason, now)
            mark_changed([conversation.id])
        await save_conversations(connection, [each for each in opened.values() if each.changed])
        await new.insert(connection, now)
        self._queue.add(len(new.outbound))
        return [results[each.id] for each in due]

    async def _recall(
        self, connection: AsyncConnection, opened: list[ConversationThread], now: datetime
    ) -> dict[str, Recent]:
        near = [
            traffic
            for conversation in opened
            if not conversation.is_new
            and may_be_near(traffic := conversation.traffic(), len(opened), self._caps, now)
        ]
        recent, _ = await recall(connection, near, now)
        return recent


def _why_not(
    row: Any,
    conversation: ConversationThread,
    book: Book,
    now: datetime,
    state_at: Callable[[datetime], PastState],
) -> str | None:
    state = conversation.state
    rule = rule_of(book, row.rule)
    if state.opted_out or not is_phone_number(conversation.peer):
        return OPTED_OUT
    if state.handed_over:
        return TAKEN_OVER
    if row.is_answered:
        return ANSWERED
    if rule is None or not rule.later:
        return RULE_GONE
    if now - row.due_at > LATEST:
        return TOO_LATE[state_at(row.due_at)]
    return None if is_hour(now, row.hours, tuple(row.zones)) else WRONG_HOUR[state_at(row.due_at)]


async def _rows(connection: AsyncConnection, ids: list[str]) -> dict[str, Any]:
    query = (
        select(follow_ups, is_answered().label("is_answered"))
        .where(follow_ups.c.id.in_(ids), follow_ups.c.status == "waiting")
        .order_by(follow_ups.c.id)
        .with_for_update(of=follow_ups)
    )
    return {row.id: row for row in await connection.execute(query)}


async def _note(connection: AsyncConnection, key: str, reason: str | None, now: datetime) -> None:
    status = "said"
    if reason is not None:
        status = "dropped" if reason == LOOP_GUARD or reason in MISSED else "cancelled"
    changes = {"status": status, "reason": reason, "updated_at": now}
    await connection.execute(update(follow_ups).where(follow_ups.c.id == key).values(changes))
