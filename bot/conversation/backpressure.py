"""How many replies wait to be sent, and when so many do that no new message is taken: Event Grid keeps it for us.

This process adds what it queues to what the database held when it was last asked, which is more than there is, as what
was sent meanwhile still counts. So the database is asked again every few seconds, and before a message is turned away
unless it was asked in the last half second.
"""

import asyncio

import structlog
from sqlalchemy import func, select

from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.readers import Readers
from bot.storage.sql import status_is
from bot.storage.tables import messages
from bot.storage.writer import StorageUnavailable

#: Seconds after which the database is asked again: other replicas queue replies too, and ours are sent.
ASK_EVERY = 5.0
#: The same while the queue seems full. Counting 100,000 queued replies took 12 to 38 ms on SQLite and 100 to 140 ms on
#: PostgreSQL, on two busy cores.
ASK_WHILE_FULL = 0.5

log = structlog.get_logger(__name__)


class QueueFull(StorageUnavailable):
    """So many replies wait to be sent that no new message is taken."""

    def __init__(self, queued: int, limit: int) -> None:
        Exception.__init__(
            self,
            f"{queued:,} replies wait to be sent, and BOT_QUEUE_LIMIT is {limit:,}: no message is taken until there are"
            " fewer. Send it again later.",
        )


class QueueLimit:
    """Knows when the queue is full."""

    def __init__(self, readers: Readers, limit: int) -> None:
        self._readers = readers
        self.limit = limit
        #: What waits, or a little more.
        self.queued = 0
        #: Requests turned away since the start.
        self.turned_away = 0
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether, as far as is known, new messages are turned away."""
        return self.queued >= self.limit

    def add(self, count: int) -> None:
        """So many replies more are queued."""
        self.queued += count

    async def check(self) -> None:
        """Raise `QueueFull` when no new message is to be taken; costs nothing while the queue is far from full."""
        since = asyncio.get_running_loop().time() - self._asked_at
        if not self.is_full:
            if since > ASK_EVERY and self._asking is None:
                self._asking = asyncio.create_task(self._ask(), name="queue limit")
            return
        await self.refresh()
        if self.is_full:
            if not self.turned_away:
                log.error(
                    "The queue is full: messages are turned away, and Event Grid brings them again",
                    action="queue_full",
                    queued=self.queued,
                    limit=self.limit,
                )
            self.turned_away += 1
            raise QueueFull(self.queued, self.limit)

    async def refresh(self) -> None:
        """Ask the database, unless that was done just now."""
        if self._asking is None:
            if asyncio.get_running_loop().time() - self._asked_at < ASK_WHILE_FULL:
                return
            self._asking = asyncio.create_task(self._ask(), name="queue limit")
        await asyncio.shield(self._asking)

    async def stop(self) -> None:
        """Let a question that is under way end."""
        if self._asking is not None:
            await self._asking

    async def _ask(self) -> None:
        before = self.queued
        query = select(func.count()).select_from(messages).where(status_is("queued"))
        try:
            async with self._readers.reading() as connection:
                queued = (await connection.execute(query)).scalar_one()
            # What was queued while the database counted may be counted twice, never not at all.
            self.queued = queued + (self.queued - before)
        except DATABASE_ERRORS:  # the database says so itself; what was counted before holds
            pass
        finally:
            self._asked_at = asyncio.get_running_loop().time()
            self._asking = None
