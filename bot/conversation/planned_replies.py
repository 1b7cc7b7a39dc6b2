"""Replies of people that are to leave at a time: they can be taken back until then."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import PastState
from bot.storage.commits import mark_changed
from bot.storage.inbox_tables import planned_replies
from bot.storage.sql import status_is

#: Why something was not sent. These are stored and shown: they never change.
OPTED_OUT = "they opted out"
TOO_LATE: Mapping[PastState, str] = {
    "stopped": "the bot was stopped when it was due, and it was more than an hour late",
    "wrong clock": "the clock of the bot was wrong when it was due, and it was more than an hour late",
    "running": "it could not be sent when it was due, and it was more than an hour late",
}
TAKEN_BACK = "it was taken back"


class PlannedReply(Struct, frozen=True, kw_only=True):
    """A person's reply that is to leave, as the API and the console show it."""

    id: str
    conversation_id: str
    text: str
    by: str
    #: Their id among `people`; None for whoever showed a token.
    person_id: str | None = None
    due_at: datetime
    #: `waiting`, `sent`, `cancelled` or `held`: it was due, and could not be sent.
    status: str
    #: Why it was not sent.
    reason: str | None
    #: The message that it became.
    message_id: str | None
    created_at: datetime


async def list_planned(
    connection: AsyncConnection, conversation_id: str, *, waiting: bool = False
) -> list[PlannedReply]:
    """What is to be sent, and was, in a conversation; the next one first."""
    table = planned_replies
    query = select(table).where(table.c.conversation_id == conversation_id)
    if waiting:
        query = query.where(status_is("waiting", table.c.status))
    rows = await connection.execute(query.order_by(table.c.due_at, table.c.id).limit(200))
    return [planned_view(row) for row in rows]


async def find_planned(connection: AsyncConnection, planned_id: str) -> PlannedReply | None:
    """One of them, or None when there is no such."""
    query = select(planned_replies).where(planned_replies.c.id == planned_id)
    row = (await connection.execute(query)).first()
    return None if row is None else planned_view(row)


async def due_planned(
    connection: AsyncConnection, now: datetime, limit: int, *, written_since: datetime | None = None
) -> list[PlannedReply]:
    """Those whose time has come, written since then if that is given; the one that has waited longest first."""
    table = planned_replies
    is_due = [status_is("waiting", table.c.status), table.c.due_at <= now]
    if written_since is not None:
        is_due.append(table.c.created_at >= written_since)
    query = select(table).where(*is_due).order_by(table.c.due_at, table.c.id).limit(limit)
    return [planned_view(row) for row in await connection.execute(query)]


async def next_planned(connection: AsyncConnection) -> datetime | None:
    """When the next one is due."""
    table = planned_replies
    query = select(table.c.due_at).where(status_is("waiting", table.c.status)).order_by(table.c.due_at)
    found: datetime | None = (await connection.execute(query.limit(1))).scalar()
    return found


async def hold_planned(
    connection: AsyncConnection, conversation_ids: Collection[str], reason: str, now: datetime
) -> None:
    """Send nothing of what waits in these conversations."""
    table = planned_replies
    await connection.execute(
        update(table)
        .where(table.c.conversation_id.in_(conversation_ids), status_is("waiting", table.c.status))
        .values(status="held", reason=reason, updated_at=now)
    )
    mark_changed(conversation_ids)


def planned_view(row: Row[Any]) -> PlannedReply:
    """A row of `planned_replies` as people see it."""
    return PlannedReply(**{name: getattr(row, name) for name in PlannedReply.__struct_fields__})
