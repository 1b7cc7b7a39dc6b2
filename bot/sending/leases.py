"""Leases: a message that is being sent belongs to one process, and to one try of it, for a while.

Nobody else claims it while the lease lives: until its time is over, or until its holder is known to be dead. So two
healthy processes never send the same message, and what a killed one was sending is taken over at once.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from uuid import UUID, uuid4

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.database_errors import DATABASE_ERRORS, cause_of
from bot.storage.readers import LockSessions

#: Longer than a call can take (`bot.wire.acs` has its timeouts), and short enough that a process of which nobody knows
#: that it is dead leaves its successor most of the time in which ACS knows a repeat from a new message.
LEASE = timedelta(seconds=45)
#: Seconds between looks whether the session that shows that we live is still there.
_LOOK_EVERY = 5.0

log = structlog.get_logger(__name__)


class Holder:
    """This process as the only sender on its database: every other holder of a lease is dead.

    That is so with SQLite, whose file belongs to one process (`bot.storage.database.Database.claim`): a restart waits
    for no lease.
    """

    def __init__(self) -> None:
        #: Another one for each run: a process is not its predecessor.
        self.id = str(uuid4())

    def start(self) -> None:
        """Begin to be seen alive."""

    async def stop(self) -> None:
        """Be alive no more; what is leased still may be taken by others."""

    async def is_seen(self) -> None:
        """Wait until others can see that we live: a lease that is taken before would count for nothing."""

    async def living(self, connection: AsyncConnection, holders: Collection[str]) -> set[str]:  # noqa: ARG002 - none
        """Which of these other holders are not known to be dead."""
        return set()


class HolderAmongMany(Holder):
    """This process, as one of several on a PostgreSQL.

    It holds an advisory lock in a session of its own. PostgreSQL ends a session, and gives its locks free, as soon as
    the process at the other end is gone. While it is cut off from the database others may think it dead: they then
    repeat its calls with the same repeatability pairs.
    """

    def __init__(self, database: LockSessions) -> None:
        super().__init__()
        self._database = database
        self._seen = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Hold the lock from now on. May be called again."""
        if self._task is None:
            self._task = asyncio.create_task(self._hold(), name="holder of leases")

    async def stop(self) -> None:
        """Give the lock free."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def is_seen(self) -> None:
        """Wait for the lock; not for a database that can't give it."""
        self.start()
        await self._seen.wait()

    async def living(self, connection: AsyncConnection, holders: Collection[str]) -> set[str]:
        """Those whose lock can't be had."""
        return {holder for holder in holders if not await _is_free(connection, holder)}

    async def _hold(self) -> None:
        is_well = True
        while True:
            try:
                async with self._database.session() as connection:
                    await connection.execute(select(func.pg_advisory_lock(_key_of(self.id))))
                    is_well = True
                    self._seen.set()
                    while True:
                        await asyncio.sleep(_LOOK_EVERY)
                        await connection.execute(select(1))
            except DATABASE_ERRORS as error:
                if is_well:
                    log.warning(
                        "Other processes can't see that this one lives",
                        action="lease_lock_lost",
                        cause=cause_of(error),
                    )
                is_well = False
            self._seen.set()
            await asyncio.sleep(1.0)


def holder_on(database: LockSessions) -> Holder:
    """This process as a holder of leases in this database."""
    return Holder() if database.is_sqlite else HolderAmongMany(database)


def _key_of(holder: str) -> int:
    return UUID(holder).int & (2**63 - 1)


async def _is_free(connection: AsyncConnection, holder: str) -> bool:
    # Shared, so that two who look at the same time don't take each other for the holder.
    query = select(func.pg_try_advisory_xact_lock_shared(_key_of(holder)))
    return bool((await connection.execute(query)).scalar())
