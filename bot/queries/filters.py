"""Which conversations people look for, as conditions on their rows; and whether an index leads to them."""

from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Text, cast, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.incidents import Kind
from bot.queries.waiting_count import is_waiting, needs_person
from bot.storage.tables import conversations, incidents, messages

#: Up to this number of conversations, an index of the rare property is used in place of a scan.
_FEW = 1_000
#: Delivery states with an index of their own.
_INDEXED_STATES = ("failed", "suppressed", "unconfirmed")


class ConversationFilter(Struct, frozen=True, kw_only=True):
    """Which conversations to list; None means any. Numbers are normalised."""

    peer: str | None = None
    number: str | None = None
    delivery: str | None = None
    opted_out: bool | None = None
    handed_over: bool | None = None
    #: Handed over, and the peer waits for a person's word.
    waiting: bool = False
    unanswered: bool | None = None
    #: The person who sees to it.
    assigned_to: str | None = None
    #: Nobody wants to be reminded of it now; None: either, but for `waiting` and `unanswered`, which leave these out.
    snoozed: bool | None = None
    #: With an open incident of this kind.
    incident: Kind | None = None
    tag: str | None = None
    #: Part of the peer's number, `+` before it when it is the beginning: "5550101", "+1555".
    digits: str | None = None
    #: With a message since then.
    since: datetime | None = None


class Conditions(Struct, frozen=True, kw_only=True):
    """What a row of `conversations` must fulfil."""

    all: list[ColumnElement[bool]]
    #: An index leads to the few that do, or nearly all do: the database needn't look at many that don't.
    is_quick: bool


async def conditions_for(connection: AsyncConnection, wanted: ConversationFilter) -> Conditions:
    """The conditions of a filter."""
    table = conversations.c
    all_ = _of_columns(wanted)
    is_rare = wanted.peer is not None or bool(
        wanted.opted_out
        or wanted.handed_over
        or wanted.waiting
        or wanted.unanswered
        or wanted.snoozed
        or wanted.assigned_to
    )
    if wanted.incident is not None:
        is_rare = True
        is_open = incidents.c.closed_at.is_(None) & (incidents.c.kind == wanted.incident)
        all_.append(table.id.in_(select(incidents.c.conversation_id).where(is_open)))
    if wanted.delivery in _INDEXED_STATES:
        is_rare = True
    elif wanted.delivery in {"queued", "sent"}:
        few = await _few_with_a_message(connection, wanted.delivery)
        if few is not None:
            is_rare = True
            all_.append(table.id.in_(few))
    if wanted.digits is not None:
        has_digits = _has_digits(wanted.digits)
        all_.append(has_digits)
        # The index over peers is small: where few have these digits, they are found in it.
        query = select(table.peer).where(has_digits).limit(_FEW + 1)
        peers = set((await connection.execute(query)).scalars())
        if len(peers) <= _FEW:
            is_rare = True
            all_.append(table.peer.in_(peers))
    is_common = (wanted.number, wanted.tag, wanted.delivery, wanted.digits) == (None, None, None, None)
    return Conditions(all=all_, is_quick=is_rare or is_common)


def _of_columns(wanted: ConversationFilter) -> list[ColumnElement[bool]]:
    table = conversations.c
    all_: list[ColumnElement[bool]] = []
    for column, value in (
        (table.peer, wanted.peer),
        (table.number, wanted.number),
        (table.assigned_to, wanted.assigned_to),
    ):
        if value is not None:
            all_.append(column == value)
    for column, flag in ((table.opted_out, wanted.opted_out), (table.handed_over, wanted.handed_over)):
        if flag is not None:
            all_.append(column if flag else ~column)
    all_ += _of_turns(wanted)
    if wanted.since is not None:
        all_.append(table.last_message_at >= wanted.since)
    if wanted.tag is not None:
        all_.append(_has_tag(wanted.tag))
    if wanted.delivery is not None:
        # Written out, not a parameter: only then does SQLite see that a state has an index of its own.
        all_.append(table.delivery == literal(wanted.delivery, literal_execute=True))
    return all_


def _of_turns(wanted: ConversationFilter) -> list[ColumnElement[bool]]:
    """Whose turn it is."""
    table, all_ = conversations.c, []
    if wanted.waiting:
        all_.append(is_waiting() if wanted.snoozed is None else needs_person())
    if wanted.unanswered is not None:
        since = table.unanswered_since
        all_.append(since.is_not(None) if wanted.unanswered else since.is_(None))
    if wanted.snoozed is not None:
        all_.append(table.snoozed_until.is_not(None) if wanted.snoozed else table.snoozed_until.is_(None))
    elif wanted.unanswered:
        all_.append(table.snoozed_until.is_(None))
    return all_


def _has_digits(digits: str) -> ColumnElement[bool]:
    peer = conversations.c.peer
    if not digits.startswith("+"):
        return peer.contains(digits)
    # The index over peers leads to a beginning only by what comes before and after it; a letter is after every digit.
    return (peer >= digits) & (peer < digits + "z") & peer.startswith(digits)


def _has_tag(tag: str) -> ColumnElement[bool]:
    """Tags are kept as JSON, each within quotes, and a quote inside one is written with a backslash."""
    return cast(conversations.c.tags, Text).contains(msgspec.json.encode(tag).decode(), autoescape=True)


async def _few_with_a_message(connection: AsyncConnection, status: str) -> set[str] | None:
    """The conversations with a message in this state, where there are few; None where there are many."""
    if status not in {"queued", "sent"}:
        return None
    # Written out, so that the databases see that such messages have an index of their own.
    wanted = messages.c.status == literal(status, literal_execute=True)
    query = select(messages.c.conversation_id).where(wanted).limit(_FEW + 1)
    found = (await connection.execute(query)).scalars().all()
    return set(found) if len(found) <= _FEW else None
