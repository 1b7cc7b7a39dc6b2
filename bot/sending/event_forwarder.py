"""Posts the events of a receiver, and tries again what did not go through.

Each receiver of BOT_EVENTS_TO has a forwarder and a poster of its own, so that none waits for another.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import TRUSTED, Clock, ClockTrust, is_set_within, utc_now
from bot.measures import Measures
from bot.sending.backoff import wait_before_try
from bot.sending.event_queue import EventQueue
from bot.sending.limits import USUAL_EVENTS, ForwardingLimits
from bot.sending.post_attempts import Poster, host_of, post_once
from bot.sending.post_queues import NO_PAUSE, Tried, Waiting
from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.duties import Duties
from bot.storage.readers import Readers
from bot.storage.writer import StorageUnavailable, Writer
from bot.supervisor import Supervisor

log = structlog.get_logger(__name__)


class EventForwarder:
    """Posts what is queued for one receiver, and tries again what did not go through."""

    def __init__(
        self,
        readers: Readers,
        writer: Writer,
        poster: Poster,
        queue: EventQueue,
        *,
        name: str,
        limits: ForwardingLimits = USUAL_EVENTS,
        clock: Clock = utc_now,
        measures: Measures | None = None,
        trust: ClockTrust = TRUSTED,
        duties: Duties | None = None,
    ) -> None:
        """`name`: what its background task is called, and its duty; `duties`: what this replica may do.

        `trust`: nothing is given up for its age by a clock that is not trusted.
        """
        self._trust = trust
        self._queue = queue
        self._measures = measures or Measures()
        self._limits = limits
        self._clock = clock
        self._readers = readers
        self._tries = writer.batch(self._queue.record)
        self._recoveries = writer.batch(self._recover)
        self._poster = poster
        self._name = name
        self._wake = asyncio.Event()
        self._duty = (duties or Duties()).duty(name, self._wake.set)
        #: The receiver may have come back since this replica last posted.
        self._times_gained = 0
        self._task: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()
        #: Tries that failed since the last one that did not; several say that the receiver is down.
        self.failures = 0
        self._not_before: datetime | None = None

    @property
    def is_down(self) -> bool:
        """Whether the receiver takes nothing: it is asked with one post at a time, ever more seldom."""
        return self.failures >= self._limits.failures

    def start(self, supervisor: Supervisor | None = None) -> None:
        """Take up what an earlier run left queued, and wait for more."""
        self._task = (supervisor or Supervisor()).watch(self._name, self._run)

    async def stop(self, patience: float = 10.0) -> None:
        """Begin no more posts and wait for those that run; what is not recorded by then is posted again later."""
        self._stopped.set()
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=patience)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """Look for what is due, after a commit."""
        self._wake.set()

    async def look(self) -> bool:
        """One pass: post what is due; whether anything was. Raises what the database does."""
        now = self._clock()
        if self._not_before is not None and now < self._not_before <= now + NO_PAUSE:
            return False
        async with self._readers.reading() as connection:
            due = await self._queue.due(connection, now, 1 if self.is_down else self._limits.posts)
        if not due:
            return False
        tries = await asyncio.gather(*(self._try(each) for each in due))
        await self._tries.submit(tries)
        for each in tries:
            self._measures.forwards.add(host_of(each.waiting.url), each.status)
        await self._note(tries)
        return True

    async def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.clear()
            with suppress(*DATABASE_ERRORS, StorageUnavailable):  # each is logged where it is raised
                if self._is_ours() and await self.look():
                    continue
            await self._wait()

    def _is_ours(self) -> bool:
        """Whether this replica is the one that posts the queue; what it knew of the receiver before counts no more."""
        if self._duty.is_ours and self._times_gained != self._duty.times_gained:
            self._times_gained = self._duty.times_gained
            self.failures, self._not_before = 0, None
        return self._duty.is_ours

    async def _wait(self) -> None:
        seconds, event = self._limits.look_again, self._wake
        if self._not_before is not None and self._duty.is_ours:
            left = (self._not_before - self._clock()).total_seconds()
            if left > 0:  # what comes meanwhile is no reason to ask a receiver that is down
                seconds, event = min(left, seconds), self._stopped
        await is_set_within(event, seconds)

    async def _try(self, waiting: Waiting) -> Tried:
        _, tried = await post_once(
            self._poster,
            waiting,
            rows=self._queue,
            limits=self._limits,
            clock=self._clock,
            trust=self._trust,
        )
        return tried

    async def _note(self, tries: Sequence[Tried]) -> None:
        """Learn from the tries whether the receiver takes anything."""
        if any(each.error is None for each in tries):
            was_down, self.failures, self._not_before = self.is_down, 0, None
            if was_down:
                await self._recoveries.submit([None])
            return
        self.failures += len(tries)
        if self.is_down:
            more = self.failures - self._limits.failures
            self._not_before = self._clock() + wait_before_try(more + 1, backoff=self._limits.pauses)

    async def _recover(self, connection: AsyncConnection, asked: list[None]) -> list[None]:
        await self._queue.hurry(connection)
        return asked
