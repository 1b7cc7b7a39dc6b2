"""Removes messages with all that hangs on them, so that nothing refers to what is gone."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Column, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.answers import delete_answers
from bot.conversation.erasure_marks import EVENTS_COME_AGAIN, ErasureMarks, Mark
from bot.storage.alarm_tables import alarms
from bot.storage.answer_tables import answers, codes_given
from bot.storage.commits import Topic, mark_changed
from bot.storage.consent_tables import consent_changes
from bot.storage.event_tables import outgoing_events
from bot.storage.tables import actions, conversations, delivery_reports, incidents, messages, status_changes
from bot.storage.task_tables import fetches, follow_ups, forwards

#: What names the message to which a row belongs: SQLite's cascades are off, so the tables are named here.
OF_A_MESSAGE: tuple[Column[Any], ...] = (
    status_changes.c.message_id,
    delivery_reports.c.message_id,
    forwards.c.message_id,
    outgoing_events.c.message_id,
    fetches.c.id,
)
#: The tables whose rows belong to a conversation, beside its messages and answers.
OF_A_CONVERSATION = (incidents, actions, follow_ups, outgoing_events, consent_changes)


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
    for column in OF_A_MESSAGE:
        gone[column.table.name] = await _delete(connection, column, ids)
    gone["messages"] = await _delete(connection, messages.c.id, ids)
    touched = {row.conversation_id for row in rows}
    # The index over them is by conversation.
    said_later = delete(follow_ups).where(
        follow_ups.c.conversation_id.in_(touched), follow_ups.c.message_id.in_(ids)
    )
    gone["follow_ups"] = (await connection.execute(said_later)).rowcount
    await _forget_newest(connection, touched, ids)
    mark_changed(touched)
    return gone


async def remove_conversations(connection: AsyncConnection, ids: Collection[str]) -> dict[str, int]:
    """Remove conversations that have no messages any more, with what was answered in them.

    Whose a code is stays known while its row names the peer: `release_codes` ends that.
    """
    if not ids:
        return {}
    # What people were told of is about an incident, and names its conversation's page.
    told = select(incidents.c.id).where(incidents.c.conversation_id.in_(ids))
    await connection.execute(delete(alarms).where(alarms.c.incident_id.in_(told)))
    gone = {
        table.name: await _delete(connection, table.c.conversation_id, ids) for table in OF_A_CONVERSATION
    }
    gone["answers"] = await remove_answers(connection, answers.c.conversation_id, ids)
    await connection.execute(
        update(codes_given).where(codes_given.c.conversation_id.in_(ids)).values(conversation_id=None)
    )
    gone["conversations"] = await _delete(connection, conversations.c.id, ids)
    mark_changed(ids)
    return gone


async def remove_answers(connection: AsyncConnection, column: Column[Any], keys: Collection[str]) -> int:
    """Remove the rows of answers whose `column` is one of these; how many."""
    query = select(func.count()).select_from(answers).where(column.in_(keys))
    count = int((await connection.execute(query)).scalar_one())
    if count:
        await delete_answers(connection, column, list(keys))
        mark_changed([Topic.ANSWERS])
    return count


async def release_codes(connection: AsyncConnection, peers: Collection[str]) -> int:
    """Forget whose codes these are, where no conversation has them any more; how many codes.

    The rows stay, as no code may be given twice. Who comes back gets another one.
    """
    statement = update(codes_given).where(
        codes_given.c.peer.in_(peers), codes_given.c.conversation_id.is_(None)
    )
    return (await connection.execute(statement.values(peer=None))).rowcount


def _marks_of(row: Any) -> list[Mark]:
    if row.direction == "inbound":
        return [Mark("event", (row.provider_message_id,))]
    marks = [Mark("report", (row.provider_message_id,))] if row.provider_message_id else []
    return [*marks, Mark("tag", (row.call_tag, row.peer))] if row.call_tag else marks


async def _delete(connection: AsyncConnection, column: Column[Any], ids: Collection[str]) -> int:
    return (await connection.execute(delete(column.table).where(column.in_(ids)))).rowcount


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
