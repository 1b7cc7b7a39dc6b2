"""Stored inbound messages with what was said to them, for `bot rules replay` and for the console."""

from bisect import bisect_right
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.events import time_written
from bot.conversation.fetches import fetched_as_stored, fetches_of
from bot.rulebook.decision import HeardMessage, HeldBack
from bot.rulebook.fetch import Fetched
from bot.rulebook.simulate.replay import AnsweredMessage, PersonAction
from bot.storage.tables import actions, conversations, messages

#: Guards that a rule book brings about itself; what any other one held back, the rules did say.
_OF_THE_BOOK = frozenset(set(HeldBack) - {HeldBack.TOO_MANY_REPLIES, HeldBack.TOO_MANY_REPEATS})
_LONG_AGO = datetime.fromtimestamp(0, UTC)
_AT_ONCE = 1_000
#: By inbound message what was said to it.
_Said = dict[str, tuple[str, ...]]
#: Messages of either direction that are read for a look at the newest: a long talk must not hold a page up.
_MOST_BEFORE = 20_000


async def count_inbound(connection: AsyncConnection, since: datetime | None) -> int:
    """How many messages `stored_inbound` gives."""
    query = select(func.count()).select_from(_joined(since, messages.c.id).subquery())
    return (await connection.execute(query)).scalar_one()


async def newest_inbound(
    connection: AsyncConnection, count: int
) -> tuple[list[AnsweredMessage], datetime | None]:
    """The newest inbound messages with what came before them, and since when they are the newest.

    Conversations of which more came before than `_MOST_BEFORE` messages altogether are left out.
    """
    newest = (
        select(messages.c.conversation_id, messages.c.created_at)
        .where(messages.c.direction == "inbound")
        .order_by(messages.c.id.desc())
        .limit(count)
    )
    rows = (await connection.execute(newest)).all()
    if not rows:
        return [], None
    wanted = {row.conversation_id for row in rows}
    lengths = (
        select(conversations.c.id, conversations.c.last_position)
        .where(conversations.c.id.in_(wanted))
        .order_by(conversations.c.last_position)
    )
    before, taken = 0, set()
    for row in await connection.execute(lengths):
        before += row.last_position
        if before > _MOST_BEFORE:
            break
        taken.add(row.id)
    query = _selected(None).where(messages.c.conversation_id.in_(taken))
    pasts = [past async for past in _pasts(connection, query)]
    return pasts, min(row.created_at for row in rows)


async def stored_inbound(
    connection: AsyncConnection, since: datetime | None
) -> AsyncIterator[AnsweredMessage]:
    """Every inbound message of the conversations that had one since then, by conversation, oldest first.

    Older messages of these come along, as what was said and saved before bears on the later ones.
    """
    async for past in _pasts(connection, _selected(since)):
        yield past


def _selected(since: datetime | None) -> Select[Any]:
    return _joined(
        since,
        messages.c.id, messages.c.conversation_id, messages.c.text, messages.c.provider_message_id,
        messages.c.rule, messages.c.created_at, messages.c.received_at, messages.c.decision,
        conversations.c.number, conversations.c.peer,
    ).order_by(messages.c.conversation_id, messages.c.position)  # fmt: skip


async def _pasts(connection: AsyncConnection, query: Select[Any]) -> AsyncIterator[AnsweredMessage]:
    rows = await connection.stream(query.execution_options(yield_per=_AT_ONCE))
    conversation, before = "", _LONG_AGO
    said: dict[str, _Said] = {}
    done: dict[str, list[PersonAction]] = {}
    async for some in rows.partitions(_AT_ONCE):
        ids = {row.conversation_id for row in some}
        new = ids - said.keys()  # a long conversation is read once, not for each of its partitions
        said = {key: said[key] for key in ids & said.keys()} | await _said(connection, new)
        done = {key: done[key] for key in ids & done.keys()} | await _done(connection, new)
        fetched = await fetches_of(connection, [row.id for row in some])
        for row in some:
            if row.conversation_id != conversation:
                conversation, before = row.conversation_id, _LONG_AGO
            deeds = _between(done[conversation], before, row.created_at)
            before = row.created_at
            kept = row.decision or {}
            guard = kept.get("guard")
            held_back = kept.get("withheld", ()) if guard is not None and guard not in _OF_THE_BOOK else ()
            yield AnsweredMessage(
                conversation_id=row.conversation_id,
                message_id=row.id,
                heard=HeardMessage(
                    id=row.provider_message_id or row.id,
                    text=row.text,
                    sender=row.peer,
                    recipient=row.number,
                ),
                at=row.created_at,
                written_at=time_written(row.received_at, row.created_at),
                rule=row.rule,
                said=() if guard in _OF_THE_BOOK else tuple(held_back) or said[conversation].get(row.id, ()),
                code=kept.get("code"),
                deeds=tuple(deeds),
                fetched=_fetched(fetched.get(row.id)),
            )


def _between(done: list[PersonAction], after: datetime, until: datetime) -> list[PersonAction]:
    """Of what is sorted by its time, what was done after one moment and up to another."""
    return done[bisect_right(done, after, key=_time_of) : bisect_right(done, until, key=_time_of)]


def _time_of(action: PersonAction) -> datetime:
    return action.at or _LONG_AGO


def _fetched(row: Any) -> Fetched | None:
    return None if row is None else fetched_as_stored(row.status, row.answer)


def _joined(since: datetime | None, *columns: Any) -> Select[Any]:
    query = (
        select(*columns)
        .select_from(messages.join(conversations, conversations.c.id == messages.c.conversation_id))
        .where(messages.c.direction == "inbound")
    )
    return query if since is None else query.where(conversations.c.last_message_at >= since)


async def _done(connection: AsyncConnection, conversation_ids: set[str]) -> dict[str, list[PersonAction]]:
    """By conversation, what people did to it and when, oldest first."""
    done: dict[str, list[PersonAction]] = {key: [] for key in conversation_ids}
    if not conversation_ids:
        return done
    query = (
        select(actions.c.conversation_id, actions.c.at, actions.c.action, actions.c.details)
        .where(actions.c.conversation_id.in_(conversation_ids))
        .order_by(actions.c.id)
    )
    for conversation_id, at, action, details in await connection.execute(query):
        done[conversation_id].append(PersonAction(action, details, at))
    for each in done.values():
        each.sort(key=_time_of)
    return done


async def _said(connection: AsyncConnection, conversation_ids: set[str]) -> dict[str, _Said]:
    """By conversation and inbound message, what the rules said to it; an operator's words are no answer of theirs."""
    said: dict[str, _Said] = {key: {} for key in conversation_ids}
    if not conversation_ids:
        return said
    query = (
        select(messages.c.conversation_id, messages.c.in_reply_to, messages.c.text)
        .where(
            messages.c.conversation_id.in_(conversation_ids),
            messages.c.direction == "outbound",
            messages.c.in_reply_to.is_not(None),
            messages.c.rule.is_not(None),
            messages.c.resend_of.is_(None),
        )
        .order_by(messages.c.conversation_id, messages.c.position)
    )
    for conversation_id, inbound_id, text in await connection.execute(query):
        its = said[conversation_id]
        its[inbound_id] = (*its.get(inbound_id, ()), text)
    return said
