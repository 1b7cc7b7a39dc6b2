"""What is stored of alarms: what is open, what nobody was told of yet, and who tells."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.alarms.notification import NewsItem, of_the_hour
from bot.alarms.trouble import Trouble
from bot.conversation.incidents import WAITING
from bot.conversation.message_lines import masked
from bot.storage.alarm_tables import alarm_teller, alarms
from bot.storage.sql import insert_for, unindexed
from bot.storage.tables import conversations, incidents, messages

#: Rows that one look takes.
_AT_ONCE = 500
#: Beginnings and ends that one message sums up.
_TOLD_AT_ONCE = 2_000
_LONGEST_REASON = 300
_IS_UNTOLD = or_(
    alarms.c.begin_told_at.is_(None), alarms.c.ended_at.is_not(None) & alarms.c.end_told_at.is_(None)
)


class Found(Struct, frozen=True, kw_only=True):
    """What a look found."""

    troubles: Sequence[Trouble]
    #: Those of this process, also of looks before.
    mine: Collection[str]
    now: datetime
    #: A trouble that is not this process's own is over when it was not seen since.
    unseen_since: datetime
    #: A trouble that is still there is noted as seen when that was before.
    stale_since: datetime


class Changes(Struct, frozen=True, kw_only=True):
    """What is to be written: at most times nothing."""

    begun: Sequence[tuple[Trouble, str | None]]
    seen: Sequence[str]
    over: Sequence[str]
    now: datetime

    @property
    def are_none(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.begun or self.seen or self.over)


async def read_changes(connection: AsyncConnection, found: Found) -> Changes:
    """What has begun and ended since the look before, in this process and among the incidents."""
    query = select(alarms.c.id, alarms.c.key, alarms.c.seen_at).where(
        alarms.c.ended_at.is_(None), alarms.c.incident_id.is_(None)
    )
    rows = {row.key: row for row in await connection.execute(query)}
    now_so = {each.key for each in found.troubles}
    begun: list[tuple[Trouble, str | None]] = [
        (each, None) for each in found.troubles if each.key not in rows
    ]
    seen = [row.id for key, row in rows.items() if key in now_so and row.seen_at < found.stale_since]
    over = [
        row.id
        for key, row in rows.items()
        if key not in now_so and (key in found.mine or row.seen_at < found.unseen_since)
    ]
    begun += await _new_incidents(connection)
    over += await _closed_incidents(connection)
    return Changes(begun=begun, seen=seen, over=over, now=found.now)


async def _new_incidents(connection: AsyncConnection) -> list[tuple[Trouble, str | None]]:
    known = select(alarms.c.id).where(alarms.c.incident_id == incidents.c.id).exists()
    query = (
        select(incidents.c.id, incidents.c.kind, incidents.c.reason, incidents.c.conversation_id)
        .where(incidents.c.closed_at.is_(None), ~known)
        .order_by(unindexed(incidents.c.id))  # few of all there ever were are open
        .limit(_AT_ONCE)
    )
    return [
        (
            Trouble(
                key=f"incident:{row.id}",
                kind=row.kind,
                # What the kind says already is not said twice.
                reason=row.reason if row.kind == "codes" or _names_somebody(row) else "",
                place=f"/console/conversations/{row.conversation_id}",
            ),
            row.id,
        )
        for row in await connection.execute(query)
    ]


def _names_somebody(row: Any) -> bool:
    return bool(row.kind == "handover" and row.reason != WAITING)


async def _closed_incidents(connection: AsyncConnection) -> list[str]:
    is_open = select(incidents.c.id).where(
        incidents.c.id == alarms.c.incident_id, incidents.c.closed_at.is_(None)
    )
    query = (
        select(alarms.c.id)
        .where(alarms.c.ended_at.is_(None), alarms.c.incident_id.is_not(None), ~is_open.exists())
        .limit(_AT_ONCE)
    )
    return list((await connection.execute(query)).scalars())


async def write_changes(connection: AsyncConnection, changes: list[Changes]) -> list[None]:
    """Work for `bot.storage.writer`. What another process has written meanwhile stays as that one wrote it."""
    for each in changes:
        rows = [
            {
                "id": str(uuid7()),
                "key": trouble.key,
                "kind": trouble.kind,
                "reason": trouble.reason[:_LONGEST_REASON],
                "place": trouble.place,
                "incident_id": incident_id,
                "began_at": each.now,
                "seen_at": each.now,
            }
            for trouble, incident_id in each.begun
        ]
        if rows:
            is_open = alarms.c.ended_at.is_(None)
            statement = insert_for(connection, alarms).on_conflict_do_nothing(
                index_elements=["key"], index_where=is_open
            )
            await connection.execute(statement, rows)
        if each.seen:
            noted = update(alarms).where(alarms.c.id.in_(each.seen)).values(seen_at=each.now)
            await connection.execute(noted)
        if each.over:
            ended = update(alarms).where(alarms.c.id.in_(each.over), alarms.c.ended_at.is_(None))
            await connection.execute(ended.values(ended_at=each.now))
    return [None] * len(changes)


async def read_news(
    connection: AsyncConnection, *, with_texts: bool
) -> tuple[list[NewsItem], datetime | None, list[float]]:
    """What nobody was told of yet, oldest first; since when; and when messages left before."""
    query = (
        select(alarms, messages.c.text, conversations.c.peer)
        .outerjoin(incidents, incidents.c.id == alarms.c.incident_id)
        .outerjoin(messages, messages.c.id == incidents.c.message_id)
        .outerjoin(conversations, conversations.c.id == incidents.c.conversation_id)
        .where(_IS_UNTOLD)
        .order_by(alarms.c.id)
        .limit(_TOLD_AT_ONCE)
    )
    news = []
    for row in await connection.execute(query):
        peer = "" if row.peer is None else row.peer if with_texts else masked(row.peer)
        news.append(
            NewsItem(
                id=row.id,
                kind=row.kind,
                reason=", ".join(each for each in (row.reason, peer) if each),
                place=row.place,
                began_at=row.began_at,
                ended_at=row.ended_at,
                is_begin_told=row.begin_told_at is not None,
                text=(row.text or "") if with_texts and row.begin_told_at is None else "",
            )
        )
    sent = (await connection.execute(select(alarm_teller.c.sent))).scalar()
    return news, min((each.since for each in news), default=None), list(sent or ())


class Claim(Struct, frozen=True, kw_only=True):
    """A process wants to be the one that tells."""

    holder: str
    now: datetime
    lease: timedelta


async def claim_telling(connection: AsyncConnection, claims: list[Claim]) -> list[bool]:
    """Work for `bot.storage.writer`: whether each may tell now."""
    results = []
    for each in claims:
        fresh = {"id": 1, "holder": each.holder, "until": each.now, "sent": []}
        await connection.execute(insert_for(connection, alarm_teller).on_conflict_do_nothing(), [fresh])
        is_free = (alarm_teller.c.until <= each.now) | (alarm_teller.c.holder == each.holder)
        taken = await connection.execute(
            update(alarm_teller)
            .where(alarm_teller.c.id == 1, is_free)
            .values(holder=each.holder, until=each.now + each.lease)
        )
        results.append(taken.rowcount == 1)
    return results


class Told(Struct, frozen=True, kw_only=True):
    """A message has left."""

    news: Sequence[NewsItem]
    holder: str
    now: datetime
    #: What is over and was told before that time is forgotten.
    forget_before: datetime


async def note_told(connection: AsyncConnection, told: list[Told]) -> list[None]:
    """Work for `bot.storage.writer`: nobody tells these again."""
    for each in told:
        begun = [item.id for item in each.news if not item.is_begin_told]
        over = [item.id for item in each.news if item.ended_at is not None]
        for column, ids in (("begin_told_at", begun), ("end_told_at", over)):
            if ids:
                statement = update(alarms).where(alarms.c.id.in_(ids)).values({column: each.now})
                await connection.execute(statement)
        sent = (await connection.execute(select(alarm_teller.c.sent))).scalar() or []
        kept = [*of_the_hour(sent, each.now), each.now.timestamp()]
        await connection.execute(update(alarm_teller).values(sent=kept, until=each.now))
        await connection.execute(delete(alarms).where(alarms.c.end_told_at < each.forget_before))
    return [None] * len(told)
