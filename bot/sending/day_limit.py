"""How many messages of a number may leave in a day (`per_day`), what has left, and by how much a person raised it.

A message counts when its first try is claimed, and once. The lane counts in memory; what it counted is read from the
database at its start, with each new day, and now and then for the sake of other processes.
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta, tzinfo

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.message_ids import first_id
from bot.rulebook.sender_numbers import OurNumber
from bot.storage.alarm_tables import ceiling_releases
from bot.storage.tables import messages

#: How long a count is taken to be right: other processes send, too. While replies wait, a person may let them go.
_FRESH, _FRESH_WHILE_CLOSED = timedelta(seconds=30), timedelta(seconds=5)
#: At this part of the ceiling people are told.
NEAR = 0.8


class DayLimit(Struct, frozen=True, kw_only=True):
    """What the rule book says of a number."""

    per_day: int
    zone: tzinfo


class DayUse(Struct, frozen=True, kw_only=True):
    """Of a number and a day."""

    day: str
    used: int
    #: With what a person added.
    allowed: int

    @property
    def is_reached(self) -> bool:
        """Whether replies wait."""
        return self.used >= self.allowed

    @property
    def is_near(self) -> bool:
        """Whether people are to be told that it soon will be."""
        return self.used >= NEAR * self.allowed


def day_limit(numbers: Mapping[str, OurNumber], number: str) -> DayLimit | None:
    """How many messages of one of our numbers may leave in a day; None: no ceiling."""
    ours = numbers.get(number)
    if ours is None or ours.per_day is None:
        return None
    return DayLimit(per_day=ours.per_day, zone=ours.day_zone)


def day_of(limit: DayLimit, now: datetime) -> tuple[str, datetime]:
    """The number's day, and when it began."""
    local = now.astimezone(limit.zone)
    return local.date().isoformat(), datetime.combine(local.date(), time(), limit.zone)


async def read_use(
    connection: AsyncConnection, number: str, limit: DayLimit, now: datetime, reply_ttl: timedelta
) -> DayUse:
    """What has left of a number today; `reply_ttl`: how long a message may have waited before."""
    day, start = day_of(limit, now)
    used = select(func.count()).where(
        messages.c.id >= first_id(start - reply_ttl),
        messages.c.number == number,
        messages.c.first_sent_at >= start,
    )
    more = select(func.coalesce(func.sum(ceiling_releases.c.more), 0)).where(
        ceiling_releases.c.number == number, ceiling_releases.c.day == day
    )
    row = (await connection.execute(select(used.scalar_subquery(), more.scalar_subquery()))).one()
    return DayUse(day=day, used=row[0], allowed=limit.per_day + row[1])


class DayCeiling:
    """The ceiling of one lane."""

    def __init__(self) -> None:
        self._limit: DayLimit | None = None
        self._use: DayUse | None = None
        self._read_at: datetime | None = None
        #: Taken for calls, and not claimed yet.
        self._taken = 0

    @property
    def use(self) -> DayUse | None:
        """What is known; None without a ceiling, and before it was read."""
        return self._use

    def follow(self, limit: DayLimit | None, now: datetime) -> None:
        """Take the limit as the rule book has it now, and the day."""
        if limit is None and self._limit is None:
            return
        if limit != self._limit or (limit and self._use and self._use.day != day_of(limit, now)[0]):
            self._limit, self._use, self._read_at = limit, None, None

    def forget(self) -> None:
        """Have it read again: a person has raised it."""
        self._read_at = None

    def recount(self) -> None:
        """Count anew before anything leaves: another replica may have sent what is not known here."""
        self._use, self._read_at = None, None

    def is_to_be_read(self, now: datetime) -> bool:
        """Whether the count is unknown, or old."""
        if self._limit is None:
            return False
        fresh = _FRESH_WHILE_CLOSED if self.is_closed else _FRESH
        return self._use is None or self._read_at is None or now - self._read_at >= fresh

    async def read(
        self, connection: AsyncConnection, number: str, now: datetime, reply_ttl: timedelta
    ) -> None:
        """Ask the database."""
        if self._limit is not None:
            self._use = await read_use(connection, number, self._limit, now, reply_ttl)
            self._read_at = now

    @property
    def is_closed(self) -> bool:
        """Whether only confirmations of opt-outs leave, and what was tried before."""
        return self._limit is not None and (self._use is None or self.room == 0)

    @property
    def room(self) -> int | None:
        """How many more may leave; None: as many as there are."""
        if self._limit is None:
            return None
        return 0 if self._use is None else max(0, self._use.allowed - self._use.used - self._taken)

    def take(self, count: int) -> None:
        """Messages leave that were not tried before."""
        self._taken += count

    def settle(self, taken: int, claimed: int) -> None:
        """Of those that were taken, so many were claimed; the others did not leave."""
        self._taken -= taken
        if self._use is not None and claimed:
            use = self._use
            self._use = DayUse(day=use.day, used=use.used + claimed, allowed=use.allowed)
