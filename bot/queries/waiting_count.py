"""Who waits for a person: how many, and since when the newest of them."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.handovers import is_urgent
from bot.storage.tables import conversations

#: Conversations that are named, and characters of an id that tell it from others: each open page hears of them.
_MOST_NAMED = 100
_TELLING_END = 12


class WaitingCount(Struct, frozen=True, kw_only=True):
    """The conversations that were handed over and whose peer waits for a person's word; the snoozed ones aside."""

    count: int = 0
    #: Of these, those that were handed over urgently.
    urgent: int = 0
    #: Since when the one waits that began last.
    newest: datetime | None = None
    #: The ends of their ids: who is among them and was not before is news, however long they have waited. None: they
    #: are too many to be named, and a page goes by the count and by `newest`.
    who: tuple[str, ...] | None = None


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
    who = None
    if count <= _MOST_NAMED:
        ids = await connection.execute(select(table.id).where(is_waiting()).order_by(table.id))
        who = tuple(each[-_TELLING_END:] for each in ids.scalars())
    return WaitingCount(count=count, urgent=urgent_ones, newest=newest, who=who)
