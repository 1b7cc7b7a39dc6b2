"""The events that others hear of: which wait, which were taken, which were given up, and each try that failed."""

from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Row, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.event_tables import outgoing_events
from bot.storage.pages import Order, Page, read_page
from bot.storage.sql import constant, status_is, unindexed

EventStatus = Literal["queued", "delivered", "failed"]
EVENT_STATES: Final[tuple[EventStatus, ...]] = ("queued", "delivered", "failed")

_NEWEST_FIRST = Order(outgoing_events.c.id, newest_first=True)
#: What waits is few of all there are, which SQLite would look through to spare itself the sorting.
_NEWEST_QUEUED_FIRST = Order(unindexed(outgoing_events.c.id), newest_first=True, keys=("id",))
_status = outgoing_events.c.status


class EventTry(Struct, frozen=True, kw_only=True):
    """A try that failed."""

    at: datetime
    #: Milliseconds that it took.
    ms: int
    reason: str


class OutgoingEventView(Struct, frozen=True, kw_only=True):
    """An event for one receiver, as the API and the command line show it."""

    #: The event's own id, the same for every receiver.
    id: str
    type: str
    #: The receiver's address without its query.
    to: str
    conversation_id: str
    message_id: str | None
    status: EventStatus
    attempts: int
    #: The newest tries that failed, oldest first.
    tries: list[EventTry]
    next_try_at: datetime | None
    created_at: datetime
    #: When a person had it sent again.
    resent_at: datetime | None
    #: When it was taken or given up, or last tried.
    updated_at: datetime
    #: The CloudEvent; None where what is stored is no JSON.
    event: Any


class OutgoingEventFilter(Struct, frozen=True, kw_only=True):
    """Which events to list; None means any."""

    status: EventStatus | None = None
    type: str | None = None
    to: str | None = None
    conversation_id: str | None = None


class ReceiverQueue(Struct, frozen=True, kw_only=True):
    """How a receiver stands: what waits for it and what it never took."""

    to: str
    queued: int = 0
    failed: int = 0


async def list_outgoing_events(
    connection: AsyncConnection, wanted: OutgoingEventFilter, *, limit: int, cursor: str | None
) -> Page[OutgoingEventView]:
    """Events, newest first. Raises `bot.storage.pages.WrongCursor`."""
    query = select(outgoing_events)
    columns = {
        "type": outgoing_events.c.type,
        "to": outgoing_events.c.receiver,
        "conversation_id": outgoing_events.c.conversation_id,
    }
    for name, column in columns.items():
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(column == value)
    if wanted.status is not None:
        query = query.where(_is(wanted.status))
    order = (
        _NEWEST_QUEUED_FIRST
        if wanted.status == "queued" and wanted.conversation_id is None
        else _NEWEST_FIRST
    )
    return await read_page(connection, query, order, _view, limit=limit, cursor=cursor)


async def receiver_queues(connection: AsyncConnection, receivers: list[str]) -> list[ReceiverQueue]:
    """What waits for each receiver and what it never took: those of the settings first, then those before them."""
    # One by one: an index leads to each of these states, and none to both.
    queued, failed = (
        select(outgoing_events.c.receiver, constant(status).label("state"), func.count())
        .where(_is(status))
        .group_by(outgoing_events.c.receiver)
        for status in ("queued", "failed")
    )
    rows = await connection.execute(union_all(queued, failed))
    counts = {(receiver, status): count for receiver, status, count in rows}
    names = dict.fromkeys([*receivers, *sorted(receiver for receiver, _ in counts)])
    return [
        ReceiverQueue(to=name, queued=counts.get((name, "queued"), 0), failed=counts.get((name, "failed"), 0))
        for name in names
    ]


def _is(status: EventStatus) -> ColumnElement[bool]:
    return status_is(status, _status)


def _view(row: Row[Any]) -> OutgoingEventView:
    return OutgoingEventView(
        id=row.event_id,
        type=row.type,
        to=row.receiver,
        conversation_id=row.conversation_id,
        message_id=row.message_id,
        status=row.status,
        attempts=row.attempts,
        tries=msgspec.convert(row.tries or [], list[EventTry]),
        next_try_at=row.next_try_at,
        created_at=row.created_at,
        resent_at=row.resent_at,
        updated_at=row.updated_at,
        event=_event_of(row.body),
    )


def _event_of(body: str) -> object:
    """The CloudEvent as it is stored; None where another program has put something else there."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
