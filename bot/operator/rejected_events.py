"""Events that could not be read: tried again once what was wrong is mended, or dismissed by a person."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Literal

import structlog
from msgspec import Struct
from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import utc_now
from bot.conversation.audit_log import action_row
from bot.conversation.event_tally import Receipt
from bot.conversation.events import Event, Inbound, UnreadableEvent
from bot.operator.actor import ADMIN, Actor
from bot.storage.commits import Topic, mark_changed
from bot.storage.pages import Order, Page, read_page
from bot.storage.readers import Readers
from bot.storage.sql import direction_is
from bot.storage.tables import actions, messages, rejected_events, settled_rejections
from bot.storage.writer import Writer

log = structlog.get_logger(__name__)

_LATEST_FIRST = Order(settled_rejections.c.at, settled_rejections.c.id, newest_first=True)


class SettledEventView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rejected event that a person has seen to, as the API and the console show it."""

    id: str
    arrived_at: datetime
    #: Why it could not be read, without phone numbers.
    reason: str
    outcome: Literal["dismissed", "taken"]
    by: str
    #: Their id among `people`; None for whoever showed a token.
    person_id: str | None = None
    at: datetime


class NotRejected(Exception):
    """There is no such rejected event: it was taken or dismissed meanwhile."""

    def __init__(self, event_id: str) -> None:
        super().__init__(f"There is no rejected event {event_id!r}; it may be accepted or dismissed already.")


class StillUnreadable(Exception):
    """An event that was tried again can't be taken now either; the message says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"It still can't be taken: {reason}")


class _SettledRejection(Struct, frozen=True, kw_only=True):
    """A rejected event that is to go."""

    event_id: str
    by: Actor
    #: Azure's ids of the messages that were made of it; None when it was dismissed.
    taken: Sequence[str] | None = None


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
        self._removals = writer.batch(_remove)
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
        taken = [
            event.message_id
            for event, outcome in zip(events, outcomes, strict=True)
            if isinstance(event, Inbound) and outcome == "accepted"
        ]
        if "rejected" in outcomes:
            raise StillUnreadable("the log says what went wrong while it was processed.")
        # Should the process end just here, the event is a duplicate at the next try.
        await self._remove(_SettledRejection(event_id=event_id, by=by, taken=taken))
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
        await self._remove(_SettledRejection(event_id=event_id, by=by))
        log.info("A rejected event was dismissed", action="rejected_event_dismissed", id=event_id, by=by.name)

    async def _remove(self, removal: _SettledRejection) -> None:
        (was_there,) = await self._removals.submit([removal])
        if not was_there:
            raise NotRejected(removal.event_id)


async def _remove(connection: AsyncConnection, removals: list[_SettledRejection]) -> list[bool]:
    mark_changed([Topic.REJECTED])
    results, now = [], utc_now()
    for each in removals:
        done = (
            delete(rejected_events)
            .where(rejected_events.c.id == each.event_id)
            .returning(rejected_events.c.arrived_at, rejected_events.c.reason)
        )
        row = (await connection.execute(done)).mappings().first()
        results.append(row is not None)
        if row is None:
            continue
        outcome = "dismissed" if each.taken is None else "taken"
        who = {"by": each.by.name, "person_id": each.by.id, "at": now}
        await connection.execute(
            insert(settled_rejections).values(id=each.event_id, outcome=outcome, **row, **who)
        )
        if each.taken:
            await _note(connection, each)
    return results


async def list_settled(
    connection: AsyncConnection, *, limit: int, cursor: str | None
) -> Page[SettledEventView]:
    """What people did with rejected events, the latest first. Raises `bot.storage.pages.WrongCursor`."""
    query = select(settled_rejections)
    return await read_page(connection, query, _LATEST_FIRST, _settled_view, limit=limit, cursor=cursor)


def _settled_view(row: Row[Any]) -> SettledEventView:
    return SettledEventView(**{name: getattr(row, name) for name in SettledEventView.__struct_fields__})


async def _note(connection: AsyncConnection, removal: _SettledRejection) -> None:
    """Put who had it tried again on the record of the conversations in which its messages are."""
    query = select(messages.c.id, messages.c.conversation_id).where(
        direction_is("inbound"), messages.c.provider_message_id.in_(removal.taken or ())
    )
    rows = (await connection.execute(query)).all()
    by, now = removal.by, utc_now()
    notes = [
        action_row("retry", row.conversation_id, by=by.name, person_id=by.id, now=now, message_id=row.id)
        for row in rows
    ]
    if notes:
        await connection.execute(insert(actions), notes)
    mark_changed(row.conversation_id for row in rows)
