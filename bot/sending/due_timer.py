"""Looks in the database for what is due now, and has it done: the ground of what is said or given back at a time."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import TRUSTED, Clock, ClockTrust, utc_now
from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.duties import Duties
from bot.storage.readers import Readers
from bot.storage.writer import StorageUnavailable, Work, Writer
from bot.supervisor import Supervisor

#: Seconds between looks at most and at least, and items of one transaction.
_LOOK_AGAIN = 5.0
_PAUSE = 0.05
_AT_ONCE = 200
#: Seconds between looks whether they are ours to do.
_LOOK_AT_DUTY = 0.5


class _OfNumber(Protocol):
    @property
    def number(self) -> str: ...


Due = TypeVar("Due", bound=_OfNumber)
Result = TypeVar("Result")


class DueTimer(ABC, Generic[Due, Result]):
    """Has each item done once when it is due, also by several processes on one database."""

    #: What the background task is called, and the duty.
    name: str

    def __init__(
        self,
        readers: Readers,
        writer: Writer,
        work: Work[Due, Result],
        *,
        on_queued: Callable[[set[str]], None] = lambda _numbers: None,
        clock: Clock = utc_now,
        duties: Duties | None = None,
        trust: ClockTrust = TRUSTED,
    ) -> None:
        """`work` does it in a transaction; `duties`: what this replica may do, without them it is the only one.

        `trust`: what is due waits while the clock by which it is is not trusted.
        """
        self._trust = trust
        self._duty = (duties or Duties()).duty(self.name)
        self._readers = readers
        self._turns = writer.batch(work)
        self._on_queued = on_queued
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    async def find_due(self, connection: AsyncConnection, now: datetime, limit: int) -> Sequence[Due]:
        """What is due, the longest first."""

    @abstractmethod
    async def find_next(self, connection: AsyncConnection) -> datetime | None:
        """When the next one is due."""

    @abstractmethod
    def is_queued(self, result: Result) -> bool:
        """Whether something is to be sent because of it."""

    def note(self, results: Sequence[Any]) -> None:
        """Tell of what became of them; nothing, unless a kind of item has something to tell."""

    def start(self, supervisor: Supervisor | None = None) -> None:
        """Look from now on."""
        self._task = (supervisor or Supervisor()).watch(self.name, self._run)

    async def stop(self) -> None:
        """Look no more; what is being written is done or waits."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> int:
        """Have done what is due; how many were dealt with."""
        if not self._trust.is_trusted:
            return 0
        async with self._readers.asking() as connection:
            due = await self.find_due(connection, self._clock(), _AT_ONCE)
        if not due:
            return 0
        results = await asyncio.shield(self._turns.submit(due))
        if lanes := {
            each.number for each, result in zip(due, results, strict=True) if self.is_queued(result)
        }:
            self._on_queued(lanes)
        self.note(results)
        return len(due)

    async def _run(self) -> None:
        while True:
            wait = _LOOK_AGAIN
            if not self._duty.is_ours:
                await asyncio.sleep(_LOOK_AT_DUTY)
                continue
            with suppress(*DATABASE_ERRORS, StorageUnavailable):  # each is logged where it is raised
                seconds = await self._until_next()
                if seconds <= 0 and await self.look() == _AT_ONCE:
                    continue
                wait = min(max(seconds, _PAUSE), _LOOK_AGAIN)
            await asyncio.sleep(wait)

    async def _until_next(self) -> float:
        """Seconds until the next one is due; none is done while the clock is not trusted."""
        async with self._readers.asking() as connection:
            next_one = await self.find_next(connection)
        if next_one is None or not self._trust.is_trusted:
            return _LOOK_AGAIN
        return (next_one - self._clock()).total_seconds()
