"""The alarm for delivery reports that stop: messages leave, and nobody says any more what became of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.alarms.trouble import Trouble
from bot.storage.readers import Readers
from bot.storage.sql import status_is
from bot.storage.tables import delivery_reports, messages

_EVERY = timedelta(minutes=1)
#: A report comes within seconds as a rule; so many messages without one, sent so long ago, are no chance.
_USUAL, _FEWEST = timedelta(minutes=15), 10
#: Who has had none for so long does not get any.
_FORGOTTEN = timedelta(days=30)


class ReportsStopped:
    """Looks once a minute."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._looked: datetime | None = None
        self._found: Sequence[Trouble] = ()

    async def look(self, now: datetime) -> Sequence[Trouble]:
        """That reports have stopped, while it is so."""
        if self._looked is None or abs(now - self._looked) >= _EVERY:
            async with self._readers.asking() as connection:
                last = await stopped_since(connection, now)
            self._found = [] if last is None else [_trouble(last)]
            self._looked = now
        return self._found


async def stopped_since(connection: AsyncConnection, now: datetime) -> datetime | None:
    """When the last report came, where messages that were sent after it had none; None where all is as usual."""
    newest = select(delivery_reports.c.arrived_at).order_by(delivery_reports.c.id.desc()).limit(1)
    last: datetime | None = (await connection.execute(newest)).scalar()
    if last is None or last > now - _USUAL or last < now - _FORGOTTEN:
        return None
    unreported = (
        select(messages.c.id)
        .where(status_is("sent"), messages.c.updated_at > last, messages.c.updated_at < now - _USUAL)
        .limit(_FEWEST)
        .subquery()
    )
    count = (await connection.execute(select(func.count()).select_from(unreported))).scalar_one()
    return last if count >= _FEWEST else None


def _trouble(last: datetime) -> Trouble:
    reason = (
        f"the last one came at {last:%Y-%m-%d %H:%M} UTC: see that the subscription has the event type"
        " SMSDeliveryReportReceived"
    )
    return Trouble(key="reports", kind="reports", reason=reason)
