"""Opts people out in many conversations at once: by a carrier's word or a list, without a message of theirs."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.delivery import Suppressed
from bot.conversation.follow_ups import OPTED_OUT, cancel_follow_ups
from bot.conversation.incidents import ENDED_BY_OPT_OUT, Outcome, close_incidents
from bot.conversation.loop_history import MOST_TOGETHER
from bot.conversation.planned_replies import hold_planned
from bot.conversation.status_changes import STORED_COLUMNS, StatusChanges, StoredMessage
from bot.storage.bulk import BulkUpdate
from bot.storage.commits import mark_changed
from bot.storage.sql import status_is
from bot.storage.tables import conversations, messages
from bot.storage.task_tables import fetches

#: Ids in one statement.
_AT_ONCE = 500


class _OptedOutRow(NamedTuple):
    id: str
    opted_out: bool
    consent_at: datetime


async def opt_out_conversations(
    connection: AsyncConnection, times: Mapping[str, datetime], now: datetime
) -> None:
    """Opt out the peers of these conversations, each as of its time; what is queued for them is suppressed.

    What may be on its way already, and what confirms an opt-out or opt-in, keeps its course.
    """
    ids = sorted(times)
    await _OPT_OUT.execute(
        connection, [_OptedOutRow(id=each, opted_out=True, consent_at=times[each]) for each in ids]
    )
    for start in range(0, len(ids), _AT_ONCE):
        await _end(connection, ids[start : start + _AT_ONCE], now)
    mark_changed(ids)


async def _end(connection: AsyncConnection, ids: list[str], now: datetime) -> None:
    await close_incidents(connection, ids, ENDED_BY_OPT_OUT, outcome=Outcome.OPTED_OUT, by=None, now=now)
    await cancel_follow_ups(connection, ids, OPTED_OUT, now)
    await hold_planned(connection, ids, OPTED_OUT, now)
    await _answer_no_fetches(connection, ids)
    queued = await _queued_in(connection, ids)
    changes = StatusChanges()
    for start in range(0, len(queued), _AT_ONCE):
        query = (
            select(*STORED_COLUMNS)
            .where(
                messages.c.id.in_(queued[start : start + _AT_ONCE]),
                status_is("queued"),
                messages.c.outcome_unknown.is_(False),
                messages.c.exempt.is_not(True),
            )
            .order_by(messages.c.id)
            .with_for_update()
        )
        for row in await connection.execute(query):
            changes.apply(StoredMessage(*row), Suppressed())
    await changes.record(connection, now)


async def _queued_in(connection: AsyncConnection, ids: list[str]) -> list[str]:
    """What is queued in these conversations: in a long one it is found among all that is queued for its number."""
    table = conversations.c
    short: list[str] = []
    long = defaultdict[str, list[str]](list)
    for row in await connection.execute(
        select(table.id, table.number, table.last_position).where(table.id.in_(ids))
    ):
        (short if row.last_position <= MOST_TOGETHER else long[row.number]).append(row.id)
    wanted: list[ColumnElement[bool]] = [messages.c.conversation_id.in_(short)] if short else []
    # As an expression, so that SQLite does not take the index over conversations, which has all their messages.
    wanted += [
        and_(messages.c.number == number, messages.c.conversation_id.concat("").in_(some))
        for number, some in long.items()
    ]
    found: list[str] = []
    for each in wanted:
        query = select(messages.c.id).where(each, status_is("queued"))
        found += (await connection.execute(query)).scalars()
    return sorted(found)


async def _answer_no_fetches(connection: AsyncConnection, ids: list[str]) -> None:
    """What is being fetched is not said any more, also to somebody who opts in before it comes."""
    asked = select(fetches.c.conversation_id).where(
        status_is("queued", fetches.c.status), fetches.c.conversation_id.in_(ids)
    )
    query = select(conversations.c.id, conversations.c.memory).where(conversations.c.id.in_(asked))
    for row in (await connection.execute(query)).all():
        left = {name: value for name, value in (row.memory or {}).items() if name != "fetches"}
        one = update(conversations).where(conversations.c.id == row.id)
        await connection.execute(one.values(memory=left or None))


_OPT_OUT = BulkUpdate(conversations, _OptedOutRow)
