"""Incidents: what a person should look at in a conversation, open until somebody has.

A conversation has at most one open incident of each kind. What happens again while it is open is the same incident.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Row, Select, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.conversation.facts import WaitingFact
from bot.rulebook.decision import MAY_BE_AN_OPT_OUT, Decision, HeldBack
from bot.rulebook.handed_over import HandedOver
from bot.storage.facts import are_heard, note
from bot.storage.pages import Order, Page, read_page
from bot.storage.sql import insert_for
from bot.storage.tables import conversations, incidents

Kind = Literal["loop", "repeats", "opt-out", "handover", "codes"]

#: Each kind, and what it says of a conversation.
KINDS: dict[str, str] = {
    "loop": "fell silent: it looks like another auto-responder",
    "repeats": "one message comes too often",
    "opt-out": "a message may be an opt-out",
    "handover": "a person is waited for",
    "codes": "a list of codes runs out",
}
WAITING = "a person is waited for"
#: What is over once the peer has opted out.
ENDED_BY_OPT_OUT: tuple[Kind, ...] = ("opt-out", "handover")

_OF_LOOP_GUARD: dict[HeldBack, Kind] = {
    HeldBack.TOO_MANY_REPLIES: "loop",
    HeldBack.TOO_MANY_REPEATS: "repeats",
}


_NEWEST_FIRST = Order(incidents.c.id, newest_first=True)


class Outcome(StrEnum):
    """How an incident ended. The values are stored and shown by the API: they never change."""

    #: The peer opted out, or a person or a carrier said so of them.
    OPTED_OUT = "opted out"
    #: A person replied.
    ANSWERED = "answered"
    #: A person let the bot answer again.
    HANDED_BACK = "handed back"
    #: Nobody answered for as long as the rule said, and the bot goes on.
    WENT_BACK = "went back"
    #: A person looked at what might have been an opt-out, and it was none.
    NOT_AN_OPT_OUT = "not an opt-out"
    #: A person looked at it.
    SEEN = "seen"


class NewIncident(Struct, frozen=True, kw_only=True):
    """Something to look at, if it is not open already."""

    conversation_id: str
    kind: Kind
    reason: str
    #: The inbound message that it began with; None when a person began it.
    message_id: str | None = None


class OpenIncident(Struct, frozen=True, kw_only=True):
    """An open incident as its conversation shows it."""

    id: str
    kind: str
    reason: str
    message_id: str | None
    since: datetime


class IncidentView(Struct, frozen=True, kw_only=True):
    """An incident as the API and the command line show it."""

    id: str
    conversation_id: str
    number: str
    peer: str
    kind: str
    reason: str
    message_id: str | None
    opened_at: datetime
    #: None while it is open.
    closed_at: datetime | None
    outcome: str | None
    closed_by: str | None


class IncidentFilter(Struct, frozen=True, kw_only=True):
    """Which incidents to list; None means any."""

    open: bool | None = None
    kind: Kind | None = None
    conversation_id: str | None = None


def noticed_in(decision: Decision, conversation_id: str, message_id: str) -> Iterable[NewIncident]:
    """What a person should know of a decision."""
    found: dict[Kind, str] = {}
    if decision.held_back_by in _OF_LOOP_GUARD:
        found[_OF_LOOP_GUARD[decision.held_back_by]] = decision.held_back_by
    if MAY_BE_AN_OPT_OUT in decision.marks:
        found["opt-out"] = MAY_BE_AN_OPT_OUT
    if decision.after.handed_over and not decision.after.opted_out:
        found["handover"] = waiting_for(decision.handover)
    return [
        NewIncident(conversation_id=conversation_id, kind=kind, reason=reason, message_id=message_id)
        for kind, reason in found.items()
    ]


def waiting_for(given: HandedOver | None) -> str:
    """The reason of an incident that somebody waits for a person, or for whom the rule names."""
    if given is None:
        return WAITING
    return f"{given.to or 'a person'} is waited for{', urgently' if given.urgent else ''}"


async def open_incidents(
    connection: AsyncConnection, noticed: Collection[NewIncident], now: datetime
) -> None:
    """Open those that are not open already."""
    rows = {
        (each.conversation_id, each.kind): {
            "id": str(uuid7()),
            "conversation_id": each.conversation_id,
            "kind": each.kind,
            "reason": each.reason,
            "message_id": each.message_id,
            "opened_at": now,
        }
        for each in reversed(list(noticed))  # of several in one transaction the first one counts
    }
    if not rows:
        return
    if are_heard():
        await _tell_waiting(connection, [row for key, row in sorted(rows.items()) if key[1] == "handover"])
    statement = insert_for(connection, incidents).on_conflict_do_nothing(
        index_elements=["conversation_id", "kind"], index_where=incidents.c.closed_at.is_(None)
    )
    await connection.execute(statement, [rows[key] for key in sorted(rows)])


async def _tell_waiting(connection: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    """Let others hear of the conversations that did not wait for a person already."""
    query = select(incidents.c.conversation_id).where(
        incidents.c.conversation_id.in_([row["conversation_id"] for row in rows]),
        incidents.c.kind == "handover",
        incidents.c.closed_at.is_(None),
    )
    waiting = set((await connection.execute(query)).scalars()) if rows else set()
    note(
        WaitingFact(
            conversation_id=row["conversation_id"], reason=row["reason"], message_id=row["message_id"]
        )
        for row in rows
        if row["conversation_id"] not in waiting
    )


async def close_incidents(
    connection: AsyncConnection,
    conversation_ids: Collection[str],
    kinds: Collection[Kind],
    *,
    outcome: Outcome,
    by: str | None,
    now: datetime,
) -> None:
    """Close what is open of these kinds. `by` is None when the peer's own message ended it."""
    statement = (
        update(incidents)
        .where(
            incidents.c.conversation_id.in_(conversation_ids),
            incidents.c.kind.in_(kinds),
            incidents.c.closed_at.is_(None),
        )
        .values(closed_at=now, outcome=outcome, closed_by=by)
    )
    await connection.execute(statement)


async def change_reason(connection: AsyncConnection, conversation_id: str, kind: Kind, reason: str) -> None:
    """Give the open incident of a kind, if there is one, another reason."""
    of_kind = (incidents.c.conversation_id == conversation_id, incidents.c.kind == kind)
    statement = update(incidents).where(*of_kind, incidents.c.closed_at.is_(None))
    await connection.execute(statement.values(reason=reason))


async def reopen_incidents(
    connection: AsyncConnection, conversation_id: str, *, closed_at: datetime, by: str
) -> None:
    """Open again what somebody closed at that moment, unless the like is open; who waits again is told of."""
    other = incidents.alias("other")
    is_open = exists().where(
        other.c.conversation_id == incidents.c.conversation_id,
        other.c.kind == incidents.c.kind,
        other.c.closed_at.is_(None),
    )
    closed = (
        incidents.c.conversation_id == conversation_id,
        incidents.c.closed_at == closed_at,
        incidents.c.closed_by == by,
        ~is_open,
    )
    if are_heard():
        query = select(incidents.c.conversation_id, incidents.c.reason, incidents.c.message_id)
        waiting = await connection.execute(query.where(*closed, incidents.c.kind == "handover"))
        note(WaitingFact(**row) for row in waiting.mappings())
    statement = update(incidents).where(*closed)
    await connection.execute(statement.values(closed_at=None, outcome=None, closed_by=None))


async def find_incident(connection: AsyncConnection, incident_id: str) -> IncidentView | None:
    """One incident, or None when there is no such."""
    row = (await connection.execute(_joined().where(incidents.c.id == incident_id))).first()
    return None if row is None else _view(row)


async def list_incidents(
    connection: AsyncConnection, wanted: IncidentFilter, *, limit: int, cursor: str | None
) -> Page[IncidentView]:
    """Incidents, newest first. Raises `bot.storage.pages.WrongCursor`."""
    query = _joined()
    if wanted.open is not None:
        closed = incidents.c.closed_at
        query = query.where(closed.is_(None) if wanted.open else closed.is_not(None))
    if wanted.kind is not None:
        query = query.where(incidents.c.kind == wanted.kind)
    if wanted.conversation_id is not None:
        query = query.where(incidents.c.conversation_id == wanted.conversation_id)
    return await read_page(connection, query, _NEWEST_FIRST, _view, limit=limit, cursor=cursor)


async def open_in(
    connection: AsyncConnection, conversation_ids: Collection[str]
) -> dict[str, list[OpenIncident]]:
    """What is open in each of these conversations, oldest first."""
    if not conversation_ids:
        return {}
    query = (
        select(incidents)
        .where(incidents.c.conversation_id.in_(conversation_ids), incidents.c.closed_at.is_(None))
        .order_by(incidents.c.id)
    )
    found: dict[str, list[OpenIncident]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.conversation_id, []).append(
            OpenIncident(
                id=row.id, kind=row.kind, reason=row.reason, message_id=row.message_id, since=row.opened_at
            )
        )
    return found


def _joined() -> Select[Any]:
    return select(incidents, conversations.c.number, conversations.c.peer).join(
        conversations, conversations.c.id == incidents.c.conversation_id
    )


def _view(row: Row[Any]) -> IncidentView:
    return IncidentView(**{name: getattr(row, name) for name in IncidentView.__struct_fields__})
