"""Events that could not be read: tried again once what was wrong is mended, or dismissed by a person."""

from collections.abc import Awaitable, Callable, Sequence

import structlog
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.event_tally import Receipt
from bot.conversation.events import Event, UnreadableEvent
from bot.operator.actor import ADMIN, Actor
from bot.storage.commits import Topic, mark_changed
from bot.storage.readers import Readers
from bot.storage.tables import rejected_events
from bot.storage.writer import Writer

log = structlog.get_logger(__name__)


class NotRejected(Exception):
    """There is no such rejected event: it was taken or dismissed meanwhile."""

    def __init__(self, event_id: str) -> None:
        super().__init__(f"There is no rejected event {event_id!r}; it may be accepted or dismissed already.")


class StillUnreadable(Exception):
    """An event that was tried again can't be taken now either; the message says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"It still can't be taken: {reason}")


class RejectedEvents:
    """Lets people try them again or dismiss them."""

    def __init__(
        self,
        readers: Readers,
        writer: Writer,
        read: Callable[[str], Sequence[Event]],
        accept: Callable[[Sequence[Event]], Awaitable[list[Receipt]]],
    ) -> None:
        """`read` makes events of a raw one, and `accept` is the inbox's."""
        self._readers = readers
        self._dismissals = writer.batch(_delete)
        self._read = read
        self._accept = accept

    async def retry(self, event_id: str, *, by: Actor = ADMIN) -> str:
        """Take the event as if it came now; it leaves the rejected ones. What became of it: accepted or duplicate.

        Raises `NotRejected`, `StillUnreadable`, and `bot.storage.writer.StorageUnavailable`.
        """
        async with self._readers.reading() as connection:
            raw = (
                await connection.execute(
                    select(rejected_events.c.raw).where(rejected_events.c.id == event_id)
                )
            ).scalar()
        if raw is None:
            raise NotRejected(event_id)
        events = self._read(raw)
        for event in events:
            if isinstance(event, UnreadableEvent):
                raise StillUnreadable(event.reason)
        outcomes = [receipt.outcome for receipt in await self._accept(events)]
        if "rejected" in outcomes:
            raise StillUnreadable("the log says what went wrong while it was processed.")
        # Should the process end just here, the event is a duplicate at the next try.
        await self._remove(event_id)
        log.info(
            "A rejected event was taken after all",
            action="rejected_event_taken",
            id=event_id,
            outcomes=outcomes,
            by=by.name,
        )
        return "duplicate" if outcomes and set(outcomes) == {"duplicate"} else "accepted"

    async def dismiss(self, event_id: str, *, by: Actor = ADMIN) -> None:
        """Forget the event. Raises `NotRejected`, and `bot.storage.writer.StorageUnavailable`."""
        await self._remove(event_id)
        log.info("A rejected event was dismissed", action="rejected_event_dismissed", id=event_id, by=by.name)

    async def _remove(self, event_id: str) -> None:
        (was_there,) = await self._dismissals.submit([event_id])
        if not was_there:
            raise NotRejected(event_id)


async def _delete(connection: AsyncConnection, event_ids: list[str]) -> list[bool]:
    mark_changed([Topic.REJECTED])
    results = []
    for event_id in event_ids:
        done = await connection.execute(delete(rejected_events).where(rejected_events.c.id == event_id))
        results.append(done.rowcount > 0)
    return results
