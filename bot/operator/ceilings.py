"""What a person does to the daily ceiling of a number: lets what waits go."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.clock import Clock
from bot.operator.actor import Actor
from bot.queries.numbers import NumberView, read_numbers
from bot.rulebook.sender_numbers import OurNumber
from bot.sending.day_limit import day_limit, day_of, read_use
from bot.storage.alarm_tables import ceiling_releases
from bot.storage.readers import Readers
from bot.storage.sql import status_is
from bot.storage.tables import messages
from bot.storage.writer import Writer


class NoCeiling(Exception):
    """The number has none, or is none of ours; the message says so."""

    def __init__(self, number: str) -> None:
        super().__init__(
            f"The rule files give {number} no per_day, so nothing of it waits for a person to let it go."
        )


class _CeilingRelease(Struct, frozen=True, kw_only=True):
    number: str
    by: str
    now: datetime


class Ceilings:
    """The numbers and their ceilings, as people see and raise them."""

    def __init__(
        self,
        readers: Readers,
        writer: Writer,
        numbers: Callable[[], Mapping[str, OurNumber]],
        on_release: Callable[[str], None],
        reply_ttl: timedelta,
        clock: Clock,
    ) -> None:
        """`on_release` is called with the number once it may send more."""
        self._readers = readers
        self._numbers = numbers
        self._on_release = on_release
        self._reply_ttl = reply_ttl
        self._clock = clock
        self._releases = writer.batch(self._record)

    async def read(self) -> list[NumberView]:
        """Each number that the rule files name."""
        async with self._readers.reading() as connection:
            return await read_numbers(connection, self._numbers(), self._clock(), self._reply_ttl)

    async def release(self, number: str, *, by: Actor) -> int:
        """Let what waits go, and as many more today as make up another `per_day`; how many that are in all.

        Raises `NoCeiling`.
        """
        if day_limit(self._numbers(), number) is None:
            raise NoCeiling(number)
        (more,) = await self._releases.submit([_CeilingRelease(number=number, by=by.name, now=self._clock())])
        self._on_release(number)
        return more

    async def _record(self, connection: AsyncConnection, releases: list[_CeilingRelease]) -> list[int]:
        added = []
        for each in releases:
            limit = day_limit(self._numbers(), each.number)
            if limit is None:  # the rules were changed just now
                added.append(0)
                continue
            use = await read_use(connection, each.number, limit, each.now, self._reply_ttl)
            # What was tried counts as used, and may be on its way just now.
            waiting = select(func.count()).where(
                status_is("queued"), messages.c.number == each.number, messages.c.attempts == 0
            )
            count = (await connection.execute(waiting)).scalar_one()
            # Twice pressed is once raised: while what was added is not used, no more is.
            more = max(limit.per_day, count) if use.is_reached else 0
            added.append(more)
            if more:
                row = {
                    "id": str(uuid7()), "number": each.number, "day": day_of(limit, each.now)[0], "more": more,
                    "by": each.by, "at": each.now,
                }  # fmt: skip
                await connection.execute(insert(ceiling_releases), [row])
        return added
