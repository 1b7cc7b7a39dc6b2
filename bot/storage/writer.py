"""Group commit: what many requests want to write goes to disk in as few transactions as there is time for.

One row a commit is 1,270 rows a second on SQLite, 64 rows a commit 50,000. There is no timer: a lone request commits
at once, and whatever arrives while a commit runs shares the next one.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.outage import Outage
from bot.storage.commits import CommitNotifier
from bot.storage.database import Database
from bot.storage.database_errors import CommitInDoubt, DatabaseUnavailable, is_conflict
from bot.supervisor import Supervisor

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

#: Seconds between tries while the database can't be written: the first pause, and the longest.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0

Item = TypeVar("Item")
Result = TypeVar("Result")

log = structlog.get_logger(__name__)


class StorageUnavailable(Exception):
    """The database could not take a write for as long as the request could be held."""

    def __init__(self, cause: str) -> None:
        super().__init__(
            f"The database can't store this now ({cause}); nothing was kept. Send it again later."
        )


class _Undone(Exception):
    """Rolls a transaction back that has shown that it would have gone well."""


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
    """The one place of this process that writes to the database.

    While the database is in trouble what waits is tried again and again, one job at a time, and refused when it was
    held for `hold` seconds. A kind of work that has not failed goes before one that has: a right that was revoked on
    one table stops no other.

    The trouble is over when every kind that failed has gone well. When nothing waits, what was
    refused last is tried and rolled back: nobody sends events to a bot whose health is bad.
    """

    def __init__(self, database: Database, *, hold: float = 20.0) -> None:
        self._database = database
        self._hold = hold
        self._waiting: deque[_Job] = deque()
        self._items_waiting = 0
        self._committed: list[tuple[_Job, list[Any]]] = []
        self._group: list[_Job] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_writing = False
        #: Kinds of work that failed for a trouble of the database, the one that did so last at the end, and with what.
        self._failing: dict[Work, Sequence[Any]] = {}
        self._failed_at = 0.0
        self._pause = FIRST_PAUSE
        self._outage = Outage(
            "The database can't be written to; requests are held",
            "The database can be written to again",
            name="database_unwritable",
        )
        #: Tells who listens which conversations each transaction has changed.
        self.news = CommitNotifier()

    @property
    def trouble(self) -> str | None:
        """Why transactions fail, or None when they go well; `/health/ready` shows it."""
        return self._outage.cause

    def start(self, supervisor: Supervisor | None = None) -> None:
        """Begin to write."""
        self._task = (supervisor or Supervisor()).watch("writer", self._run)

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
        if job.work not in self._failing:  # else it has its turn when it is time
            self._wake.set()
        return await job.done

    async def _run(self) -> None:
        for job in self._group:  # an earlier run ended in the midst of them
            job.fail(StorageUnavailable("the writer had to be started again"))
        while True:
            self._group = []
            self._is_writing = False
            await self._wait()
            self._is_writing = True
            await asyncio.sleep(0)  # let the requests that the same turn of the loop has read come along
            group = self._group = self._take()
            if not group:
                await self._probe()
                continue
            try:
                await self._commit(group)
            except CommitInDoubt as error:
                # Tried again it might be done twice: Event Grid's events are known when they come again.
                self._tell()
                self._fail(group, error)
                for job in group:
                    job.fail(StorageUnavailable(str(error)))
            except DatabaseUnavailable as error:
                self._tell()
                self._fail(group, error)
                self._put_back(group)
            except Exception as error:  # noqa: BLE001 - the writer must outlive whatever a transaction meets
                self._tell()
                # A conflict that stays may be one job's own fault: its neighbours must not pay for it.
                if is_conflict(error) and all(job.conflicts < MOST_CONFLICTS for job in group):
                    for job in group:
                        job.conflicts += 1
                    self._put_back(group)
                else:
                    await self._one_by_one(group)

    async def _wait(self) -> None:
        """Until there is something to write, or, in a trouble, it is time to try again."""
        if not self._failing:
            await self._wake.wait()
            return
        now = asyncio.get_running_loop().time()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._failed_at + self._pause - now)):
                await self._wake.wait()
        self._refuse_late()

    async def _probe(self) -> None:
        """Nothing waits that could show whether the trouble is over."""
        if not self._failing or self._waiting or not self._is_due():
            return
        try:
            for work, items in self._failing.items():
                with suppress(_Undone):
                    async with self._database.writing() as connection:
                        await work(connection, list(items))
                        raise _Undone
            await self._database.probe()
        except DatabaseUnavailable as error:
            self._fail([], error)
        except Exception:  # noqa: BLE001 - the database takes such work, and would not take these very items
            self._end_trouble()
        else:
            self._end_trouble()

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
        if self._failing:
            for work in kinds:
                self._failing.pop(work, None)
            if not self._failing:
                self._end_trouble()
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
            except CommitInDoubt as error:
                self._tell()
                self._fail([job], error)
                job.fail(StorageUnavailable(str(error)))
            except DatabaseUnavailable as error:
                self._tell()
                self._fail([job], error)
                self._put_back([job])
            except Exception as error:  # noqa: BLE001 - it goes to whoever waits for this job
                self._tell()
                if is_conflict(error) and job.conflicts < MOST_CONFLICTS:
                    job.conflicts += 1
                    self._put_back([job])
                else:
                    job.fail(error)

    def _take(self) -> list[_Job]:
        if self._failing:
            return self._take_one()
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

    def _take_one(self) -> list[_Job]:
        """In a trouble: a job of a kind that has not failed, or, when it is time, of the one that did longest ago."""
        job = next((job for job in self._waiting if job.work not in self._failing), None)
        if job is None:
            self._wake.clear()
        if job is None and self._waiting and self._is_due():
            kinds = list(self._failing)
            job = min(self._waiting, key=lambda job: kinds.index(job.work))
        if job is None:
            return []
        self._waiting.remove(job)
        self._items_waiting -= len(job.items)
        return [job]

    def _is_due(self) -> bool:
        return asyncio.get_running_loop().time() >= self._failed_at + self._pause

    def _fail(self, group: list[_Job], error: DatabaseUnavailable) -> None:
        """The database is in trouble, for these at least."""
        self._pause = min(self._pause * 2, LONGEST_PAUSE) if self._failing else FIRST_PAUSE
        for job in group:
            self._failing.pop(job.work, None)
            self._failing[job.work] = job.items
        self._failed_at = asyncio.get_running_loop().time()
        self._outage.fail(str(error))

    def _end_trouble(self) -> None:
        self._failing.clear()
        self._outage.succeed()
        if self._waiting:
            self._wake.set()

    def _put_back(self, group: list[_Job]) -> None:
        """Let a group try again; in a trouble behind all others, so that each has its turn."""
        for job in group if self._failing else reversed(group):
            if self._failing:
                self._waiting.append(job)
            else:
                self._waiting.appendleft(job)
            self._items_waiting += len(job.items)
        self._refuse_late()
        if self._waiting and not self._failing:
            self._wake.set()

    def _refuse_late(self) -> None:
        """Who waited too long for the end of a trouble is told so."""
        if self.trouble is None:
            return
        now = asyncio.get_running_loop().time()
        for job in [job for job in self._waiting if self._is_over(job, now)]:
            self._waiting.remove(job)
            self._items_waiting -= len(job.items)
            job.fail(StorageUnavailable(self.trouble))

    def _is_over(self, job: _Job, now: float) -> bool:
        """Whether nobody waits for a job any more."""
        return not self._hold or job.deadline <= now or job.done.cancelled()
