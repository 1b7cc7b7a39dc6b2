"""Group commit: what many requests want to write goes to disk in as few transactions as there is time for.

One row a commit is 1,270 rows a second on SQLite, 64 rows a commit 50,000. There is no timer: a lone request commits
at once, and whatever arrives while a commit runs shares the next one.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar, cast

import structlog
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.database import Database
from bot.conversation.news import News

#: What a job does: given a transaction and all the items of the same kind that wait, one result for each item.
Work = Callable[[AsyncConnection, list[Any]], Awaitable[list[Any]]]

#: Items in one transaction; bounds both its length and the memory that it takes.
MOST_ITEMS = 2_000
#: Requests in one transaction. While it runs, the event loop reads the requests of the next one: with everybody in
#: the same transaction, loop and database would take turns and each stand still half of the time.
MOST_JOBS = 128
#: Items that may wait; more are turned away at once, so that a flood costs senders a retry and not us the memory.
MOST_WAITING = 50_000
#: Conflicts with another replica before a job is taken to be at fault itself.
MOST_CONFLICTS = 5

#: PostgreSQL error classes that pass: connection, transaction rollback, resources, object in use, shutdown.
_PASSING_CLASSES = ("08", "40", "53", "55", "57", "58")
#: `bot.conversation.bulk` speaks to SQLite's driver itself, whose errors then come without SQLAlchemy's around them.
_PASSING = (OperationalError, InterfaceError, sqlite3.OperationalError, PoolTimeout, OSError, TimeoutError)

Item = TypeVar("Item")
Result = TypeVar("Result")

log = structlog.get_logger(__name__)


class StorageUnavailable(Exception):
    """The database could not take a write for as long as the request could be held."""

    def __init__(self, cause: str) -> None:
        super().__init__(
            f"The database can't store this now ({cause}); nothing was kept. Send it again later."
        )


class _Job:
    """Items that one caller waits for; they are written together or not at all."""

    __slots__ = ("conflicts", "deadline", "done", "items", "work")

    def __init__(self, work: Work, items: Sequence[Any], deadline: float) -> None:
        self.work = work
        self.items = items
        self.deadline = deadline
        self.done: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self.conflicts = 0

    def fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class Writer:
    """The one place of this process that writes to the database."""

    def __init__(self, database: Database, *, hold: float = 20.0) -> None:
        self._database = database
        self._hold = hold
        self._waiting: deque[_Job] = deque()
        self._items_waiting = 0
        self._committed: list[tuple[_Job, list[Any]]] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_writing = False
        #: Tells who listens which conversations each transaction has changed.
        self.news = News()
        #: Why the newest transaction failed, or None when it went well; `/health/ready` shows it.
        self.trouble: str | None = None

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="writer")

    async def stop(self) -> None:
        """Write what waits, then end."""
        if self._task is None:
            return
        while (self._waiting or self._is_writing) and not self._task.done():  # noqa: ASYNC110 - once, at the end of the process
            await asyncio.sleep(0.01)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def let_go(self) -> None:
        """Hold nobody any more: what the next try can't write is refused, so that the process can end."""
        self._hold = 0.0

    async def submit(
        self, work: Callable[[AsyncConnection, list[Item]], Awaitable[list[Result]]], items: Sequence[Item]
    ) -> list[Result]:
        """Have `work` done for `items` and return its results once they are durable.

        Items that other callers submit for the same `work` are handed to it in the same call. Raises
        `StorageUnavailable` when that was not possible within the time that a request is held, and whatever `work`
        raises for these very items.
        """
        if self._items_waiting >= MOST_WAITING:
            raise StorageUnavailable("too much is waiting already")
        job = _Job(work, items, asyncio.get_running_loop().time() + self._hold)
        self._waiting.append(job)
        self._items_waiting += len(items)
        self._wake.set()
        return await job.done

    async def _run(self) -> None:
        pause = 0.05
        while True:
            self._is_writing = False
            await self._wake.wait()
            self._is_writing = True
            await asyncio.sleep(0)  # let the requests that the same turn of the loop has read come along
            group = self._take()
            try:
                await self._commit(group)
            except Exception as error:  # noqa: BLE001 - the writer must outlive whatever a transaction meets
                self._tell()
                # A conflict that stays may be one job's own fault: its neighbours must not pay for it.
                stays = _is_conflict(error) and any(job.conflicts == MOST_CONFLICTS for job in group)
                if _passes(error) and not stays:
                    self._put_back(group, error)
                    await asyncio.sleep(0 if _is_conflict(error) else pause)
                    pause = min(pause * 2, 1.0)
                    continue
                await self._one_by_one(group)
            pause = 0.05

    async def _commit(self, group: list[_Job]) -> None:
        kinds: dict[Work, list[_Job]] = {}
        for job in group:
            kinds.setdefault(job.work, []).append(job)
        finished: list[tuple[_Job, list[Any]]] = []
        with self.news.gathering():
            async with self._database.writing() as connection:
                for work, jobs in kinds.items():
                    results = await work(connection, [item for job in jobs for item in job.items])
                    start = 0
                    for job in jobs:
                        end = start + len(job.items)
                        finished.append((job, results[start:end]))
                        start = end
                # The last group's callers are told only now: answering them and reading what they send next is work
                # for the event loop that goes on while the database commits (10 % more single posts a second).
                self._tell()
        self.trouble = None
        self._committed = finished
        if not self._waiting:
            self._tell()

    def _tell(self) -> None:
        """Give the callers of the last group their results, which are durable."""
        for job, result in self._committed:
            if not job.done.done():
                job.done.set_result(result)
        self._committed = []

    async def _one_by_one(self, group: list[_Job]) -> None:
        """Find the job that no database would take, so that its neighbours do not fail with it."""
        for job in group:
            try:
                await self._commit([job])
            except Exception as error:  # noqa: BLE001 - it goes to whoever waits for this job
                self._tell()
                if _passes(error):
                    self._put_back([job], error)
                else:
                    job.fail(error)

    def _take(self) -> list[_Job]:
        group: list[_Job] = []
        items = 0
        # Half of the requests in hand: while they are written, the event loop answers and reads the other half.
        most = min(MOST_JOBS, (len(self._waiting) + len(self._committed) + 1) // 2)
        while (
            self._waiting
            and len(group) < most
            and (not group or items + len(self._waiting[0].items) <= MOST_ITEMS)
        ):
            job = self._waiting.popleft()
            items += len(job.items)
            group.append(job)
        self._items_waiting -= items
        if not self._waiting:
            self._wake.clear()
        return group

    def _put_back(self, group: list[_Job], error: Exception) -> None:
        """Let a group try again; who waited too long is told so."""
        cause = str(getattr(error, "orig", None) or error)
        if not _is_conflict(error):
            if self.trouble is None:
                log.warning("The database can't be written to; requests are held", cause=cause)
            self.trouble = cause
        now = asyncio.get_running_loop().time()
        for job in reversed(group):
            if _is_conflict(error):
                job.conflicts += 1
            if job.conflicts > MOST_CONFLICTS:
                job.fail(error)
            else:
                self._waiting.appendleft(job)
                self._items_waiting += len(job.items)
        for job in [job for job in self._waiting if self._is_over(job, now)]:
            self._waiting.remove(job)
            self._items_waiting -= len(job.items)
            job.fail(StorageUnavailable(cause))
        if self._waiting:
            self._wake.set()
        else:
            self._wake.clear()

    def _is_over(self, job: _Job, now: float) -> bool:
        """Whether nobody waits for a job any more."""
        return not self._hold or job.deadline <= now or job.done.cancelled()


def _is_conflict(error: Exception) -> bool:
    """Whether a unique constraint found what another transaction had just written."""
    return isinstance(error, IntegrityError | sqlite3.IntegrityError)


def _passes(error: Exception) -> bool:
    """Whether the same transaction may go well a moment later."""
    if isinstance(error, _PASSING) or _is_conflict(error):
        return True
    if isinstance(error, DBAPIError):
        state = cast("str | None", getattr(error.orig, "sqlstate", None)) or ""
        return error.connection_invalidated or state.startswith(_PASSING_CLASSES)
    return False
