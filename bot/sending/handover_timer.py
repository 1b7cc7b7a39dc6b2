"""Looks for conversations that go back to the bot now, and has them given back."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from bot.clock import Clock, utc_now
from bot.conversation.handover_turn import DueHandover, due_handovers
from bot.conversation.handovers import next_back
from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.readers import Readers
from bot.storage.writer import StorageUnavailable, Work, Writer
from bot.supervisor import Supervisor

#: Seconds between looks at most, and conversations of one transaction.
_LOOK_AGAIN = 5.0
_AT_ONCE = 200


class HandoverTimer:
    """Gives conversations back when their time is over; several processes on one database give each back once."""

    def __init__(
        self,
        readers: Readers,
        writer: Writer,
        give_back: Work[DueHandover, bool],
        *,
        on_queued: Callable[[set[str]], None] = lambda _numbers: None,
        clock: Clock = utc_now,
    ) -> None:
        self._readers = readers
        self._turns = writer.batch(give_back)
        self._on_queued = on_queued
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor | None = None) -> None:
        """Look from now on."""
        self._task = (supervisor or Supervisor()).watch("handovers", self._run)

    async def stop(self) -> None:
        """Look no more; what is being given back is, or waits."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> int:
        """Give back those whose time is over; how many were dealt with."""
        async with self._readers.reading() as connection:
            due = await due_handovers(connection, self._clock(), _AT_ONCE)
        if not due:
            return 0
        results = await asyncio.shield(self._turns.submit(due))
        if lanes := {each.number for each, is_said in zip(due, results, strict=True) if is_said}:
            self._on_queued(lanes)
        return len(due)

    async def _run(self) -> None:
        while True:
            wait = _LOOK_AGAIN
            with suppress(*DATABASE_ERRORS, StorageUnavailable):  # each is logged where it is raised
                if await self.look() == _AT_ONCE:
                    continue
                async with self._readers.reading() as connection:
                    back_at = await next_back(connection)
                if back_at is not None:
                    seconds = (back_at - self._clock()).total_seconds()
                    wait = min(max(seconds, 0.05), _LOOK_AGAIN)
            await asyncio.sleep(wait)
