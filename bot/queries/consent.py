"""What somebody said of whether they want messages, what they were answered, and when the last message left after."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.queries.opt_outs import OptOutSource
from bot.storage.consent_tables import consent_changes, imported_opt_outs
from bot.storage.pages import Order
from bot.storage.sql import direction_is
from bot.storage.tables import conversations, messages

#: Rows that are read at once.
_AT_ONCE = 500
#: With the id, or the numbers, a place is one row's alone.
_AS_NOTED = Order(consent_changes.c.noted_at, consent_changes.c.id)
_AS_IMPORTED = Order(imported_opt_outs.c.imported_at, imported_opt_outs.c.peer, imported_opt_outs.c.number)


class ConsentEvent(Struct, frozen=True, kw_only=True):
    """An opt-out or an opt-in."""

    #: None: of a list that was imported.
    id: str | None
    peer: str
    #: The number of ours that it is about; None: every one.
    number: str | None
    conversation_id: str | None
    opted_out: bool
    source: OptOutSource
    #: When they said so, by Azure's time, or by that of the list.
    at: datetime
    #: When the bot stored it.
    noted_at: datetime
    #: What they wrote; of a carrier, a person or a list the reason.
    words: str | None
    #: What they were answered.
    our_words: list[str]
    rule: str | None
    #: The rule book that was in force.
    book_version: str | None
    message_id: str | None
    #: Azure's id of that message.
    provider_message_id: str | None
    #: Who put it on record, where a person did.
    by: str | None
    #: Of an opt-out: messages that left after it, but for its confirmation, and the last of them; as far as messages
    #: are kept.
    left_after: int | None = None
    last_left_at: datetime | None = None
    #: How long until nothing more left; 0: nothing did. None of an opt-in.
    seconds_until_silent: float | None = None

    @property
    def known_at(self) -> datetime:
        """From when on it could be kept: a list says of opt-outs from before it came."""
        return self.noted_at if self.source == "import" else self.at


class ConsentState(Struct, frozen=True, kw_only=True):
    """How a conversation stands."""

    conversation_id: str
    number: str
    opted_out: bool
    #: When they last said so; None: they never did, or a version before this one did not note it.
    since: datetime | None


class ConsentView(Struct, frozen=True, kw_only=True):
    """What is known of the consent of a person."""

    peer: str
    conversations: list[ConsentState]
    #: Oldest first.
    events: list[ConsentEvent]


async def find_consent(connection: AsyncConnection, peer: str) -> ConsentView:
    """What this person said; a number that nobody knows has no events."""
    table = conversations.c
    query = select(table.id, table.number, table.opted_out, table.consent_at).where(table.peer == peer)
    states = [
        ConsentState(conversation_id=row.id, number=row.number, opted_out=row.opted_out, since=row.consent_at)
        for row in await connection.execute(query.order_by(table.number))
    ]
    return ConsentView(
        peer=peer,
        conversations=states,
        events=await _events(connection, consent_changes.c.peer == peer, imported_opt_outs.c.peer == peer),
    )


async def consent_since(
    connection: AsyncConnection, since: datetime, after: tuple[datetime, str] | None
) -> tuple[list[ConsentEvent], tuple[datetime, str] | None]:
    """What messages, carriers and people said since then, in the order in which it was noted; and where to go on."""
    table = consent_changes.c
    behind: ColumnElement[bool] = table.noted_at >= since
    if after is not None:
        behind = _AS_NOTED.behind(after)
    query = select(consent_changes).where(behind).order_by(*_AS_NOTED.clauses).limit(_AT_ONCE)
    rows = (await connection.execute(query)).all()
    following = (rows[-1].noted_at, rows[-1].id) if len(rows) == _AT_ONCE else None
    return await _with_departures(connection, [_said(row) for row in rows]), following


async def imported_since(
    connection: AsyncConnection, since: datetime, after: tuple[datetime, str, str] | None
) -> tuple[list[ConsentEvent], tuple[datetime, str, str] | None]:
    """The same of lists that were imported."""
    table = imported_opt_outs.c
    behind: ColumnElement[bool] = table.imported_at >= since
    if after is not None:
        behind = _AS_IMPORTED.behind(after)
    query = select(imported_opt_outs).where(behind).order_by(*_AS_IMPORTED.clauses).limit(_AT_ONCE)
    rows = (await connection.execute(query)).all()
    last = rows[-1] if len(rows) == _AT_ONCE else None
    following = (last.imported_at, last.peer, last.number) if last is not None else None
    return await _with_departures(connection, [_listed(row) for row in rows]), following


async def _events(
    connection: AsyncConnection, said: ColumnElement[bool], listed: ColumnElement[bool]
) -> list[ConsentEvent]:
    events = [_said(row) for row in await connection.execute(select(consent_changes).where(said))]
    events += [_listed(row) for row in await connection.execute(select(imported_opt_outs).where(listed))]
    events.sort(key=lambda each: (each.at, each.noted_at, each.id or ""))
    return await _with_departures(connection, events)


async def _with_departures(connection: AsyncConnection, events: Sequence[ConsentEvent]) -> list[ConsentEvent]:
    """The events, each opt-out with what left after it and before the next opt-in."""
    opt_outs = [each for each in events if each.opted_out]
    peers = sorted({each.peer for each in opt_outs})
    since = min((each.known_at for each in opt_outs), default=None)
    left = {} if since is None else await _departures(connection, peers, since)
    ends = await _opt_ins(connection, peers)
    return [_with(each, left, ends) if each.opted_out else each for each in events]


def _with(
    event: ConsentEvent,
    left: dict[str, list[tuple[str, datetime]]],
    ends: dict[str, list[tuple[str, datetime]]],
) -> ConsentEvent:
    def is_about(number: str) -> bool:
        return event.number in (None, number)

    def end_for(number: str) -> datetime | None:
        later = [at for name, at in ends.get(event.peer, ()) if name == number and at >= event.known_at]
        return min(later, default=None)

    times = []
    for number, at in left.get(event.peer, ()):
        if is_about(number) and at > event.known_at:
            end = end_for(number)
            if end is None or at < end:
                times.append(at)
    last = max(times, default=None)
    seconds = (last - event.known_at).total_seconds() if last is not None else 0.0
    return replace(event, left_after=len(times), last_left_at=last, seconds_until_silent=seconds)


async def _departures(
    connection: AsyncConnection, peers: Sequence[str], since: datetime
) -> dict[str, list[tuple[str, datetime]]]:
    """By peer, when which number of ours sent them, since then, what does not confirm an opt-out or opt-in."""
    found: dict[str, list[tuple[str, datetime]]] = {}
    for start in range(0, len(peers), _AT_ONCE):
        query = (
            select(conversations.c.peer, conversations.c.number, messages.c.first_sent_at)
            .join(messages, messages.c.conversation_id == conversations.c.id)
            .where(
                conversations.c.peer.in_(peers[start : start + _AT_ONCE]),
                direction_is("outbound"),
                messages.c.exempt.is_not(True),
                messages.c.first_sent_at > since,
                messages.c.status.not_in(("queued", "suppressed")),
            )
        )
        for peer, number, at in await connection.execute(query):
            found.setdefault(peer, []).append((number, at))
    return found


async def _opt_ins(
    connection: AsyncConnection, peers: Sequence[str]
) -> dict[str, list[tuple[str, datetime]]]:
    found: dict[str, list[tuple[str, datetime]]] = {}
    table = consent_changes.c
    for start in range(0, len(peers), _AT_ONCE):
        query = select(table.peer, table.number, table.at).where(
            table.peer.in_(peers[start : start + _AT_ONCE]), table.opted_out.is_(False)
        )
        for peer, number, at in await connection.execute(query):
            found.setdefault(peer, []).append((number, at))
    return found


def _said(row: Row[Any]) -> ConsentEvent:
    return ConsentEvent(
        id=row.id, peer=row.peer, number=row.number, conversation_id=row.conversation_id, opted_out=row.opted_out,
        source=row.source, at=row.at, noted_at=row.noted_at, words=row.words, our_words=row.our_words or [],
        rule=row.rule, book_version=row.book_version, message_id=row.message_id,
        provider_message_id=row.provider_message_id, by=row.by,
    )  # fmt: skip


def _listed(row: Row[Any]) -> ConsentEvent:
    return ConsentEvent(
        id=None, peer=row.peer, number=row.number or None, conversation_id=None, opted_out=True, source="import",
        at=row.at, noted_at=row.imported_at, words=row.reason, our_words=[], rule=None, book_version=None,
        message_id=None, provider_message_id=None, by=row.by,
    )  # fmt: skip
