"""Group commit: what many requests want to write goes to disk in as few transactions as there is time for.

One row a commit is 1,270 rows a second on SQLite, 64 rows a commit 50,000. There is no timer: a lone request commits
at once, and whatever arrives while a commit runs shares the next one.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter
from typing import Any

import structlog

from bot.clock import is_set_within
from bot.measures import COMMIT_BOUNDS, Durations
from bot.outage import Outage
from bot.storage.bulk import flush
from bot.storage.commits import CommitNotifier
from bot.storage.database import Database
from bot.storage.database_errors import (
    CommitInDoubt,
    DatabaseUnavailable,
    StorageUnavailable,
    is_broken_connection,
    is_conflict,
    is_lock_timeout,
)  # fmt: skip
from bot.storage.facts import FactRecorder
from bot.storage.write_job import Batch, Item, Result, Work, WriteJob, work_of
from bot.storage.writer_limits import USUAL_LIMITS, Patience, WriterLimits, limit_locks
from bot.supervisor import Supervisor

__all__ = ["Batch", "StorageUnavailable", "Work", "Writer"]

log = structlog.get_logger(__name__)


class _Undone(Exception):
    """Rolls back a transaction that has shown that it would succeed."""


class Writer:
    """Group commit: writes what requests, senders and people submit, as many of them in a transaction as wait.

    Two parts write beside it, in transactions of their own: the traffic counter, which must not slow down events, and
    the start of the service, before anything else runs.

    While the database can't be written, jobs are tried again one at a time, and refused after `hold` seconds. A batch
    that has not failed goes before one that has: a right that was revoked on one table stops no other.

    The trouble is over when every batch that failed has been written. When nothing waits, what was refused last is
    tried and rolled back: nobody sends events to a bot whose health is bad.
    """

    def __init__(
        self,
        database: Database,
        *,
        hold: float = 20.0,
        limits: WriterLimits = USUAL_LIMITS,
        timer: Callable[[], float] = perf_counter,
        outage: Outage | None = None,
    ) -> None:
        """`hold`: seconds for which a request is held while the database can't be written.

        `timer`: what transactions are timed by, in seconds. `outage`: where its trouble is told with another one's.
        """
        self._database = database
        self._timer = timer
        self._limits = limits
        self._hold = hold
        self._patience = Patience(None if database.is_sqlite else limits.patience)
        self._waiting: deque[WriteJob] = deque()
        self._items_waiting = 0
        self._committed: list[tuple[WriteJob, list[Any]]] = []
        self._group: list[WriteJob] = []
        self._wake = asyncio.Event()
        self._watch: asyncio.TimerHandle
        self._task: asyncio.Task[None] | None = None
        self._is_writing = False
        #: Seconds that the last transaction took, and of how many jobs.
        self._last = 0.0, 0
        #: The last try found its connection broken; the next one is over a new one.
        self._is_reconnecting = False
        #: Batches that failed because the database was in trouble, the latest one last, each with its items.
        self._failing: dict[Batch[Any, Any], Sequence[Any]] = {}
        self._failed_at = 0.0
        self._pause = self._limits.first_pause
        self._outage = outage or Outage(
            "The database can't be written to; requests are held",
            "The database can be written to again",
            action="database_unwritable",
        )
        #: Whether other processes write to the same PostgreSQL.
        self.has_company: Callable[[], object] = bool
        #: How long transactions took, from their start to their commit.
        self.commits = Durations(COMMIT_BOUNDS)
        #: Publishes which conversations each transaction has changed.
        self.news = CommitNotifier()
        #: Has what others are to hear of written in the transactions that make it so.
        self.facts = FactRecorder()

    @property
    def trouble(self) -> str | None:
        """Why transactions fail, or None when they succeed; `/health/ready` shows it."""
        return self._outage.cause

    def beside(self, *, is_shown: bool = False) -> "Writer":
        """Another writer, whose commits are published, measured and told with this one's.

        PostgreSQL runs the transactions of both side by side. SQLite takes one at a time: there it is of no use.
        `is_shown`: their `trouble` is one, which begins with the first of both and ends with the last.
        """
        outage = self._outage if is_shown else None
        other = Writer(self._database, hold=self._hold, limits=self._limits, timer=self._timer, outage=outage)
        other.news, other.facts, other.commits = self.news, self.facts, self.commits
        other.has_company, other._patience = self.has_company, self._patience
        return other

    def start(self, supervisor: Supervisor | None = None, name: str = "writer") -> None:
        """Begin to write; `name` is the background task's."""
        self._task = (supervisor or Supervisor()).watch(name, self._run)

    async def stop(self) -> None:
        """Write what waits, then end."""
        if self._task is None:
            return
        while (self._waiting or self._is_writing) and not self._task.done():  # noqa: ASYNC110 - once, at the end of the process
            await asyncio.sleep(0.01)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def hurry(self, seconds: float) -> None:
        """The process is to end: on PostgreSQL no transaction, here or beside, may take longer from now on."""
        self._patience.shorten(seconds)

    def stop_retrying(self) -> None:
        """Refuse pending jobs at the next error, so that the process can end."""
        self.hurry(self._limits.last_patience)
        self._hold = 0.0

    def batch(
        self, work: Work[Item, Result], *, is_repeatable: bool = False, is_joining: bool = False
    ) -> Batch[Item, Result]:
        """A handle to submit items by; what is submitted by one handle shares calls of `work`, so keep it."""
        return Batch(self, work, is_repeatable=is_repeatable, is_joining=is_joining)

    def add(self, batch: Batch[Item, Result], items: Sequence[Item]) -> WriteJob:
        """Add items to those that wait; `Batch.submit` says what becomes of them, and `done` has the results."""
        if self._items_waiting >= self._limits.waiting:
            raise StorageUnavailable("too much is waiting already")
        if not self._hold and (cause := self._outage.cause):
            raise StorageUnavailable(cause)
        job = WriteJob(batch, items, asyncio.get_running_loop().time() + self._hold)
        self._waiting.append(job)
        self._items_waiting += len(items)
        if job.batch not in self._failing:  # else it has its turn when it is time
            self._wake.set()
        return job

    async def _run(self) -> None:
        for job in self._group:  # an earlier run ended in the midst of them
            job.fail(StorageUnavailable("the writer had to be started again"))
        while True:
            self._group = []
            self._is_writing = False
            await self._wait()
            self._is_writing = True
            # Let the requests that the same turn of the loop has read come along, and beside other replicas some more.
            await asyncio.sleep(self._limits.gathering_after(*self._last) if self.has_company() else 0)
            group = self._group = self._take()
            if not group:
                await self._probe()
                continue
            patience = max(self._hold, self._limits.overdue)
            self._watch = asyncio.get_running_loop().call_later(patience, self._refuse_overdue)
            try:
                await self._commit(group, is_joined=True)
            except CommitInDoubt as error:
                # Tried again it might be done twice: Event Grid's events are known when they come again.
                self._answer_callers()
                self._fail(group, error)
                for job in group:
                    job.fail(StorageUnavailable(str(error)))
            except DatabaseUnavailable as error:
                self._answer_callers()
                await self._put_off(group, error)
            except Exception as error:  # noqa: BLE001 - the writer must outlive whatever a transaction meets
                self._answer_callers()
                # A conflict that stays may be one job's own fault: its neighbours must not pay for it.
                if not self._try_again(group, error):
                    await self._one_by_one(group)
            finally:
                self._watch.cancel()

    async def _wait(self) -> None:
        """Until there is something to write, or, in a trouble, it is time to try again."""
        if not self._failing:
            await self._wake.wait()
            return
        now = asyncio.get_running_loop().time()
        await is_set_within(self._wake, max(0.0, self._failed_at + self._pause - now))
        self._refuse_late()

    async def _probe(self) -> None:
        """Nothing waits that could show whether the trouble is over."""
        if not self._failing or self._waiting or not self._is_due():
            return
        try:
            async with self._patience.bound():
                for batch, items in self._failing.items():
                    with suppress(_Undone):
                        async with self._database.writing() as connection:
                            await batch.work(connection, list(items))
                            await flush(connection)
                            raise _Undone
                await self._database.probe()
        except DatabaseUnavailable as error:
            self._fail([], error)
        except Exception:  # noqa: BLE001 - the database takes such work, and would not take these very items
            self._end_trouble()
        else:
            self._end_trouble()

    async def _commit(
        self, group: list[WriteJob], *, is_joined: bool = False, lock_seconds: float = 0
    ) -> None:
        """Do the work of a group and commit it; `is_joined`: with what its own work has had submitted meanwhile.

        `lock_seconds`: for what another transaction holds it waits no longer; 0: as usual.
        """
        began = self._timer()
        with self.news.gathering(), self.facts.gathering() as facts:
            async with self._patience.bound(), self._database.writing() as connection:
                if lock_seconds:
                    await limit_locks(connection, lock_seconds)
                finished = await work_of(connection, group)
                if is_joined:
                    await asyncio.sleep(0)  # whom the work has set going submits now
                    joining = self._take_joining()
                    group += joining
                    finished += await work_of(connection, joining)
                await self.facts.record(connection, facts)
                # The last group's callers are answered only now: answering them and reading what they send next is work
                # for the event loop that goes on while the database commits (10 % more single posts a second).
                self._answer_callers()
        held = self._timer() - began
        self.commits.add(held)
        self._last = held, len(group)
        self._is_reconnecting = False
        for job in group:
            job.held = held
        if self._failing:
            for job in group:
                self._failing.pop(job.batch, None)
            if not self._failing:
                self._end_trouble()
        self._committed = finished
        if not self._waiting:
            self._answer_callers()

    def _answer_callers(self) -> None:
        """Give the callers of the last group their results, which are durable."""
        for job, result in self._committed:
            if not job.done.done():
                job.done.set_result(result)
        self._committed = []

    async def _one_by_one(self, group: list[WriteJob], *, lock_seconds: float = 0) -> None:
        """Find the job that no database would take, or take now, so that its neighbours do not fail with it."""
        for job in group:
            try:
                await self._commit([job], lock_seconds=lock_seconds)
            except CommitInDoubt as error:
                self._answer_callers()
                self._fail([job], error)
                job.fail(StorageUnavailable(str(error)))
            except DatabaseUnavailable as error:
                self._answer_callers()
                await self._put_off([job], error)
            except Exception as error:  # noqa: BLE001 - the caller of this job gets it
                self._answer_callers()
                if not self._try_again([job], error):
                    job.fail(error)

    def _take(self) -> list[WriteJob]:
        if self._failing:
            return self._take_one()
        group, items = list[WriteJob](), 0
        while (
            self._waiting
            and len(group) < self._limits.jobs
            and (not group or items + len(self._waiting[0].items) <= self._limits.items)
        ):
            job = self._waiting.popleft()
            items += len(job.items)
            group.append(job)
        self._items_waiting -= items
        if not self._waiting:
            self._wake.clear()
        return group

    def _take_joining(self) -> list[WriteJob]:
        """What may still come into the transaction that is open."""
        joining = [] if self._failing else [job for job in self._waiting if job.batch.is_joining]
        for job in joining:
            self._waiting.remove(job)
            self._items_waiting -= len(job.items)
        if not self._waiting:
            self._wake.clear()
        return joining

    def _take_one(self) -> list[WriteJob]:
        """In a trouble: a job of a batch that has not failed, or, when due, of the one that failed longest ago."""
        job = next((job for job in self._waiting if job.batch not in self._failing), None)
        if job is None:
            self._wake.clear()
            if not self._waiting or not self._is_due():
                return []
            failing = list(self._failing)
            job = min(self._waiting, key=lambda job: failing.index(job.batch))
        self._waiting.remove(job)
        self._items_waiting -= len(job.items)
        return [job]

    def _is_due(self) -> bool:
        return asyncio.get_running_loop().time() >= self._failed_at + self._pause

    def _fail(self, group: list[WriteJob], error: DatabaseUnavailable) -> None:
        """Note that the database is in trouble, for these jobs at least, unless a connection had ended, and no more."""
        if not (self._failing or self._is_reconnecting) and is_broken_connection(error.__cause__):
            self._is_reconnecting = True
            return
        limits = self._limits
        self._pause = min(self._pause * 2, limits.longest_pause) if self._failing else limits.first_pause
        for job in group:
            self._failing.pop(job.batch, None)
            self._failing[job.batch] = job.items
        self._failed_at = asyncio.get_running_loop().time()
        self._outage.fail(str(error), self)

    async def _put_off(self, group: list[WriteJob], error: DatabaseUnavailable) -> None:
        """Have a group tried again: later, unless another transaction was in the way of one of them, as a rule."""
        if len(group) > 1 and is_lock_timeout(error):
            await self._one_by_one(group, lock_seconds=self._limits.locked)
        elif not self._try_again(group, error):
            self._fail(group, error)
            self._put_back(group)

    def _end_trouble(self) -> None:
        self._failing.clear()
        self._outage.succeed(self)
        if self._waiting:
            self._wake.set()

    def _put_back(self, group: list[WriteJob]) -> None:
        """Let a group try again; in a trouble behind all others, so that each has its turn."""
        if self._failing:
            self._waiting.extend(group)
        else:
            self._waiting.extendleft(reversed(group))
        self._items_waiting += sum(len(job.items) for job in group)
        self._refuse_late()
        if self._waiting and not self._failing:
            self._wake.set()

    def _try_again(self, group: list[WriteJob], error: Exception) -> bool:
        """Put back what another transaction was in the way of, at once, for some times; whether it was."""
        if not is_conflict(error) or any(job.conflicts >= self._limits.conflicts for job in group):
            return False
        for job in group:
            job.conflicts += 1
        self._put_back(group)
        return True

    def _refuse_late(self) -> None:
        """Refuse jobs that were held for too long."""
        if (cause := self._outage.cause) is None:
            return
        now = asyncio.get_running_loop().time()
        over = [job for job in self._waiting if not self._hold or job.deadline <= now or job.done.done()]
        for job in over:
            self._waiting.remove(job)
            self._items_waiting -= len(job.items)
            job.fail(StorageUnavailable(cause))

    def _refuse_overdue(self) -> None:
        """A transaction takes longer than a request is held: refuse what may come again, whatever becomes of it."""
        now = asyncio.get_running_loop().time()
        for job in (*self._group, *self._waiting):
            if job.batch.is_repeatable and job.deadline <= now:
                job.fail(StorageUnavailable("the database does not answer"))
        self._watch = asyncio.get_running_loop().call_later(self._limits.overdue, self._refuse_overdue)
