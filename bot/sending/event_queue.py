"""The events of one receiver of BOT_EVENTS_TO, in order within each conversation."""

from datetime import datetime

from sqlalchemy import bindparam, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.event_receivers import EventReceiver
from bot.sending.post_queues import Tried, Waiting, may_be_tried, own_tries
from bot.storage.columns import UtcTime
from bot.storage.event_tables import outgoing_events
from bot.storage.sql import status_is

#: Failed tries that a row keeps for people.
MOST_TRIES = 20
_is_queued = status_is("queued", outgoing_events.c.status)
#: Since when an event waits.
WAITS_SINCE = func.coalesce(outgoing_events.c.resent_at, outgoing_events.c.created_at, type_=UtcTime())


class EventQueue:
    """A receiver's queue: an event is due once the one before it in its conversation is no longer queued."""

    failed_line = "An event could not be delivered"
    delayed_line = "An event is delivered again later"
    gives_up_at_refusal = False

    def __init__(self, receiver: EventReceiver) -> None:
        self.receiver = receiver

    async def due(self, connection: AsyncConnection, now: datetime, limit: int) -> list[Waiting]:
        """The oldest events that may be tried now, one of a conversation at most."""
        events, before = outgoing_events, outgoing_events.alias("before")
        waits_for_another = exists().where(
            before.c.conversation_id == events.c.conversation_id,
            before.c.receiver == events.c.receiver,
            before.c.id < events.c.id,
            status_is("queued", before.c.status),
        )
        query = (
            select(events.c.id, events.c.event_id, events.c.body, events.c.attempts, events.c.tries,
                   WAITS_SINCE.label("since"))
            .where(
                _is_queued,
                events.c.receiver == self.receiver.place,
                may_be_tried(events.c.next_try_at, now),
                ~waits_for_another,
            )
            .order_by(events.c.id)
            .limit(limit)
        )  # fmt: skip
        url = self.receiver.url.reveal()
        return [
            Waiting(
                id=row.id, event_id=row.event_id, url=url, body=row.body, attempts=row.attempts,
                created_at=row.since, tries=row.tries or (),
            )
            for row in await connection.execute(query)
        ]  # fmt: skip

    async def record(self, connection: AsyncConnection, tries: list[Tried]) -> list[None]:
        """Each row as its try has left it, with the tries that failed.

        What has been tried by another process since, or is to be sent again, is left as it is.
        """
        count = len(tries)
        tries = await own_tries(connection, _STANDS, tries)
        if not tries:
            return [None] * count
        rows = [
            {
                "key": each.waiting.id, "new_status": each.status, "new_error": each.error,
                "new_next": each.next_try_at, "new_updated": each.now, "new_tries": _tries_after(each),
            }
            for each in tries
        ]  # fmt: skip
        await connection.execute(_RECORD_EVENT, rows)
        return [None] * count

    async def hurry(self, connection: AsyncConnection) -> None:
        """The receiver takes events again."""
        waiting = (_is_queued, outgoing_events.c.receiver == self.receiver.place,
                   outgoing_events.c.next_try_at.is_not(None))  # fmt: skip
        await connection.execute(update(outgoing_events).where(*waiting).values(next_try_at=None))


def _tries_after(tried: Tried) -> list[dict[str, object]] | None:
    before = list(tried.waiting.tries)
    if tried.error is not None:
        before.append({"at": tried.now.isoformat(timespec="seconds"), "ms": tried.ms, "reason": tried.error})
    return before[-MOST_TRIES:] or None


_STANDS = select(
    outgoing_events.c.id, outgoing_events.c.status, outgoing_events.c.attempts, WAITS_SINCE.label("since")
)
_RECORD_EVENT = (
    update(outgoing_events)
    .where(outgoing_events.c.id == bindparam("key"))
    .values(
        status=bindparam("new_status"),
        attempts=outgoing_events.c.attempts + 1,
        last_error=bindparam("new_error"),
        next_try_at=bindparam("new_next"),
        updated_at=bindparam("new_updated"),
        tries=bindparam("new_tries", type_=outgoing_events.c.tries.type),
    )
)
