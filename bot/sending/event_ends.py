"""Gives up the events that have waited too long, whoever they are for.

A receiver that BOT_EVENTS_TO names no more has nobody else to end its queue, and an event that is queued keeps its
message and its conversation from retention.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime

import structlog
from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import TRUSTED, Clock, ClockTrust, utc_now
from bot.measures import Measures
from bot.sending.event_queue import WAITS_SINCE
from bot.sending.limits import USUAL_EVENTS, ForwardingLimits
from bot.sending.post_attempts import host_of
from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.event_tables import outgoing_events
from bot.storage.readers import Readers
from bot.storage.sql import status_is
from bot.storage.writer import StorageUnavailable, Writer
from bot.supervisor import Supervisor

#: Rows that are given up in one transaction.
_AT_ONCE = 5_000

log = structlog.get_logger(__name__)


class EventEnds:
    """Looks for old events at the start and then every few minutes; any number of replicas may do it."""

    def __init__(
        self,
        readers: Readers,
        writer: Writer,
        receivers: Collection[str],
        *,
        limits: ForwardingLimits = USUAL_EVENTS,
        clock: Clock = utc_now,
        measures: Measures | None = None,
        trust: ClockTrust = TRUSTED,
    ) -> None:
        """`receivers`: the addresses in BOT_EVENTS_TO, without their queries; what is given up counts as theirs alone.

        `trust`: nothing is given up for its age by a clock that is not trusted.
        """
        self._readers = readers
        self._receivers = receivers
        self._limits = limits
        self._clock = clock
        self._measures = measures or Measures()
        self._trust = trust
        self._ends = writer.batch(self._give_up)
        self._looked: datetime | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Look from now on."""
        self._task = supervisor.watch("old events", self._run)

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> int:
        """Give up what is too old; how many events. Raises what the database does."""
        now, total = self._clock(), 0
        if not self._trust.is_trusted:
            return total
        while await self._is_any_old(now):
            (receivers,) = await self._ends.submit([now])
            for receiver in receivers:
                if receiver in self._receivers:
                    self._measures.forwards.add(host_of(receiver), "failed")
            total += len(receivers)
            if len(receivers) < _AT_ONCE:
                break
        self._looked = now
        if total:
            log.error("An event could not be delivered", action="events_given_up", count=total)
        return total

    async def _run(self) -> None:
        while True:
            now = self._clock()
            # The clock may have been ahead.
            if self._looked is None or abs(now - self._looked) >= self._limits.look_for_old:
                with suppress(*DATABASE_ERRORS, StorageUnavailable):  # each is logged where it is raised
                    await self.look()
            await asyncio.sleep(self._limits.look_again)

    async def _is_any_old(self, now: datetime) -> bool:
        """Asked first, as there are none nearly always: a start, and a bot that tells nobody, writes nothing for it."""
        async with self._readers.asking() as connection:
            found = await connection.execute(select(self._old(now).limit(1).exists()))
            return bool(found.scalar())

    def _old(self, now: datetime) -> Select[tuple[str]]:
        is_queued = status_is("queued", outgoing_events.c.status)
        return select(outgoing_events.c.id).where(is_queued, now - self._limits.give_up_after > WAITS_SINCE)

    async def _give_up(self, connection: AsyncConnection, moments: list[datetime]) -> list[list[str]]:
        """The receivers of the rows that are given up, one for each row."""
        now = min(moments)
        old, is_queued = self._old(now).limit(_AT_ONCE), status_is("queued", outgoing_events.c.status)
        ended = (
            update(outgoing_events)
            # Once more, as another replica may have been quicker.
            .where(outgoing_events.c.id.in_(old.scalar_subquery()), is_queued)
            .values(status="failed", updated_at=now)
            .returning(outgoing_events.c.receiver)
        )
        receivers = list((await connection.execute(ended)).scalars())
        return [receivers, *([] for _ in moments[1:])]
