"""Posts what rules forward, and tries again what did not go through.

Each destination has a share of the posts that run, and so has each host: one that hangs takes no more than that, and
one that does not answer is tried by single posts with growing pauses, while what goes elsewhere goes on.
"""

import asyncio
from contextlib import suppress
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import TRUSTED, Clock, ClockTrust, is_set_within, utc_now
from bot.measures import Measures
from bot.sending.destinations import Destinations
from bot.sending.limits import USUAL_FORWARDING, ForwardingLimits
from bot.sending.post_attempts import Poster, host_of, post_once
from bot.sending.post_queues import GivenUp, Posted, RuleForwards, Tried, WaitingForward
from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.duties import Duties
from bot.storage.readers import Readers
from bot.storage.writer import StorageUnavailable, Writer
from bot.supervisor import Supervisor

log = structlog.get_logger(__name__)


class Forwarder:
    """Posts what is due, what has been due for longest first, with a bound for each destination and host."""

    def __init__(
        self,
        readers: Readers,
        writer: Writer,
        poster: Poster,
        *,
        limits: ForwardingLimits = USUAL_FORWARDING,
        clock: Clock = utc_now,
        measures: Measures | None = None,
        duties: Duties | None = None,
        trust: ClockTrust = TRUSTED,
    ) -> None:
        """`duties`: what this replica may do; without them it does all.

        `trust`: nothing is given up for its age by a clock that is not trusted.
        """
        self._trust = trust
        self._queue = RuleForwards()
        self._measures = measures or Measures()
        self._limits = limits
        self._clock = clock
        self._readers = readers
        self._tries = writer.batch(self._queue.record)
        self._places = writer.batch(self._queue.place)
        self._ends = writer.batch(self._give_up)
        self._poster = poster
        self.destinations = Destinations(limits, _seconds, clock)
        self._in_hand: dict[str, asyncio.Task[None]] = {}
        #: Those whose posts have ended since the latest look began: what it has read of them may be from before that.
        self._ended: set[str] = set()
        self._wake = asyncio.Event()
        self._duty = (duties or Duties()).duty("forwards", self._wake.set)
        self._task: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()
        self._looked_for_old: datetime | None = None

    def start(self, supervisor: Supervisor | None = None) -> None:
        """Take up what an earlier run left queued, and wait for more."""
        self._task = (supervisor or Supervisor()).watch("forwarder", self._run)

    async def stop(self, patience: float = 10.0) -> None:
        """Begin no more posts and wait for those that run; what is not recorded by then is posted again later."""
        self._stopped.set()
        self._wake.set()
        tasks = [*self._in_hand.values(), *([self._task] if self._task is not None else [])]
        if tasks:
            await asyncio.wait(tasks, timeout=patience)
        tasks = [*self._in_hand.values(), *([self._task] if self._task is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def wake(self) -> None:
        """Look for what is due, after a commit."""
        self._wake.set()

    async def look(self) -> bool:
        """Begin to post what is due and has room; whether there may be more. Raises what the database does."""
        now = self._clock()
        await self._end_old(now)
        self._ended.clear()
        async with self._readers.reading() as connection:
            unplaced = await self._queue.unplaced(connection)
            if self.destinations.down() and not unplaced:
                self.destinations.forget(await self._queue.destinations(connection))
            due = await self._due(connection, now) if not unplaced else []
        if unplaced:
            await self._places.submit(unplaced)
            return True
        has_begun = False
        for each in sorted(due, key=lambda each: each.next_try_at):
            if self._is_free(each) and self.destinations.room(each.destination):
                self._begin(each)
                has_begun = True
        return has_begun

    async def _due(self, connection: AsyncConnection, now: datetime) -> list[WaitingForward]:
        due: list[WaitingForward] = []
        for name in await self._queue.destinations(connection, now):
            room = self.destinations.room(name)
            if room:
                # Those in hand are queued until they are recorded.
                limit = room + self.destinations.running(name)
                is_down = self.destinations.is_down(name)
                found = await self._queue.due(connection, now, name, limit, is_down=is_down)
                due += [each for each in found if self._is_free(each)][:room]
        return due

    def _is_free(self, waiting: WaitingForward) -> bool:
        return not (waiting.id in self._in_hand or waiting.id in self._ended or self._stopped.is_set())

    def _begin(self, waiting: WaitingForward) -> None:
        is_probe = self.destinations.enter(waiting.destination)
        task = asyncio.create_task(self._serve(waiting, is_probe=is_probe), name="forward")
        self._in_hand[waiting.id] = task

        def end(ended: asyncio.Task[None]) -> None:
            del self._in_hand[waiting.id]
            self._ended.add(waiting.id)
            if not ended.cancelled() and (error := ended.exception()) is not None:
                log.error("A forward could not be finished", action="forward_broken", exc_info=error)
            self._wake.set()

        task.add_done_callback(end)

    async def _serve(self, waiting: WaitingForward, *, is_probe: bool) -> None:
        posted: Posted | None = None
        try:
            posted, tried = await post_once(
                self._poster,
                waiting,
                rows=self._queue,
                limits=self._limits,
                clock=self._clock,
                trust=self._trust,
            )
            await self._record(tried)
        finally:
            # Only now: while the database takes nothing, nothing more is posted of which it would never know.
            self.destinations.leave(waiting.destination, posted, is_probe=is_probe)
        self._measures.forwards.add(host_of(waiting.url), tried.status)

    async def _record(self, tried: Tried) -> None:
        while True:
            try:
                await self._tries.submit([tried])
            except StorageUnavailable:  # logged where it is raised
                if await is_set_within(self._stopped, self._limits.record_again):
                    return
            except DATABASE_ERRORS:
                log.exception("The end of a forward could not be kept", action="forward_end_broken")
                # Out of hand it is posted again: at once, and again and again.
                await is_set_within(self._stopped, self._limits.look_again)
                return
            else:
                return

    async def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.clear()
            if not self._duty.is_ours:
                self.destinations.forget()  # whoever has the duty knows them
            with suppress(*DATABASE_ERRORS, StorageUnavailable):  # each is logged where it is raised
                if self._duty.is_ours and await self.look():
                    continue
            until_try = self.destinations.next_try()
            seconds = self._limits.look_again
            await is_set_within(self._wake, seconds if until_try is None else min(seconds, until_try))

    async def _end_old(self, now: datetime) -> None:
        """What waits at destinations that do not answer is hardly tried, so that no try of its own gives it up."""
        if (
            self._looked_for_old is not None
            and abs(now - self._looked_for_old) < self._limits.look_for_old  # it may have been ahead
        ):
            return
        self._looked_for_old = now
        if not (self._trust.is_trusted and self.destinations.down()):
            return
        (ended,) = await self._ends.submit([now])
        for each in ended:
            self._measures.forwards.add(host_of(each.url), "failed")
        if ended:
            log.error(self._queue.failed_line, action="forwards_given_up", count=len(ended))

    async def _give_up(self, connection: AsyncConnection, moments: list[datetime]) -> list[list[GivenUp]]:
        ended = await self._queue.give_up(
            connection, min(moments), self._limits.give_up_after, self.destinations.down()
        )
        return [ended, *([] for _ in moments[1:])]


def _seconds() -> float:
    return asyncio.get_running_loop().time()
