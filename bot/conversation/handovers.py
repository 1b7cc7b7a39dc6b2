"""Conversations that are with people: to whom each was handed over, who wrote first, until when."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.rulebook.handed_over import HandedOver
from bot.storage.handover_tables import handovers
from bot.storage.sql import insert_for

#: Who ended what went back by itself.
BOT = "bot"
#: Stands for every language that has no texts of its own.
_ANY = ""


class HandoverRow(NamedTuple):
    """A handover to insert, if none of its conversation is open."""

    id: str
    conversation_id: str
    rule: str | None
    by: str | None
    handed_to: str | None
    is_urgent: bool
    began_at: datetime
    back_after: int | None
    back_at: datetime | None
    back_texts: Sequence[str] | Mapping[str, Sequence[str]] | None


class HandoverView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An open handover, as pages and the API show it."""

    since: datetime
    #: A team or a person.
    to: str | None = None
    urgent: bool = False
    rule: str | None = None
    by: str | None = None
    #: When the bot goes on, unless a person writes.
    back_at: datetime | None = None


def handover_row(
    conversation_id: str, now: datetime, *, rule: str | None = None, by: str | None = None,
    given: HandedOver | None = None,
) -> HandoverRow:  # fmt: skip
    """The row of a handover that begins now, by a rule or by a person."""
    given = given or HandedOver()
    seconds = None if given.back_after is None else int(given.back_after)
    texts = {_ANY: given.texts, **given.by_language} if given.by_language else given.texts
    return HandoverRow(
        str(uuid7()), conversation_id, rule, by, given.to, given.urgent, now, seconds,
        None if seconds is None else now + timedelta(seconds=seconds), texts or None,
    )  # fmt: skip


async def begin_handovers(connection: AsyncConnection, rows: Collection[HandoverRow]) -> None:
    """Write them; of a conversation that has an open one, that stays."""
    statement = insert_for(connection, handovers).on_conflict_do_nothing(
        index_elements=["conversation_id"], index_where=handovers.c.ended_at.is_(None)
    )
    await connection.execute(statement, [row._asdict() for row in rows])


async def note_answer(
    connection: AsyncConnection, conversation_id: str, *, by: str, person_id: str | None, now: datetime
) -> None:
    """A person has written: the first is kept, and the time until it goes back begins anew."""
    row = (await connection.execute(select(handovers).where(*_is_open_in(conversation_id)))).first()
    if row is None:
        return
    changes: dict[str, Any] = {}
    if row.answered_at is None:
        changes |= {"answered_at": now, "answered_by": by, "answered_by_id": person_id}
    if row.back_after is not None:
        changes["back_at"] = now + timedelta(seconds=row.back_after)
    if changes:
        await connection.execute(update(handovers).where(handovers.c.id == row.id).values(changes))


async def pass_on(
    connection: AsyncConnection, conversation_id: str, given: HandedOver, *, by: str, now: datetime
) -> None:
    """Hand a conversation that is with people to others, or for another time; what is said after it stays."""
    row = handover_row(conversation_id, now, by=by, given=given)
    kept = {name: getattr(row, name) for name in ("handed_to", "is_urgent", "back_after", "back_at")}
    if row.back_texts is not None:
        kept["back_texts"] = row.back_texts
    await connection.execute(update(handovers).where(*_is_open_in(conversation_id)).values(kept))


async def end_handover(connection: AsyncConnection, conversation_id: str, *, by: str, now: datetime) -> None:
    """The bot goes on."""
    ended = update(handovers).where(*_is_open_in(conversation_id))
    await connection.execute(ended.values(ended_at=now, ended_by=by))


async def reopen_handover(
    connection: AsyncConnection, conversation_id: str, *, ended_at: datetime, by: str
) -> None:
    """That it ended is taken back, unless another one has begun since."""
    table = handovers.c
    other = handovers.alias("other")
    is_open = exists().where(other.c.conversation_id == table.conversation_id, other.c.ended_at.is_(None))
    the_one = (table.conversation_id == conversation_id, table.ended_at == ended_at, table.ended_by == by)
    reopened = update(handovers).where(*the_one, ~is_open)
    await connection.execute(reopened.values(ended_at=None, ended_by=None))


async def open_handovers(
    connection: AsyncConnection, conversation_ids: Collection[str]
) -> dict[str, HandoverView]:
    """The open handover of each of these conversations that has one."""
    if not conversation_ids:
        return {}
    query = select(handovers).where(
        handovers.c.conversation_id.in_(conversation_ids), handovers.c.ended_at.is_(None)
    )
    return {
        row.conversation_id: HandoverView(
            since=row.began_at,
            to=row.handed_to,
            urgent=row.is_urgent,
            rule=row.rule,
            by=row.by,
            back_at=row.back_at,
        )
        for row in await connection.execute(query)
    }


def is_urgent(conversation_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a conversation was handed over urgently, as a condition."""
    return conversation_id.in_(
        select(handovers.c.conversation_id).where(handovers.c.ended_at.is_(None), handovers.c.is_urgent)
    )


async def next_back(connection: AsyncConnection) -> datetime | None:
    """When the next conversation goes back by itself."""
    query = select(func.min(handovers.c.back_at)).where(
        handovers.c.ended_at.is_(None), handovers.c.back_at.is_not(None)
    )
    found: datetime | None = (await connection.execute(query)).scalar()
    return found


def _is_open_in(conversation_id: str) -> tuple[ColumnElement[bool], ...]:
    return (handovers.c.conversation_id == conversation_id, handovers.c.ended_at.is_(None))
