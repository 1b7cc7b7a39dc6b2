"""Sends events to their receivers again, by the same ids: a receiver that has them knows them."""

from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial

from msgspec import Struct
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import Clock, utc_now
from bot.storage.event_tables import outgoing_events
from bot.storage.readers import Readers
from bot.storage.sql import status_is
from bot.storage.writer import Writer

#: Rows of one transaction.
_AT_ONCE = 1_000


class ResendRequest(Struct, frozen=True, kw_only=True):
    """Which events to send again: those of a receiver, or of all; since a time; or those alone that were given up."""

    since: datetime | None = None
    to: str | None = None
    failed_only: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        """What is true of them; what is queued is on its way already."""
        table = outgoing_events
        wanted = [status_is("failed", table.c.status)] if self.failed_only else [table.c.status != "queued"]
        if self.since is not None:
            wanted.append(table.c.created_at >= self.since)
        if self.to is not None:
            wanted.append(table.c.receiver == self.to)
        return wanted


class NoSuchReceiver(Exception):
    """Nobody hears events under an address; the message says who does."""

    def __init__(self, to: str | None, receivers: Collection[str]) -> None:
        super().__init__(
            f'BOT_EVENTS_TO has no receiver "{to}"; it names {", ".join(receivers)}.'
            if receivers
            else "BOT_EVENTS_TO is unset, so nobody hears events: set it, and start the bot again."
        )


class EventResends:
    """Has events sent again."""

    def __init__(
        self,
        readers: Readers,
        writer: Writer,
        receivers: Collection[str],
        on_queued: Callable[[], None] = lambda: None,
        clock: Clock = utc_now,
    ) -> None:
        """`receivers`: the addresses in BOT_EVENTS_TO, without their queries; nobody else is sent anything."""
        self._receivers = receivers
        self._readers = readers
        self._rows = writer.batch(partial(_queue_again, clock=clock))
        self._on_queued = on_queued

    async def resend(self, wanted: ResendRequest) -> int:
        """Queue them, oldest first; how many. Raises `NoSuchReceiver` and `bot.storage.writer.StorageUnavailable`."""
        if wanted.to is not None and wanted.to not in self._receivers:
            raise NoSuchReceiver(wanted.to, self._receivers)
        conditions = [*wanted.conditions(), outgoing_events.c.receiver.in_(self._receivers)]
        async with self._readers.reading() as connection:
            newest = select(func.max(outgoing_events.c.id)).where(*conditions)
            last = (await connection.execute(newest)).scalar() or 0
        count, after = 0, 0
        while after < last:
            query = (
                select(outgoing_events.c.id)
                .where(*conditions, outgoing_events.c.id > after, outgoing_events.c.id <= last)
                .order_by(outgoing_events.c.id)
                .limit(_AT_ONCE)
            )
            async with self._readers.reading() as connection:
                ids = list((await connection.execute(query)).scalars())
            if not ids:
                break
            count += sum(await self._rows.submit(ids))
            after = ids[-1]
        if count:
            self._on_queued()
        return count


async def _queue_again(connection: AsyncConnection, ids: list[int], *, clock: Clock) -> list[int]:
    changes = {
        "status": "queued", "attempts": 0, "next_try_at": None, "last_error": None, "tries": None, "resent_at": clock(),
    }  # fmt: skip
    await connection.execute(
        update(outgoing_events)
        .where(outgoing_events.c.id.in_(ids), outgoing_events.c.status != "queued")
        .values(changes)
    )
    return [1] * len(ids)
