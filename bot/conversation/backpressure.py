"""Back-pressure: no message is taken while BOT_QUEUE_LIMIT replies are queued; Event Grid delivers it again later.

The count is what the database held when it was last asked, and what this process has queued since. That is too much, as
what was sent meanwhile still counts: so the database is asked again every few seconds, and before a message is turned
away unless it was asked in the last half second. It is asked over the connection that health looks over: neither an
event nor health waits for pages and exports that are read.
"""

import asyncio
from time import monotonic

import structlog
from msgspec import Struct
from sqlalchemy import func, select

from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.readers import Lookers
from bot.storage.sql import status_is
from bot.storage.tables import messages
from bot.storage.writer import StorageUnavailable

#: Seconds that the database may take to answer: one that says nothing any more must not keep health waiting.
_LONGEST = 10.0
#: The same once the process is to end.
_LAST = 1.0

log = structlog.get_logger(__name__)


class QueueFull(StorageUnavailable):
    """BOT_QUEUE_LIMIT replies wait to be sent, so no message is taken."""

    def __init__(self, queued: int, limit: int) -> None:
        Exception.__init__(
            self,
            f"{queued:,} replies wait to be sent, and BOT_QUEUE_LIMIT is {limit:,}: no message is taken until there are"
            " fewer. Send it again later.",
        )


class QueuePauses(Struct, frozen=True, kw_only=True):
    """Seconds after which the database is asked again: other replicas queue replies too, and replies are sent."""

    usual: float = 5.0
    #: While the queue seems full. Counting 100,000 queued replies took 12 to 38 ms on SQLite and 100 to 140 ms on
    #: PostgreSQL, on two busy cores.
    while_full: float = 0.5


USUAL_PAUSES = QueuePauses()


class QueueLimit:
    """Knows when the queue is full."""

    def __init__(self, lookers: Lookers, limit: int, pauses: QueuePauses = USUAL_PAUSES) -> None:
        self._pauses = pauses
        self._lookers = lookers
        self.limit = limit
        #: What waits, or a little more.
        self.queued = 0
        #: Requests turned away since the start.
        self.turned_away = 0
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        #: Whether some of the last count may have been counted twice.
        self._is_rough = False

    @property
    def is_full(self) -> bool:
        """Whether, as far as is known, new messages are turned away."""
        return self.queued >= self.limit

    def add(self, count: int) -> None:
        """Count replies that were queued just now."""
        self.queued += count

    def looks_full(self) -> bool:
        """Whether `check` is to be awaited; costs nothing while the queue is far from full."""
        if self.queued >= self.limit:
            return True
        if self._asking is None and monotonic() - self._asked_at > self._pauses.usual:
            self._asking = asyncio.create_task(self._ask(), name="queue limit")
        return False

    async def check(self) -> None:
        """Raise `QueueFull` when no new message is to be taken."""
        if not self.looks_full():
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
        if self._asking is not None:
            await asyncio.shield(self._asking)
            if not (self.is_full and self._is_rough):
                return
        elif monotonic() - self._asked_at < self._pauses.while_full:
            return
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(), name="queue limit")
        await asyncio.shield(self._asking)

    async def stop(self) -> None:
        """Let a question that is under way end; not a database that says nothing hold up the end."""
        if (asking := self._asking) is not None:
            await asyncio.wait([asking], timeout=_LAST)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _ask(self) -> None:
        before = self.queued
        query = select(func.count()).select_from(messages).where(status_is("queued"))
        try:
            async with asyncio.timeout(_LONGEST), self._lookers.looking() as connection:
                queued = (await connection.execute(query)).scalar_one()
            # What was queued while the database counted may be counted twice, never not at all.
            added = self.queued - before
            self.queued, self._is_rough = queued + added, added > 0
        except DATABASE_ERRORS:  # the database logs it; the last count holds
            pass
        finally:
            self._asked_at = monotonic()
            self._asking = None
