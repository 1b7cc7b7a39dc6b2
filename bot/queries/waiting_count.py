"""Who waits for a person: how many, and since when the newest of them."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.handovers import is_urgent
from bot.storage.tables import conversations


class WaitingCount(Struct, frozen=True, kw_only=True):
    """The conversations that were handed over and whose peer waits for a person's word."""

    count: int = 0
    #: Of these, those that were handed over urgently.
    urgent: int = 0
    #: Since when the one waits that began last; a page that has heard of it tells nobody again.
    newest: datetime | None = None


async def count_waiting(connection: AsyncConnection) -> WaitingCount:
    """Who waits now."""
    table = conversations.c
    urgent = func.count().filter(is_urgent(table.id))
    query = select(func.count(), urgent, func.max(table.unanswered_since)).where(
        table.handed_over, table.unanswered_since.is_not(None), ~table.opted_out
    )
    count, urgent_ones, newest = (await connection.execute(query)).one()
    return WaitingCount(count=count, urgent=urgent_ones, newest=newest)
