"""What people ask of the database: conversations, messages, and the events that could not be read."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Row, Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.delivery import DELIVERY_STATES
from bot.conversation.handovers import HandoverView, is_urgent, open_handovers
from bot.conversation.incidents import OpenIncident, open_in
from bot.queries.failure_reasons import reason_of
from bot.queries.fetches import FetchView, fetch_views
from bot.queries.filters import ConversationFilter, conditions_for
from bot.queries.tries import ForwardView, Tries, TryView, tries_of
from bot.storage.pages import Key, Order, Page, read_page, read_stretch
from bot.storage.sql import status_is
from bot.storage.tables import conversations, messages, rejected_events, status_changes

#: Outbound states with a reason.
_NOT_ARRIVED = ("failed", "suppressed", "unconfirmed")
#: Conversations that one request looks at, where no index knows which are wanted (`benchmarks/console.py`).
LOOKED_AT = 15_000
#: Characters of rejected events on one page: each may be as long as a body, 8 MiB.
_RAW_AT_ONCE = 8 * 1024 * 1024


#: How conversations, messages and rejected events are listed.
NEWEST_FIRST = Order(conversations.c.last_message_at, conversations.c.id, newest_first=True)
#: Who waits longest comes first; for filters under which everybody waits.
LONGEST_WAIT_FIRST = Order(conversations.c.unanswered_since, conversations.c.id)
#: 0: handed over urgently; 1: not.
_URGENCY = case((is_urgent(conversations.c.id), 0), else_=1)
#: The same behind those that were handed over urgently; for those that wait for a person.
URGENT_FIRST = Order(
    _URGENCY, conversations.c.unanswered_since, conversations.c.id, keys=("urgency", "unanswered_since", "id")
)
BY_POSITION = Order(messages.c.position)
_NEWEST_REJECTED_FIRST = Order(rejected_events.c.id, newest_first=True)


class DeliveryCounts(Struct, frozen=True, kw_only=True):
    """The newest outbound message's state, and how many messages are in each."""

    latest: str | None
    queued: int = 0
    sent: int = 0
    delivered: int = 0
    failed: int = 0
    suppressed: int = 0
    unconfirmed: int = 0


class ConversationView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A conversation as the API and the command line show it; fields at their default are omitted."""

    id: str
    number: str
    peer: str
    opted_out: bool
    last_message_at: datetime
    last_text: str
    tags: list[str]
    flow: Any
    delivery: DeliveryCounts
    #: The one that the peer is spoken to in; None: nothing has said so, and the rules' default counts.
    language: str | None = None
    #: A person has taken over: the bot is silent here until the conversation is handed back.
    handed_over: bool = False
    #: To whom, since when and until when it is handed over; None: it is not, or was before that was kept.
    handover: HandoverView | None = None
    #: The first message that waits for an answer; None when none does, or none is meant to come.
    unanswered_since: datetime | None = None
    #: The person who sees to it, and until when nobody wants to be reminded of it.
    assigned_to: str | None = None
    snoozed_until: datetime | None = None
    #: What a person should look at and nobody has yet.
    incidents: list[OpenIncident] = []
    #: What the rules have saved of this person, and people corrected.
    values: dict[str, str] = {}


class HistoryEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A state that a message came into."""

    status: str
    at: datetime
    details: str | None
    #: `bot.conversation.delivery.FailureCode`, where the reason is the bot's own.
    failure_code: str | None = None


class MessageView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message as the API and the command line show it; fields at their default are omitted."""

    id: str
    conversation_id: str
    direction: str
    text: str
    provider_message_id: str | None
    rule: str | None
    in_reply_to: str | None
    status: str
    status_details: str | None
    segments: int
    encoding: str
    created_at: datetime
    updated_at: datetime
    history: list[HistoryEntry]
    #: Why it did not arrive, in plain words.
    reason: str | None = None
    #: `bot.conversation.delivery.FailureCode`, where the reason is the bot's own.
    failure_code: str | None = None
    #: The message that this one sends again because a person wanted it.
    resend_of: str | None = None
    #: Send attempts, and the error of the latest one; None when it succeeded.
    attempts: int = 0
    last_error: str | None = None
    #: When it is tried again; None for what doesn't wait for another try.
    next_try_at: datetime | None = None
    #: On an outbound message: the tries to send it that did not go through.
    tries: list[TryView] = []
    #: On an inbound message: where rules forward it to.
    forwards: list[ForwardView] = []
    #: On an inbound message: what was asked of another service, and what came.
    fetch: FetchView | None = None
    #: On an inbound message: what was decided and why; `bot.rulebook.decision.Decision.record` has the keys.
    decision: dict[str, Any] | None = None


class RejectedView(Struct, frozen=True, kw_only=True):
    """An event that could not be read."""

    id: str
    arrived_at: datetime
    reason: str
    raw: str


class Backlog(Struct, frozen=True, kw_only=True):
    """What waits to be sent."""

    queued: int
    oldest_seconds: float


class ConversationPage(Page[ConversationView], frozen=True, kw_only=True, omit_defaults=True):
    """A stretch of a listing of conversations."""

    #: Where looking ended, when it ended before everything was looked at; there may be more behind `next`.
    searched_back_to: datetime | None = None


async def list_conversations(
    connection: AsyncConnection,
    wanted: ConversationFilter,
    *,
    limit: int,
    cursor: str | None,
    counted: bool = True,
    order: Order = NEWEST_FIRST,
    now: datetime | None = None,
) -> ConversationPage:
    """Conversations, newest first or in another order. Raises `bot.storage.pages.WrongCursor`.

    Where no index serves the filter, `LOOKED_AT` conversations are read and no more: the page may be short, even empty,
    and yet have a next one. Without `counted` only the latest delivery state is read, not the count of each.
    """
    end = None if cursor is None else order.decode(cursor)
    conditions = await conditions_for(connection, wanted)
    is_bounded = order is NEWEST_FIRST and not conditions.is_quick
    floor = await _floor(connection, end) if is_bounded else None
    query = select(conversations).where(*conditions.all)
    if order is URGENT_FIRST:
        query = query.add_columns(_URGENCY.label("urgency"))
    found = await read_stretch(connection, query, order, limit=limit, end=end, floor=floor)
    return ConversationPage(
        items=await conversation_views(connection, found.rows, counted=counted, now=now),
        next=found.next,
        searched_back_to=floor[0] if floor is not None and found.ended_at_floor else None,
    )


async def conversation_views(
    connection: AsyncConnection,
    rows: Sequence[Row[Any]],
    *,
    counted: bool = True,
    now: datetime | None = None,
) -> list[ConversationView]:
    """Rows of `conversations` as people see them, now or at a time: a question that is over by then runs no more."""
    now = now or datetime.now(UTC)
    ids = [row.id for row in rows]
    counts = await _count_deliveries(connection, ids) if counted else {}
    opened = await open_in(connection, ids)
    handed = await open_handovers(connection, [row.id for row in rows if row.handed_over])
    return [_conversation(row, counts, opened.get(row.id, []), handed.get(row.id), now) for row in rows]


async def find_conversation(
    connection: AsyncConnection, conversation_id: str, *, counted: bool = True, now: datetime | None = None
) -> ConversationView | None:
    """One conversation, or None when there is no such.

    To count its messages by their states, all of them are read: `counted` is for whoever shows that.
    """
    row = (
        await connection.execute(select(conversations).where(conversations.c.id == conversation_id))
    ).first()
    if row is None:
        return None
    return (await conversation_views(connection, [row], counted=counted, now=now))[0]


async def with_counts(connection: AsyncConnection, view: ConversationView) -> ConversationView:
    """The same conversation with how many of its messages are in each state."""
    counts = await _count_deliveries(connection, [view.id])
    return replace(view, delivery=_deliveries(view.delivery.latest, counts.get(view.id, {})))


async def list_messages(
    connection: AsyncConnection, conversation_id: str, *, limit: int, cursor: str | None
) -> Page[MessageView]:
    """A conversation's messages, oldest first, each with its history. Raises `bot.storage.pages.WrongCursor`."""
    end = None if cursor is None else BY_POSITION.decode(cursor)
    query = select(messages).where(messages.c.conversation_id == conversation_id)
    found = await read_stretch(connection, query, BY_POSITION, limit=limit, end=end)
    return Page(items=await _with_history(connection, found.rows), next=found.next)


async def find_message(connection: AsyncConnection, message_id: str) -> MessageView | None:
    """One message with its history, or None when there is no such."""
    found = await _with_history(
        connection, await _rows(connection, select(messages).where(messages.c.id == message_id))
    )
    return found[0] if found else None


async def find_backlog(connection: AsyncConnection) -> Backlog:
    """How many messages wait to be sent, and for how long the oldest has."""
    # The index of what is queued has the ids, and these sort by age: of all that wait only one row is read.
    query = select(func.count(), func.min(messages.c.id)).where(status_is("queued"))
    queued, oldest_id = (await connection.execute(query)).one()
    first = select(messages.c.created_at).where(messages.c.id == oldest_id)
    oldest = (await connection.execute(first)).scalar() if oldest_id else None
    seconds = (datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0
    return Backlog(queued=queued, oldest_seconds=seconds)


async def list_rejected(connection: AsyncConnection, *, limit: int, cursor: str | None) -> Page[RejectedView]:
    """Events that could not be read, newest first. Raises `bot.storage.pages.WrongCursor`.

    A page has `_RAW_AT_ONCE` characters of them at most, or one that is longer: it may be short and yet have a next
    one.
    """
    query = select(rejected_events.c.id, func.length(rejected_events.c.raw).label("length"))
    end = None if cursor is None else _NEWEST_REJECTED_FIRST.decode(cursor)
    sizes = await read_stretch(connection, query, _NEWEST_REJECTED_FIRST, limit=limit, end=end)
    together = accumulate(row.length for row in sizes.rows)
    fitting = max(sum(length <= _RAW_AT_ONCE for length in together), 1)
    return await read_page(
        connection, select(rejected_events), _NEWEST_REJECTED_FIRST, _rejected, limit=fitting, cursor=cursor
    )


def _rejected(row: Row[Any]) -> RejectedView:
    return RejectedView(id=row.id, arrived_at=row.arrived_at, reason=row.reason, raw=row.raw)


async def _floor(connection: AsyncConnection, end: Key | None) -> Key | None:
    """The last conversation that a request looks at; None when it may look at all that are left."""
    query = select(conversations.c.last_message_at, conversations.c.id).order_by(*NEWEST_FIRST.clauses)
    if end is not None:
        query = query.where(NEWEST_FIRST.behind(end))
    row = (await connection.execute(query.limit(1).offset(LOOKED_AT - 1))).first()
    return None if row is None else NEWEST_FIRST.key_of(row)


async def _rows(connection: AsyncConnection, query: Select[Any]) -> Sequence[Row[Any]]:
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows


async def _count_deliveries(connection: AsyncConnection, ids: list[str]) -> dict[str, dict[str, int]]:
    if not ids:
        return {}
    query = (
        select(messages.c.conversation_id, messages.c.status, func.count())
        .where(messages.c.conversation_id.in_(ids), messages.c.direction == "outbound")
        .group_by(messages.c.conversation_id, messages.c.status)
    )
    counts: dict[str, dict[str, int]] = {}
    for conversation_id, status, count in await connection.execute(query):
        counts.setdefault(conversation_id, {})[status] = count
    return counts


def _conversation(
    row: Row[Any],
    counts: dict[str, dict[str, int]],
    incidents: list[OpenIncident],
    handover: HandoverView | None,
    now: datetime,
) -> ConversationView:
    memory = row.memory or {}
    return ConversationView(
        id=row.id,
        number=row.number,
        peer=row.peer,
        opted_out=row.opted_out,
        handed_over=row.handed_over,
        handover=handover,
        last_message_at=row.last_message_at,
        last_text=row.last_text,
        unanswered_since=row.unanswered_since,
        assigned_to=row.assigned_to,
        snoozed_until=row.snoozed_until,
        tags=row.tags or [],
        flow=_running(memory.get("flow"), now),
        language=memory.get("language"),
        incidents=incidents,
        values=memory.get("values", {}),
        delivery=_deliveries(row.delivery, counts.get(row.id, {})),
    )


def _deliveries(latest: str | None, counts: Mapping[str, int]) -> DeliveryCounts:
    return DeliveryCounts(latest=latest, **{state: counts.get(state, 0) for state in DELIVERY_STATES})


def _running(flow: Any, now: datetime) -> Any:
    """A stored flow; None once its time is over, though nothing has written that down. Older ones name no end."""
    until = flow.get("until") if isinstance(flow, dict) else None
    return None if isinstance(until, int | float) and until <= now.timestamp() else flow


async def _with_history(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[MessageView]:
    changes: dict[str, list[HistoryEntry]] = {}
    fetched = await fetch_views(connection, [row.id for row in rows if row.direction == "inbound"])
    ids = [row.id for row in rows if row.direction == "outbound"]
    if ids:
        query = (
            select(status_changes).where(status_changes.c.message_id.in_(ids)).order_by(status_changes.c.id)
        )
        for change in await connection.execute(query):
            changes.setdefault(change.message_id, []).append(
                HistoryEntry(
                    status=change.status,
                    at=change.at,
                    details=change.details,
                    failure_code=change.failure_code,
                )
            )
    tried = await tries_of(connection, [row.id for row in rows if row.direction == "inbound"], ids)
    return [_message(row, changes.get(row.id, []), fetched.get(row.id), tried) for row in rows]


def _message(
    row: Row[Any], changes: list[HistoryEntry], fetch: FetchView | None, tried: Tries
) -> MessageView:
    # A message is born received, queued or suppressed; only what changed after that has rows of its own.
    born = "queued" if changes else row.status
    reason = reason_of(row.status_details, row.failure_code) if row.status in _NOT_ARRIVED else None
    birth = HistoryEntry(
        status=born,
        at=row.created_at,
        details=None if changes else row.status_details,
        failure_code=None if changes else row.failure_code,
    )
    return MessageView(
        id=row.id,
        conversation_id=row.conversation_id,
        direction=row.direction,
        text=row.text,
        provider_message_id=row.provider_message_id,
        rule=row.rule,
        in_reply_to=row.in_reply_to,
        resend_of=row.resend_of,
        status=row.status,
        status_details=row.status_details,
        failure_code=row.failure_code,
        segments=row.segments,
        encoding=row.encoding,
        created_at=row.created_at,
        updated_at=row.updated_at,
        history=[birth, *changes],
        reason=reason.words if reason else None,
        attempts=row.attempts,
        last_error=row.last_error,
        next_try_at=row.next_try_at if row.status == "queued" else None,
        tries=tried.sends.get(row.id, []),
        forwards=tried.forwards.get(row.id, []),
        fetch=fetch,
        decision=None if row.decision is None else row.decision | {"version": row.book_version},
    )
