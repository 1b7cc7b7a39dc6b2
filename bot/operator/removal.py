"""Removes messages with all that hangs on them, so that nothing refers to what is gone."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Column, and_, delete, exists, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.erasure_marks import EVENTS_COME_AGAIN, ErasureMarks, Mark
from bot.storage.alarm_tables import alarms
from bot.storage.answer_tables import answer_values, answers, codes_given
from bot.storage.commits import Topic, mark_changed
from bot.storage.consent_tables import consent_changes
from bot.storage.event_tables import outgoing_events
from bot.storage.handover_tables import handovers
from bot.storage.inbox_tables import planned_replies, presences, reads, reply_drafts, tries
from bot.storage.keyed import AnyOf, KeyedStatement, execute_all
from bot.storage.lookups import LookupByKeys
from bot.storage.tables import actions, conversations, delivery_reports, incidents, messages, status_changes
from bot.storage.task_tables import fetches, follow_ups, forwards

#: What names the message to which a row belongs: SQLite's cascades are off, so the tables are named here.
OF_A_MESSAGE: tuple[Column[Any], ...] = (
    status_changes.c.message_id,
    delivery_reports.c.message_id,
    forwards.c.message_id,
    outgoing_events.c.message_id,
    fetches.c.id,
    tries.c.message_id,
    follow_ups.c.message_id,
)
#: The tables whose rows belong to a conversation, beside its messages and answers.
OF_A_CONVERSATION = (
    incidents, actions, follow_ups, handovers, planned_replies, reply_drafts, reads, presences, outgoing_events,
    consent_changes,
)  # fmt: skip


_ROWS = LookupByKeys(
    select(
        messages.c.id, messages.c.conversation_id, messages.c.direction, messages.c.provider_message_id,
        messages.c.call_tag, messages.c.created_at, conversations.c.peer,
    ).join(conversations, conversations.c.id == messages.c.conversation_id),
    messages.c.id,
)  # fmt: skip


class _GoneMessage(NamedTuple):
    id: str
    conversation_id: str
    direction: str
    provider_message_id: str | None
    call_tag: str | None
    created_at: datetime
    peer: str


def deletion(column: Column[Any], keys: str = "ids") -> KeyedStatement:
    """A DELETE of the rows in which `column` is one of the keys."""
    return KeyedStatement(delete(column.table).where(AnyOf(column, keys)))


def _deletion_of_answers(column: Column[Any]) -> tuple[KeyedStatement, KeyedStatement]:
    """What counts the answers, then the answers."""
    ids = select(answers.c.id).where(AnyOf(column, "ids"))
    counted = delete(answer_values).where(answer_values.c.answer_id.in_(ids))
    return KeyedStatement(counted), deletion(column)


_HAS_NEWEST = exists().where(
    messages.c.conversation_id == conversations.c.id, messages.c.position == conversations.c.last_position
)
_OF_MESSAGES = {column.table.name: deletion(column) for column in OF_A_MESSAGE} | {
    "messages": deletion(messages.c.id)
}
#: What a conversation's own row says of messages that are gone.
_SAID_OF_THEM = (
    KeyedStatement(
        update(conversations)
        .where(and_(AnyOf(conversations.c.id, "touched"), AnyOf(conversations.c.latest_outbound_id, "ids")))
        .values(latest_outbound_id=null(), delivery=null())
    ),
    KeyedStatement(
        update(conversations)
        .where(and_(AnyOf(conversations.c.id, "touched"), ~_HAS_NEWEST))
        .values(last_text="")
    ),
)
# What people were told of is about an incident, and names its conversation's page.
_TOLD = KeyedStatement(
    delete(alarms).where(
        alarms.c.incident_id.in_(select(incidents.c.id).where(AnyOf(incidents.c.conversation_id, "ids")))
    )
)
_OF_CONVERSATIONS = {table.name: deletion(table.c.conversation_id) for table in OF_A_CONVERSATION}
_ANSWERS = _deletion_of_answers(answers.c.id)
_ANSWERS_OF_CONVERSATIONS = _deletion_of_answers(answers.c.conversation_id)
_CODES = KeyedStatement(
    update(codes_given).where(AnyOf(codes_given.c.conversation_id, "ids")).values(conversation_id=null())
)
_CONVERSATIONS = deletion(conversations.c.id)


async def remove_messages(
    connection: AsyncConnection, ids: Collection[str], marks: ErasureMarks, now: datetime
) -> dict[str, int]:
    """Remove these messages; how many rows went, by table.

    While Event Grid may bring an event again, a mark of it stays: it is then neither answered nor kept anew.
    """
    if not ids:
        return {}
    rows = [_GoneMessage(*row) for row in await _ROWS.fetch(connection, ids)]
    recent = [row for row in rows if now - row.created_at < EVENTS_COME_AGAIN]
    await marks.keep(connection, [(mark, None) for row in recent for mark in _marks_of(row)], now)
    touched = sorted({row.conversation_id for row in rows})
    statements = (*_OF_MESSAGES.values(), *_SAID_OF_THEM)
    counts = await execute_all(connection, statements, ids=ids, touched=touched)
    mark_changed(touched)
    return dict(zip(_OF_MESSAGES, counts, strict=False))


async def remove_conversations(connection: AsyncConnection, ids: Collection[str]) -> dict[str, int]:
    """Remove conversations that have no messages any more, with what was answered in them.

    Whose a code is stays known while its row names the peer: `release_codes` ends that.
    """
    if not ids:
        return {}
    statements = {
        "told": _TOLD, **_OF_CONVERSATIONS, "counted": _ANSWERS_OF_CONVERSATIONS[0],
        "answers": _ANSWERS_OF_CONVERSATIONS[1], "codes": _CODES, "conversations": _CONVERSATIONS,
    }  # fmt: skip
    gone = dict(
        zip(statements, await execute_all(connection, tuple(statements.values()), ids=ids), strict=True)
    )
    if gone["answers"]:
        mark_changed([Topic.ANSWERS])
    mark_changed(ids)
    return {name: gone[name] for name in (*_OF_CONVERSATIONS, "answers", "conversations")}


async def remove_answers(connection: AsyncConnection, ids: Collection[str]) -> int:
    """Remove these rows of answers; how many."""
    _, count = await execute_all(connection, _ANSWERS, ids=ids)
    if count:
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


def _marks_of(row: _GoneMessage) -> list[Mark]:
    named = () if row.provider_message_id is None else (row.provider_message_id,)
    if row.direction == "inbound":
        return [Mark("event", named)]
    marks = [Mark("report", named)] if named else []
    return [*marks, Mark("tag", (row.call_tag, row.peer))] if row.call_tag else marks
