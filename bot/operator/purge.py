"""Retention: removes what is older than it is to be kept, in batches so small that events never wait for them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import Clock, utc_now
from bot.conversation.erasure_marks import BELIEVED, EVENTS_COME_AGAIN, ErasureMarks
from bot.operator.purge_steps import STEPS, Due, Keep, PurgeStep
from bot.storage.readers import Readers
from bot.storage.tables import messages
from bot.storage.writer import Writer


class PurgeLimits(Struct, frozen=True, kw_only=True):
    """How much a purge takes at once."""

    #: Rows that one look at the database finds.
    window: int = 2_000
    #: Rows of a transaction: the first one, and at most.
    first: int = 10
    most: int = 1_000
    #: Seconds for which a transaction with a batch is to hold the writer, from its begin to the end of its commit
    #: (`benchmarks/purge_hold.py`).
    wanted: float = 0.015
    #: Seconds of rest for each second of work, so that the writer is never busy with this alone.
    rest: float = 1.0


USUAL_PURGING = PurgeLimits()

#: Called with a step's name and how many rows it has removed since the last call.
Progress = Callable[[str, int], None]


class _Removal(Struct, frozen=True, kw_only=True):
    """Rows that a transaction is to remove, unless they are needed by now."""

    step: PurgeStep
    keys: Sequence[Any]
    due: Due


def next_batch(size: int, seconds: float, limits: PurgeLimits = USUAL_PURGING, least: int = 1) -> int:
    """How many rows the next transaction takes, after one of `size` rows took so many seconds.

    `least`: as few of such rows take no longer than one. On a busy machine a transaction waits longer than it works.
    """
    if seconds > limits.wanted:
        return max(least, min(size // 2, int(size * limits.wanted / seconds)))
    if seconds < limits.wanted / 2:
        return min(limits.most, size * 2)
    return size


async def count_old(connection: AsyncConnection, age: timedelta, now: datetime | None = None) -> int:
    """How many messages are older, about: what a progress bar ends at."""
    before = (now or utc_now()) - age
    query = select(func.count()).where(messages.c.created_at < before)
    return int((await connection.execute(query)).scalar_one())


class Purger:
    """Removes what is due, step by step."""

    def __init__(
        self,
        readers: Readers,
        writer: Writer,
        marks: ErasureMarks,
        *,
        is_alone: bool,
        clock: Clock = utc_now,
        limits: PurgeLimits = USUAL_PURGING,
        steps: Sequence[PurgeStep] = STEPS,
    ) -> None:
        """`is_alone`: no other process receives events into this database."""
        self._readers = readers
        self._removals = writer.batch(_remove)
        self._announcements = writer.batch(self._announce)
        self._marks = marks
        self._is_alone = is_alone
        self._clock = clock
        self._limits = limits
        self._steps = steps
        #: The longest time that a batch held the writer, in seconds.
        self.longest_batch = 0.0

    async def run(self, keep: Keep, on_progress: Progress = lambda _name, _rows: None) -> dict[str, int]:
        """Remove what is older than this; how many rows went, by the step's name.

        Raises `bot.storage.writer.StorageUnavailable` and what a reading raises; what went until then is gone.
        """
        now = self._clock()  # once: a clock that is set meanwhile makes nothing older
        ages = [age for step in self._steps if (age := step.age(keep)) is not None]
        if any(age < EVENTS_COME_AGAIN for age in ages):
            await self.announce()
        return {step.name: await self._run(step, keep, now, on_progress) for step in self._steps}

    async def announce(self) -> None:
        """Have every process look for marks before the first of them matters."""
        (was_needed,) = await self._announcements.submit([None])
        if was_needed and not self._is_alone:
            await asyncio.sleep(2 * BELIEVED)

    async def _run(self, step: PurgeStep, keep: Keep, now: datetime, on_progress: Progress) -> int:
        age = step.age(keep)
        if age is None:
            return 0
        due = Due(before=now - min(age, _LONGEST), now=now, marks=self._marks)
        total, after = 0, None
        size = self._limits.first
        while True:
            async with self._readers.reading() as connection:
                keys, after = await step.window(connection, after, self._limits.window, due)
            while keys:
                batch, keys = keys[:size], keys[size:]
                rows, held = await self._remove(_Removal(step=step, keys=batch, due=due))
                total += rows
                on_progress(step.name, rows)
                size = next_batch(len(batch), held, self._limits, step.least)
            if after is None:
                return total
            await asyncio.sleep(0)

    async def _remove(self, removal: _Removal) -> tuple[int, float]:
        """How many rows went, and for how many seconds their transaction held the writer."""
        (rows,), held = await self._removals.submit_timed([removal])
        self.longest_batch = max(self.longest_batch, held)
        await asyncio.sleep(held * self._limits.rest)
        return rows, held

    async def _announce(self, connection: AsyncConnection, items: list[None]) -> list[bool]:
        return [await self._marks.announce(connection, self._clock())] * len(items)


#: So that no sum leaves the calendar.
_LONGEST = timedelta(days=365 * 100)


async def _remove(connection: AsyncConnection, removals: list[_Removal]) -> list[int]:
    return [await _remove_one(connection, removal) for removal in removals]


async def _remove_one(connection: AsyncConnection, removal: _Removal) -> int:
    keys = await removal.step.still_due(connection, removal.keys, removal.due)
    return await removal.step.remove(connection, keys, removal.due) if keys else 0


#: What runs a purge: given for how long things are kept.
RunPurge = Callable[[Keep], Awaitable[dict[str, int]]]
