"""Recounts the hours of `bot.queries.traffic` that changed, from committed rows, in a transaction of its own.

A count is never added to: an hour whose messages may have changed is counted anew as a whole. So a restart counts
nothing twice, a report that comes days late finds its way, and two replicas that count the same hour are both right;
the slower of them sees that it was overtaken and leaves the table alone.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from msgspec import Struct, structs
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.message_ids import first_id
from bot.queries.delivery_counts import OutboundCounts, count_delivery, store_delivery
from bot.queries.traffic import (
    HOUR,
    MINUTE,
    MINUTES_KEPT,
    Counts,
    count_messages,
    drop_old_minutes,
    floor_to,
    store_hour,
    time_of_id,
)
from bot.storage.database import DATABASE_ERRORS, Database
from bot.storage.duties import Duties
from bot.storage.tables import messages, status_changes, traffic_progress
from bot.supervisor import Supervisor

#: Older messages are not counted.
HORIZON = timedelta(days=31)
#: Seconds between passes at least; and passes may take no more than this part of the time, or that while they
#: catch up with what was there before the first of them.
_PAUSE, _SHARE, _SHARE_AT_FIRST = 5.0, 0.05, 0.25
#: Seconds between looks whether counting is ours.
_LOOK_AT_DUTY = 0.5
#: Older hours that one pass counts after the first start.
_BACKLOG_A_PASS = 24
#: On PostgreSQL what was written before may be committed after; a transaction takes far less than this.
_LATE_COMMIT = timedelta(seconds=30)
#: SQLite's one writer commits sooner; what took longer all the same is counted a minute later, with its whole hour.
_LATE_ON_SQLITE = timedelta(seconds=5)
#: How long the first 8 characters of an id stay the same.
_SAME_IDS = timedelta(milliseconds=2**16)


class Progress(Struct, frozen=True, kw_only=True):
    """How far the counting has come: a row of `traffic_progress`."""

    passes: int
    counted_from: datetime
    counted_to: datetime
    change_id: int
    newer_change_id: int
    newer_change_at: datetime


class TrafficCounter:
    """Counts what is new, and what has changed, every few seconds."""

    def __init__(self, database: Database, duties: Duties | None = None) -> None:
        """`duties`: what this replica may do; without them it is the only one."""
        self._database = database
        self._duty = (duties or Duties()).duty("counting")
        self._task: asyncio.Task[None] | None = None
        self._seen: tuple[str, int] | None = None
        self._quiet_since = datetime.min.replace(tzinfo=UTC)
        #: Up to when all messages were counted, so late that none of that time should be committed any more.
        self._settled: datetime | None = None

    def start(self, supervisor: Supervisor | None = None) -> None:
        """Begin to count."""
        self._task = (supervisor or Supervisor()).watch("traffic", self._run)

    async def stop(self) -> None:
        """Count no more; what was not counted will be at the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            started = time.monotonic()
            has_more = False
            if not self._duty.is_ours:
                await asyncio.sleep(_LOOK_AT_DUTY)
                continue
            with suppress(*DATABASE_ERRORS):  # the next pass counts what this one did not
                has_more = await self.count(datetime.now(UTC))
            took = time.monotonic() - started
            await asyncio.sleep(took / _SHARE_AT_FIRST if has_more else max(took / _SHARE, _PAUSE))

    async def count(self, now: datetime) -> bool:
        """One pass; True when older hours are left to be counted."""
        async with self._database.background.reading() as connection:
            progress = await find_progress(connection)
            newest, change_id = await _newest(connection)
            is_new = progress is None
            if is_new and not newest:
                return False  # no message has ever come
            if progress is None:
                progress = _beginning(now, change_id)
            dirty = {floor_to(progress.counted_to - 2 * MINUTE, HOUR), floor_to(now, HOUR)}
            dirty.update(_hours(progress.counted_to, now))
            changed = await _hours_changed(connection, progress.change_id)
            dirty.update(changed)
            older = await _older_hours(connection, progress.counted_from, now - HORIZON)
        seen = (newest, change_id)
        if not older and not is_new and self._is_quiet(seen, now):
            return False
        counted_to = floor_to(now, MINUTE)
        if self._settled == counted_to == progress.counted_to and not (older or changed or is_new):
            return False  # what is new belongs to the minute that runs: to count 50,000 messages anew takes 0.2 s
        wanted = sorted({hour for hour in dirty if progress.counted_from <= hour <= now} | set(older))
        counted: dict[datetime, dict[datetime, Counts]] = {}
        delivery: dict[datetime, OutboundCounts] = {}
        for hour in wanted:
            async with self._database.background.reading() as connection:
                end = min(hour + HOUR, counted_to)
                counted[hour] = await count_messages(connection, hour, end)
                delivery[hour] = await count_delivery(connection, hour, end)
        following = structs.replace(
            progress,
            passes=progress.passes + 1,
            counted_from=older[-1] if older else progress.counted_from,
            counted_to=counted_to,
        )
        following = self._with_changes(following, change_id, now)
        if not await self._store(following, counted, delivery, now, progress.counted_to):
            return True  # another replica was quicker; what it did not see is counted in the next pass
        if now - counted_to >= (_LATE_ON_SQLITE if self._database.is_sqlite else _LATE_COMMIT):
            self._settled = counted_to
        if seen != self._seen:  # only now: what a pass that failed has seen is not counted
            self._seen, self._quiet_since = seen, now
        return bool(older)

    def _is_quiet(self, seen: tuple[str, int], now: datetime) -> bool:
        """Whether all is counted, and long enough ago that no late commit can follow."""
        return seen == self._seen and now - self._quiet_since > 2 * _LATE_COMMIT

    def _with_changes(self, progress: Progress, change_id: int, now: datetime) -> Progress:
        if self._database.is_sqlite:  # one writer: no change is committed after a later one
            return structs.replace(
                progress, change_id=change_id, newer_change_id=change_id, newer_change_at=now
            )
        if now - progress.newer_change_at < _LATE_COMMIT:
            return progress
        return structs.replace(
            progress, change_id=progress.newer_change_id, newer_change_id=change_id, newer_change_at=now
        )

    async def _store(
        self,
        progress: Progress,
        counted: dict[datetime, dict[datetime, Counts]],
        delivery: dict[datetime, OutboundCounts],
        now: datetime,
        before: datetime,
    ) -> bool:
        """Write what was counted; False when another replica has written since it was read.

        `before`: up to when it was counted then.
        """
        values = structs.asdict(progress)
        try:
            async with self._database.writing() as connection:
                if progress.passes == 1:
                    await connection.execute(insert(traffic_progress).values(id=1, **values))
                else:
                    is_as_read = traffic_progress.c.passes == progress.passes - 1
                    done = await connection.execute(
                        update(traffic_progress)
                        .where(traffic_progress.c.id == 1, is_as_read)
                        .values(**values)
                    )
                    if done.rowcount == 0:
                        return False
                for hour, minutes in counted.items():
                    is_recent = hour + HOUR > now - MINUTES_KEPT
                    await store_hour(connection, hour, minutes, with_minutes=is_recent)
                await store_delivery(connection, delivery)
                await drop_old_minutes(connection, now, before)
        except IntegrityError:
            return False
        return True


async def find_progress(connection: AsyncConnection) -> Progress | None:
    """How far the counting has come; None before it began."""
    row = (await connection.execute(select(traffic_progress).where(traffic_progress.c.id == 1))).first()
    if row is None:
        return None
    return Progress(**{name: getattr(row, name) for name in Progress.__struct_fields__})


async def _newest(connection: AsyncConnection) -> tuple[str, int]:
    """The ids of the newest message and of the newest change."""
    message_id = (await connection.execute(select(func.max(messages.c.id)))).scalar()
    change_id = (await connection.execute(select(func.max(status_changes.c.id)))).scalar()
    return message_id or "", change_id or 0


async def _older_hours(connection: AsyncConnection, before: datetime, horizon: datetime) -> list[datetime]:
    """The newest hours before that time which have messages, newest first; not all of them."""
    hours: list[datetime] = []
    while len(hours) < _BACKLOG_A_PASS:
        end = hours[-1] if hours else before
        query = select(func.max(messages.c.id)).where(messages.c.id < first_id(end))
        newest = (await connection.execute(query)).scalar()
        if newest is None or time_of_id(newest) < horizon:
            break
        # The newest of an hour may have been made at the end of the one before, whose own ids may all be older.
        hour = floor_to(time_of_id(newest), HOUR)
        hours += [hour, hour - HOUR]
    return hours


async def _hours_changed(connection: AsyncConnection, change_id: int) -> set[datetime]:
    """The hours of the messages that changed after that change."""
    beginning = func.substr(status_changes.c.message_id, 1, 8)
    query = select(beginning).distinct().where(status_changes.c.id > change_id)
    moments = [time_of_id(each + "-0000") for each in (await connection.execute(query)).scalars()]
    return {floor_to(each, HOUR) for moment in moments for each in (moment, moment + _SAME_IDS)}


def _beginning(now: datetime, change_id: int) -> Progress:
    hour = floor_to(now, HOUR)
    return Progress(
        passes=0, counted_from=hour, counted_to=hour, change_id=change_id, newer_change_id=change_id,
        newer_change_at=now,
    )  # fmt: skip


def _hours(start: datetime, end: datetime) -> Iterable[datetime]:
    hour = floor_to(start, HOUR)
    while hour <= end:
        yield hour
        hour += HOUR
