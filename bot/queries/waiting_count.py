"""Who waits for a person: how many, and since when the newest of them."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.handovers import is_urgent
from bot.storage.tables import conversations


class WaitingCount(Struct, frozen=True, kw_only=True):
    """The conversations that were handed over and whose peer waits for a person's word; the snoozed ones aside."""

    count: int = 0
    #: Of these, those that were handed over urgently.
    urgent: int = 0
    #: Since when the one waits that began last; a page that has heard of it tells nobody again, unless more wait now.
    newest: datetime | None = None


def needs_person() -> ColumnElement[bool]:
    """The peer of a conversation that was handed over waits for a person's word, as a condition."""
    table = conversations.c
    return and_(table.handed_over, table.unanswered_since.is_not(None), ~table.opted_out)


def is_waiting() -> ColumnElement[bool]:
    """The same, and nobody has snoozed it: the one condition of whatever counts or lists who waits."""
    return and_(needs_person(), conversations.c.snoozed_until.is_(None))


async def count_waiting(connection: AsyncConnection) -> WaitingCount:
    """Who waits now."""
    table = conversations.c
    urgent = func.count().filter(is_urgent(table.id))
    query = select(func.count(), urgent, func.max(table.unanswered_since)).where(is_waiting())
    count, urgent_ones, newest = (await connection.execute(query)).one()
    return WaitingCount(count=count, urgent=urgent_ones, newest=newest)
