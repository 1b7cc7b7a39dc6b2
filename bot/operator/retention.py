"""Applies BOT_KEEP_* once a day, by a clock that is trusted."""

import asyncio

import structlog

from bot.clock import TRUSTED, ClockTrust
from bot.operator.purge import RunPurge
from bot.operator.purge_steps import Keep
from bot.storage.database_errors import DATABASE_ERRORS, cause_of
from bot.storage.duties import ALWAYS, Duty
from bot.storage.writer import StorageUnavailable
from bot.supervisor import Supervisor

#: Seconds: after a start the bot has other things to do first.
_FIRST = 60.0
_DAY = 24 * 3600.0
#: After a purge that the database did not let through.
_AGAIN = 15 * 60.0
#: Between looks whether it is ours, and whether the clock is trusted again.
_LOOK_AT_DUTY = 0.5
_LOOK_AT_CLOCK = 5.0

log = structlog.get_logger(__name__)


class Retention:
    """The daily purge. It only says something when something went."""

    def __init__(
        self,
        purge: RunPurge,
        keep: Keep,
        *,
        first: float = _FIRST,
        every: float = _DAY,
        duty: Duty = ALWAYS,
        trust: ClockTrust = TRUSTED,
    ) -> None:
        """`duty`: whether it is this replica's to do. `trust`: nothing is removed by a clock that is not trusted."""
        self._trust = trust
        self._is_waiting = False
        self._duty = duty
        self._purge = purge
        self._keep = keep
        self._first = first
        self._every = every
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Begin."""
        self._task = supervisor.watch("retention", self._run)

    async def stop(self) -> None:
        """End, in the midst of a purge too: what is due then goes the next day."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _must_wait(self) -> bool:
        """Whether the clock is not trusted; logs the first time, with the reason."""
        reason = self._trust.waits_for
        if reason is not None and not self._is_waiting:
            log.warning(
                "What is to be removed stays until the clock is trusted",
                action="retention_waits",
                cause=reason,
            )
        self._is_waiting = reason is not None
        return self._is_waiting

    async def _run(self) -> None:
        await asyncio.sleep(self._first)
        while True:
            wait = self._every
            if not self._duty.is_ours:
                await asyncio.sleep(min(_LOOK_AT_DUTY, self._every))
                continue
            if self._must_wait():
                await asyncio.sleep(min(_LOOK_AT_CLOCK, self._every))
                continue
            try:
                gone = await self._purge(self._keep)
            except (StorageUnavailable, *DATABASE_ERRORS) as error:
                wait = min(_AGAIN, self._every)
                log.warning(
                    "What is to be removed stays for now", action="retention_delayed", cause=cause_of(error)
                )
            else:
                rows = {name: count for name, count in gone.items() if count}
                if rows:
                    log.info("What was kept long enough was removed", action="retention_applied", rows=rows)
            await asyncio.sleep(wait)
