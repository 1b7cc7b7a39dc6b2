"""Looks for what is to be said now, and has it said."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from bot.clock import Clock, utc_now
from bot.conversation.follow_up_turn import DueFollowUp, due_follow_ups, next_due
from bot.conversation.follow_ups import TOO_LATE, WRONG_HOUR
from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.duties import Duties
from bot.storage.readers import Readers
from bot.storage.writer import StorageUnavailable, Work, Writer
from bot.supervisor import Supervisor

log = structlog.get_logger(__name__)

#: Seconds between looks at most, and follow-ups of one transaction.
_LOOK_AGAIN = 5.0
_AT_ONCE = 200
#: Seconds between looks whether they are ours to say.
_LOOK_AT_DUTY = 0.5


class FollowUpSender:
    """Has follow-ups said when they are due; several processes on one database say each once."""

    def __init__(
        self,
        readers: Readers,
        writer: Writer,
        say: Work[DueFollowUp, str | None],
        *,
        on_queued: Callable[[set[str]], None] = lambda _numbers: None,
        clock: Clock = utc_now,
        duties: Duties | None = None,
    ) -> None:
        """`duties`: what this replica may do; without them it is the only one."""
        self._duty = (duties or Duties()).duty("follow-ups")
        self._readers = readers
        self._turns = writer.batch(say)
        self._on_queued = on_queued
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor | None = None) -> None:
        """Look from now on."""
        self._task = (supervisor or Supervisor()).watch("follow-ups", self._run)

    async def stop(self) -> None:
        """Look no more; what is being written is said or waits."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> int:
        """Have said what is due; how many were dealt with."""
        async with self._readers.reading() as connection:
            due = await due_follow_ups(connection, self._clock(), _AT_ONCE)
        if not due:
            return 0
        results = await asyncio.shield(self._turns.submit(due))
        if lanes := {each.number for each, result in zip(due, results, strict=True) if result == ""}:
            self._on_queued(lanes)
        late = sum(result in {TOO_LATE, WRONG_HOUR} for result in results)
        if late:
            log.warning(
                "What was to be said later is dropped: the bot was stopped when it was due",
                action="follow_ups_dropped",
                count=late,
            )
        return len(due)

    async def _run(self) -> None:
        while True:
            wait = _LOOK_AGAIN
            if not self._duty.is_ours:
                await asyncio.sleep(_LOOK_AT_DUTY)
                continue
            with suppress(*DATABASE_ERRORS, StorageUnavailable):  # each is logged where it is raised
                if await self.look() == _AT_ONCE:
                    continue
                async with self._readers.reading() as connection:
                    due = await next_due(connection)
                if due is not None:
                    seconds = (due - self._clock()).total_seconds()
                    wait = min(max(seconds, 0.05), _LOOK_AGAIN)
            await asyncio.sleep(wait)
