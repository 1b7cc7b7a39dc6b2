"""Giving conversations back to the bot when no person has written for as long as the rule said."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.audit_log import action_row
from bot.conversation.backpressure import QueueLimit
from bot.conversation.follow_ups import texts_in
from bot.conversation.handovers import BOT, end_handover
from bot.conversation.incidents import Kind, Outcome, close_incidents
from bot.conversation.new_messages import NewMessages
from bot.conversation.thread import ConversationThread, open_conversations, save_conversations
from bot.rulebook.book import Book
from bot.storage.handover_tables import handovers
from bot.storage.tables import actions, conversations
from bot.text.durations import spell_duration
from bot.text.numbers import is_phone_number

#: What is over then.
_PERSON_WAITS: tuple[Kind, ...] = ("handover",)


class DueHandover(NamedTuple):
    """A handover whose time is over."""

    id: str
    number: str
    peer: str


async def due_handovers(connection: AsyncConnection, now: datetime, limit: int) -> list[DueHandover]:
    """Those whose time has been over for longest."""
    query = (
        select(handovers.c.id, conversations.c.number, conversations.c.peer)
        .join(conversations, conversations.c.id == handovers.c.conversation_id)
        .where(handovers.c.ended_at.is_(None), handovers.c.back_at <= now)
        .order_by(handovers.c.back_at, handovers.c.id)
        .limit(limit)
    )
    return [DueHandover(*row) for row in await connection.execute(query)]


class HandoverTurn:
    """Work for `bot.storage.writer`: the bot goes on, and the peer is told so."""

    def __init__(self, book: Callable[[], Book], queue: QueueLimit, clock: Callable[[], datetime]) -> None:
        self._book = book
        self._queue = queue
        self._clock = clock

    async def give_back(self, connection: AsyncConnection, due: list[DueHandover]) -> list[bool]:
        """For each whether something is to be sent; a person who wrote meanwhile, or another process, was first."""
        now, version = self._clock(), self._book().version
        opened = await open_conversations(connection, {(each.number, each.peer) for each in due}, now)
        rows = await _rows(connection, [each.id for each in due], now)
        new, said = NewMessages(), set()
        for each in due:
            row, conversation = rows.pop(each.id, None), opened[each.number, each.peer]
            if row is None or conversation.is_new:
                continue
            if conversation.state.handed_over:
                await _give_back(connection, conversation, row, new, version, now)
                said.add(each.id)
            await end_handover(connection, conversation.id, by=BOT, now=now)
        count = len(new.outbound)
        await save_conversations(connection, [each for each in opened.values() if each.changed])
        await new.insert(connection, now)
        self._queue.add(count)
        return [each.id in said for each in due]


async def _give_back(
    connection: AsyncConnection,
    conversation: ConversationThread,
    row: Any,
    new: NewMessages,
    version: str,
    now: datetime,
) -> None:
    state = conversation.state
    conversation.cut_flow(replace(state, handed_over=False, flow=None), now, new)
    if not state.opted_out and is_phone_number(conversation.peer):
        for text in texts_in(row.back_texts or (), state.language):
            conversation.add_outbound(new, text, now, rule=row.rule, version=version)
    await close_incidents(
        connection, [conversation.id], _PERSON_WAITS, outcome=Outcome.WENT_BACK, by=BOT, now=now
    )
    details = f"nobody wrote for {spell_duration(row.back_after)}"
    done = action_row("hand back", conversation.id, by=BOT, now=now, details=details)
    await connection.execute(insert(actions).values(done))


async def _rows(connection: AsyncConnection, ids: list[str], now: datetime) -> dict[str, Any]:
    query = (
        select(handovers)
        .where(handovers.c.id.in_(ids), handovers.c.ended_at.is_(None), handovers.c.back_at <= now)
        .order_by(handovers.c.id)
        .with_for_update()
    )
    return {row.id: row for row in await connection.execute(query)}
