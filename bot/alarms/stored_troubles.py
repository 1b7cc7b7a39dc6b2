"""Troubles that are seen in what is stored: events that wait for somebody, an old queue, a database that grows."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.alarms.trouble import AlarmLimits, Trouble
from bot.queries.conversations import find_backlog
from bot.queries.database_size import read_size
from bot.storage.readers import Readers
from bot.storage.tables import rejected_events

_EVERY = timedelta(minutes=1)
#: Counting stops here.
_MOST = 1_000
#: Seconds after which a reply should have left.
_OLD = 300.0
#: The pace of growth is that of the last hours; a shorter time says nothing of a week.
_PACE_OF, _LEAST_PACE, _WEEK = timedelta(hours=6), timedelta(minutes=55), timedelta(days=7)
_BETWEEN_SIZES = timedelta(minutes=10)


class StoredTroubles:
    """Looks once a minute."""

    def __init__(self, readers: Readers, limits: AlarmLimits) -> None:
        self._readers = readers
        self._limits = limits
        self._looked: datetime | None = None
        self._sizes: deque[tuple[datetime, int]] = deque()
        self._found: Sequence[Trouble] = ()

    async def look(self, now: datetime) -> Sequence[Trouble]:
        """What is wrong; raises `bot.storage.database.DATABASE_ERRORS`."""
        if self._looked is None or abs(now - self._looked) >= _EVERY:
            async with self._readers.asking() as connection:
                found = [await _rejected(connection), await _old_queue(connection)]
                found.append(self._growth(await read_size(connection), now))
            self._found = [each for each in found if each is not None]
            self._looked = now
        return self._found

    def _growth(self, size: int, now: datetime) -> Trouble | None:
        while len(self._sizes) > 1 and self._sizes[1][0] <= now - _PACE_OF:
            self._sizes.popleft()
        if not self._sizes or now - self._sizes[-1][0] >= _BETWEEN_SIZES:
            self._sizes.append((now, size))
        since, before = self._sizes[0]
        took, largest = now - since, self._limits.largest_database
        if took < _LEAST_PACE or size + (size - before) * (_WEEK / took) <= largest:
            return None
        reason = (
            f"{size / 1e9:.1f} GB now, and more than {largest / 1e9:.0f} GB in a week: see BOT_KEEP_MESSAGES"
        )
        return Trouble(key="database-grows", kind="database-grows", reason=reason)


async def _rejected(connection: AsyncConnection) -> Trouble | None:
    some = select(rejected_events.c.id).limit(_MOST + 1).subquery()
    count = (await connection.execute(select(func.count()).select_from(some))).scalar_one()
    if not count:
        return None
    said = f"{count:,}" if count <= _MOST else f"more than {_MOST:,}"
    return Trouble(key="rejected", kind="rejected", reason=said, place="/console/rejected")


async def _old_queue(connection: AsyncConnection) -> Trouble | None:
    backlog = await find_backlog(connection)
    if backlog.oldest_seconds <= _OLD:
        return None
    reason = f"{backlog.queued:,} replies wait, the oldest for {backlog.oldest_seconds / 60:,.0f} min"
    return Trouble(key="queue-old", kind="queue-old", reason=reason)
