"""Cuts SQLite's write-ahead log, which grows while a long read runs, so that the disk space is free again."""

import asyncio
from contextlib import suppress

from bot.storage.database import DATABASE_ERRORS, Database
from bot.supervisor import Supervisor

#: Seconds between looks at the log's size.
_LOOK_EVERY = 5.0


class LogCutter:
    """Looks at the log now and then. On PostgreSQL there is nothing to do."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Begin to look."""
        if self._database.is_sqlite:
            self._task = supervisor.watch("log", self._run)

    async def stop(self) -> None:
        """Look no more; the last connection that closes leaves no log behind."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            with suppress(*DATABASE_ERRORS):  # it is tried again; reads and writes log an outage
                await self._database.cut_log()
