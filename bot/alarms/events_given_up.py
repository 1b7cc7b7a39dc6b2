"""Events that a receiver of BOT_EVENTS_TO has not taken for so long that they are posted no more."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.alarms.trouble import Trouble
from bot.storage.event_tables import outgoing_events
from bot.storage.readers import Readers
from bot.storage.sql import status_is

#: Counting stops here.
_MOST = 1_000
_EVERY = timedelta(minutes=1)


class EventsGivenUp:
    """A trouble for each receiver, until its events are sent again; looks once a minute.

    What a receiver was to hear that is named no more can't be sent, so it is nobody's trouble.
    """

    def __init__(self, readers: Readers, receivers: Collection[str]) -> None:
        """`receivers`: the addresses in BOT_EVENTS_TO, without their queries."""
        self._readers = readers
        self._receivers = sorted(receivers)
        self._looked: datetime | None = None
        self._found: Sequence[Trouble] = ()

    async def look(self, now: datetime) -> Sequence[Trouble]:
        """The receivers with events that were given up; raises `bot.storage.database.DATABASE_ERRORS`."""
        if self._looked is None or abs(now - self._looked) >= _EVERY:
            async with self._readers.asking() as connection:
                counts = {each: await _count(connection, each) for each in self._receivers}
            self._found = [_trouble(receiver, count) for receiver, count in counts.items() if count]
            self._looked = now
        return self._found


async def _count(connection: AsyncConnection, receiver: str) -> int:
    some = (
        select(outgoing_events.c.id)
        .where(status_is("failed", outgoing_events.c.status), outgoing_events.c.receiver == receiver)
        .limit(_MOST + 1)
        .subquery()
    )
    return int((await connection.execute(select(func.count()).select_from(some))).scalar_one())


def _trouble(receiver: str, count: int) -> Trouble:
    return Trouble(
        key=f"events-out:{receiver}"[:200],
        kind="events-out",
        reason=f"{receiver}: {count:,}" if count <= _MOST else f"{receiver}: more than {_MOST:,}",
        place="/console/events",
    )
