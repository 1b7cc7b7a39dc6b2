"""Events that a receiver of BOT_EVENTS_TO has not taken for so long that they are posted no more."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from bot.alarms.trouble import Trouble
from bot.storage.event_tables import outgoing_events
from bot.storage.readers import Readers
from bot.storage.sql import status_is

#: Counting stops here.
_MOST = 1_000


class EventsGivenUp:
    """A trouble for each receiver, until its events are sent again."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def look(self, now: datetime) -> Sequence[Trouble]:  # noqa: ARG002 - what is given up stays so
        """The receivers with events that were given up; raises `bot.storage.database.DATABASE_ERRORS`."""
        query = (
            select(outgoing_events.c.receiver)
            .where(status_is("failed", outgoing_events.c.status))
            .limit(_MOST + 1)
        )
        async with self._readers.asking() as connection:
            counts = Counter((await connection.execute(query)).scalars())
        return [
            Trouble(
                key=f"events-out:{receiver}"[:200],
                kind="events-out",
                reason=f"{receiver}: {count:,}" if count <= _MOST else f"{receiver}: more than {_MOST:,}",
                place="/console/events",
            )
            for receiver, count in sorted(counts.items())
        ]
