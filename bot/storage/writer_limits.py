"""How much a transaction of the writer takes, and how long what can't be written is tried again."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.database_errors import CommitInDoubt


class WriterLimits(Struct, frozen=True, kw_only=True):
    """How much one transaction takes, and how long what can't be written is tried again."""

    #: Items in one transaction; bounds both its length and the memory that it takes.
    items: int = 2_000
    #: Requests in one transaction: all that wait, up to so many. With a quarter of them left for the next one, two
    #: transactions did the work of one, and only their commits overlapped with anything (`benchmarks/HISTORY.md`).
    jobs: int = 128
    #: Beside other replicas, after a transaction of so many jobs: for which part of the time that it took more may come
    #: along, up to so many seconds. Whoever is answered sends again at once, and all that shares a transaction.
    busy_from: int = 4
    gathering: float = 0.5
    longest_gathering: float = 0.005
    #: Items that may wait; more are turned away at once, so that a flood costs its senders a retry and not the bot
    #: its memory.
    waiting: int = 50_000
    #: Conflicts with another replica before a job is taken to be at fault itself.
    conflicts: int = 5
    #: Seconds between tries while the database can't be written: the first pause, doubling up to the longest.
    first_pause: float = 0.05
    longest_pause: float = 1.0
    #: Seconds that a job waits for a row that another transaction holds, after all of its group have waited for one.
    locked: float = 0.5
    #: Seconds of one transaction after which it is looked for requests that it holds for too long, and between looks.
    overdue: float = 1.0
    #: Seconds that a transaction may take: after a failover, or with a cut cable, the other end may say nothing for a
    #: quarter of an hour. Far more than the largest transaction takes on a slow disk.
    patience: float = 60.0
    #: The same once the process ends and nothing is tried again. A service manager gives it 30 seconds in all.
    last_patience: float = 2.0

    def gathering_after(self, took: float, jobs: int) -> float:
        """Seconds for which more may come along, after a transaction of so many jobs that took so many seconds."""
        return min(self.gathering * took, self.longest_gathering) if jobs >= self.busy_from else 0.0


USUAL_LIMITS = WriterLimits()


async def limit_locks(connection: AsyncConnection, seconds: float) -> None:
    """Wait no longer for another one's lock in this transaction; on PostgreSQL, as SQLite has one lock for all."""
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql(f"SET LOCAL lock_timeout = {seconds * 1_000:.0f}")


class Patience:
    """How long each transaction of writers may take; less once the process is to end."""

    def __init__(self, seconds: float | None) -> None:
        """`seconds`: None is without end, and stays so."""
        self._seconds = seconds
        self._running: set[asyncio.Timeout] = set()

    def bound(self) -> AbstractAsyncContextManager[None]:
        """Raises `CommitInDoubt` when the block takes longer."""
        return nullcontext() if self._seconds is None else self._bounded()

    @asynccontextmanager
    async def _bounded(self) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(self._seconds) as running:
                self._running.add(running)
                try:
                    yield
                finally:
                    self._running.discard(running)
        except TimeoutError:
            raise CommitInDoubt("the database does not answer") from None

    def shorten(self, seconds: float) -> None:
        """Let no transaction take longer than so many seconds from now on, those that run included."""
        if self._seconds is None or seconds >= self._seconds:
            return
        self._seconds = seconds
        end = asyncio.get_running_loop().time() + seconds
        for running in self._running:
            if not running.expired():
                running.reschedule(min(end, running.when() or end))
