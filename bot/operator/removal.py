"""Removes messages with all that hangs on them, so that nothing refers to what is gone."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Table, delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.erasure_marks import EVENTS_COME_AGAIN, ErasureMarks, Mark
from bot.storage.commits import mark_changed
from bot.storage.tables import actions, conversations, delivery_reports, incidents, messages, status_changes
from bot.storage.task_tables import forwards

#: The tables whose rows belong to a message: SQLite's cascades are off, so they are named here.
OF_A_MESSAGE = (status_changes, delivery_reports, forwards)
#: The tables whose rows belong to a conversation, beside its messages.
OF_A_CONVERSATION = (incidents, actions)


async def remove_messages(
    connection: AsyncConnection, ids: Collection[str], marks: ErasureMarks, now: datetime
) -> dict[str, int]:
    """Remove these messages; how many rows went, by table.

    While Event Grid may bring an event again, a mark of it stays: it is then neither answered nor kept anew.
    """
    if not ids:
        return {}
    query = (
        select(
            messages.c.id, messages.c.conversation_id, messages.c.direction, messages.c.provider_message_id,
            messages.c.call_tag, messages.c.created_at, conversations.c.peer,
        )
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(messages.c.id.in_(ids))
    )  # fmt: skip
    rows = (await connection.execute(query)).all()
    recent = [row for row in rows if now - row.created_at < EVENTS_COME_AGAIN]
    await marks.keep(connection, [(mark, None) for row in recent for mark in _marks_of(row)], now)
    gone: dict[str, int] = {}
    for table in OF_A_MESSAGE:
        gone[table.name] = await _delete(connection, table, table.c.message_id, ids)
    gone["messages"] = await _delete(connection, messages, messages.c.id, ids)
    touched = {row.conversation_id for row in rows}
    await _forget_newest(connection, touched, ids)
    mark_changed(touched)
    return gone


async def remove_conversations(connection: AsyncConnection, ids: Collection[str]) -> dict[str, int]:
    """Remove conversations that have no messages any more."""
    if not ids:
        return {}
    gone = {
        table.name: await _delete(connection, table, table.c.conversation_id, ids)
        for table in OF_A_CONVERSATION
    }
    gone["conversations"] = await _delete(connection, conversations, conversations.c.id, ids)
    mark_changed(ids)
    return gone


def _marks_of(row: Any) -> list[Mark]:
    if row.direction == "inbound":
        return [Mark("event", (row.provider_message_id,))]
    marks = [Mark("report", (row.provider_message_id,))] if row.provider_message_id else []
    return [*marks, Mark("tag", (row.call_tag, row.peer))] if row.call_tag else marks


async def _delete(connection: AsyncConnection, table: Table, column: Any, ids: Collection[str]) -> int:
    return (await connection.execute(delete(table).where(column.in_(ids)))).rowcount


async def _forget_newest(
    connection: AsyncConnection, touched: Collection[str], removed: Collection[str]
) -> None:
    """Take what a conversation's own row says of messages that are gone."""
    await connection.execute(
        update(conversations)
        .where(conversations.c.id.in_(touched), conversations.c.latest_outbound_id.in_(removed))
        .values(latest_outbound_id=None, delivery=None)
    )
    has_newest = exists().where(
        messages.c.conversation_id == conversations.c.id, messages.c.position == conversations.c.last_position
    )
    await connection.execute(
        update(conversations).where(conversations.c.id.in_(touched), ~has_newest).values(last_text="")
    )
