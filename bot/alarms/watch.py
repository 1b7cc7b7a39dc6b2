"""Looks again and again for what is wrong, and has people told: once when it begins, once when it is over."""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import uuid4

import structlog

from bot.alarms.alarm_rows import (
    Changes,
    Claim,
    Found,
    Told,
    claim_telling,
    note_told,
    read_changes,
    read_news,
    write_changes,
)
from bot.alarms.conditions import Condition
from bot.alarms.notification import NewsItem, Notification, is_due, notification_of, of_the_hour, pause_after
from bot.alarms.trouble import BEGUN, OVER, USUAL_ALARMS, AlarmLimits, Trouble
from bot.clock import Clock, utc_now
from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.readers import SharedReaders
from bot.storage.writer import StorageUnavailable, Writer
from bot.supervisor import Supervisor

log = structlog.get_logger(__name__)


class Channels(Protocol):
    """Where people are told, as `bot.wire.notify_client.AppriseChannels` knows it."""

    async def send(self, notification: Notification) -> bool:
        """Tell them; whether it reached one place at least."""
        ...


class SlowCondition(Protocol):
    """A condition that asks the database; it is looked at with each pass and decides itself when to ask."""

    async def look(self, now: datetime) -> Sequence[Trouble]:
        """The troubles that it knows of; raises `DATABASE_ERRORS`."""
        ...


class AlarmWatch:
    """Knows what is wrong now; tells people where `BOT_NOTIFY` names a channel.

    What was told is stored: a restart repeats nothing and forgets nothing, and of several processes one tells.
    """

    def __init__(
        self,
        readers: SharedReaders,
        writer: Writer,
        conditions: Sequence[Condition],
        slow: Sequence[SlowCondition] = (),
        *,
        channels: Channels | None = None,
        public_url: str | None = None,
        with_texts: bool = False,
        limits: AlarmLimits = USUAL_ALARMS,
        clock: Clock = utc_now,
    ) -> None:
        """`with_texts`: whether what peers write, and whole numbers, may leave."""
        self._readers = readers
        self._writer = writer
        self._conditions = conditions
        self._slow = slow
        self._channels = channels
        self._public_url = public_url
        self._with_texts = with_texts
        self._limits = limits
        self._clock = clock
        self._started = clock()
        self._holder = str(uuid4())
        self._changes = writer.batch(write_changes)
        self._claims = writer.batch(claim_telling)
        self._told = writer.batch(note_told)
        #: What is wrong now; `/metrics` and the overview show it.
        self.troubles: Sequence[Trouble] = ()
        self._mine: set[str] = set()
        self._failures = 0
        self._not_before = self._started
        self._unstored = _UnstoredAlarm(limits)
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Begin to look."""
        self._task = supervisor.watch("alarms", self._run)

    async def stop(self) -> None:
        """Look no more; what was not told is told by the next run."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self.look(self._clock())
            await asyncio.sleep(self._limits.every)

    async def look(self, now: datetime) -> None:
        """One pass: what is wrong, what of it is new, and what people are to be told."""
        troubles = [trouble for condition in self._conditions for trouble in condition(now)]
        try:
            for condition in self._slow:
                troubles += await condition.look(now)
            if self._writer.trouble is None:
                await self._record(troubles, now)
                self.troubles = [*troubles, *self._unstored.troubles()]  # telling may take its time
                await self._tell(now)
        except (StorageUnavailable, *DATABASE_ERRORS):
            self._unstored.fail(now)
        else:
            if self._writer.trouble is None:
                self._unstored.succeed(now)
            else:
                self._unstored.fail(now)
        self.troubles = [*troubles, *self._unstored.troubles()]
        await self._tell_unstored(now)

    async def _record(self, troubles: Sequence[Trouble], now: datetime) -> None:
        if self._channels is None:
            return
        limits = self._limits
        found = Found(
            troubles=troubles,
            # With SQLite nobody else can have found it so.
            mine=frozenset(self._mine) if self._readers.is_sqlite else (),
            now=now,
            unseen_since=now - limits.unseen if now - self._started >= limits.unseen else _long_ago(now),
            stale_since=now - limits.unseen / 2,
        )
        async with self._readers.reading() as connection:
            changes: Changes = await read_changes(connection, found)
        if not changes.are_none:
            await self._changes.submit([changes])
        self._mine.update(each.key for each in troubles)

    async def _tell(self, now: datetime) -> None:
        if self._channels is None or now < self._not_before:
            return
        async with self._readers.reading() as connection:
            _, oldest, sent = await read_news(connection, with_texts=False)
        if oldest is None or not is_due(oldest, sent, now, self._limits):
            return
        (is_ours,) = await self._claims.submit(
            [Claim(holder=self._holder, now=now, lease=self._limits.lease)]
        )
        if not is_ours:
            return
        async with self._readers.reading() as connection:  # another process may just have told them
            news, oldest, sent = await read_news(connection, with_texts=self._with_texts)
        if oldest is not None and is_due(oldest, sent, now, self._limits):
            await self._send(news, now)

    async def _send(self, news: Sequence[NewsItem], now: datetime) -> None:
        if self._channels is None or not await self._channels.send(notification_of(news, self._public_url)):
            self._failures += 1
            self._not_before = now + pause_after(self._failures, self._limits)
            return
        self._failures = 0
        forget_before = now - self._limits.kept
        await self._told.submit([Told(news=news, holder=self._holder, now=now, forget_before=forget_before)])

    async def _tell_unstored(self, now: datetime) -> None:
        notification = self._unstored.due(now)
        if (
            notification is not None
            and self._channels is not None
            and await self._channels.send(notification)
        ):
            self._unstored.note_told(now)


class _UnstoredAlarm:
    """That the database can't be written or read: the one trouble that can't be stored."""

    def __init__(self, limits: AlarmLimits) -> None:
        self._limits = limits
        self._since: datetime | None = None
        self._over: datetime | None = None
        self._is_told = False
        self._sent: deque[float] = deque(maxlen=limits.per_hour)

    def fail(self, now: datetime) -> None:
        """A look could not read or write."""
        self._over = None
        if self._since is None:
            self._since = now

    def succeed(self, now: datetime) -> None:
        """A look could."""
        if self._since is not None and self._over is None:
            self._over = now
            if not self._is_told:
                self._since = None  # too short to be told of

    def troubles(self) -> list[Trouble]:
        """The trouble, while it lasts."""
        return [Trouble(key="database", kind="database")] if self._since and self._over is None else []

    def due(self, now: datetime) -> Notification | None:
        """What is to be told now."""
        since = self._over or self._since
        if since is None or not is_due(since, list(self._sent), now, self._limits):
            return None
        if self._over is None:
            if self._is_told:
                return None
            return Notification(
                title=f"SMS bot: {BEGUN['database']}", body=f"{BEGUN['database']}.", is_warning=True
            )
        return Notification(
            title=f"SMS bot: {OVER['database']}", body=f"{OVER['database']}.", is_warning=False
        )

    def note_told(self, now: datetime) -> None:
        """People were told."""
        self._sent = deque(of_the_hour([*self._sent, now.timestamp()], now), maxlen=self._limits.per_hour)
        if self._over is None:
            self._is_told = True
        else:
            self._since = self._over = None
            self._is_told = False


def _long_ago(now: datetime) -> datetime:
    return now.replace(year=now.year - 10, day=1)
