"""Keeps SQLite's write-ahead log short, beside the writer: no COMMIT has to move it, and the disk space is free again.

SQLite itself moves 64 MiB of the log within a COMMIT, which holds everybody up for 30 to 180 ms: thousands of pages are
copied into the database's file, and that is synced (`benchmarks/purge_hold.py`).
"""

import asyncio
from contextlib import suppress

from bot.storage.database import DATABASE_ERRORS, Database
from bot.storage.sqlite_engine import LOG_PAGES
from bot.supervisor import Supervisor

#: Seconds between looks at the log's size.
_LOOK_EVERY = 5.0
#: Pages of a log that is worth beginning anew.
_LONG = LOG_PAGES // 4
#: A move goes on so often with what was written during the one before: each time less, at last a commit or two.
_ROUNDS = 3
#: How often the last pages are tried to be moved, and the seconds between: another process may be writing, or reading.
_TRIES, _PAUSE = 5, 0.003


class LogCutter:
    """Moves the log to the database's file after each few thousand pages, and cuts it now and then.

    On PostgreSQL there is nothing to do.
    """

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

    async def move(self) -> None:
        """Move what is in the log; a long one is begun anew by the next transaction, unless a reader needs it.

        For that all of it has to be moved. The last pages are moved while nobody writes, which takes some milliseconds.
        """
        growth = self._database.log_growth
        rows = growth.begin_move()
        for _ in range(_ROUNDS):
            busy, pages, moved = await self._database.checkpoint(beside=True)
            if busy:
                return
            growth.note_pages(rows, pages)
            rows = 0
            if moved < pages or pages < _LONG:
                return
        for _ in range(_TRIES):
            busy, _, _ = await self._database.checkpoint("RESTART")
            if not busy:
                return
            await asyncio.sleep(_PAUSE)

    async def _run(self) -> None:
        clock, is_much = asyncio.get_running_loop().time, self._database.log_growth.is_much
        cut_at = clock() + _LOOK_EVERY
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(cut_at):
                    await is_much.wait()
            with suppress(*DATABASE_ERRORS):  # it is tried again; reads and writes log an outage
                if is_much.is_set():
                    await self.move()
                if clock() >= cut_at:
                    cut_at = clock() + _LOOK_EVERY
                    await self._database.cut_log()
