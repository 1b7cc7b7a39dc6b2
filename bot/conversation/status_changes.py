"""State changes of outbound messages: the summary on the message, the evidence beside it, for ever."""

from datetime import datetime
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.delivery import DeliveryEvent, DeliveryState, Status, next_state
from bot.storage.bulk import BulkInsert, BulkUpdate
from bot.storage.commits import mark_changed
from bot.storage.tables import conversations, messages, status_changes


class StoredMessage(NamedTuple):
    """What must be known of a message to move its delivery state."""

    id: str
    conversation_id: str
    provider_message_id: str | None
    status: Status
    status_details: str | None
    reported_at: datetime | None


#: The columns of `StoredMessage`, in its order.
STORED_COLUMNS = tuple(messages.c[name] for name in StoredMessage._fields)


class _AppliedChange(Struct, frozen=True, kw_only=True):
    """A message came from one state into another."""

    message_id: str
    conversation_id: str
    before: DeliveryState
    after: DeliveryState

    @property
    def is_visible(self) -> bool:
        """A newer report that says the same again moves the clock, not the history."""
        return self.before.status != self.after.status or self.before.details != self.after.details


class StatusChanges:
    """What one transaction does to messages: their states while it goes on, all of it stored by `record`."""

    def __init__(self) -> None:
        self._states: dict[str, DeliveryState] = {}
        self._changes: list[_AppliedChange] = []

    def apply(self, row: StoredMessage, *happened: DeliveryEvent) -> None:
        """Move a message on by what happened to it, in this order."""
        state = self._states.get(row.id) or DeliveryState(
            status=row.status, details=row.status_details, reported_at=row.reported_at
        )
        for one in happened:
            after = next_state(state, one)
            if after is not state:
                self._changes.append(
                    _AppliedChange(
                        message_id=row.id, conversation_id=row.conversation_id, before=state, after=after
                    )
                )
            state = after
        self._states[row.id] = state

    async def record(self, connection: AsyncConnection, now: datetime) -> int:
        """Store each change, its place in its message's history, and the conversation's newest delivery state.

        Returns how many changes there were.
        """
        await _update_messages(connection, self._changes, now)
        await _extend_histories(connection, [change for change in self._changes if change.is_visible], now)
        moved = [change for change in self._changes if change.before.status != change.after.status]
        await _update_conversations(connection, moved)
        mark_changed(change.conversation_id for change in self._changes)
        return len(self._changes)


async def _update_messages(connection: AsyncConnection, changes: list[_AppliedChange], now: datetime) -> None:
    last = {change.message_id: change.after for change in changes}
    rows = [
        (message_id, state.status, state.details, state.reported_at, now)
        for message_id, state in last.items()
    ]
    await _UPDATE_MESSAGE.execute(connection, rows)


async def _extend_histories(
    connection: AsyncConnection, changes: list[_AppliedChange], now: datetime
) -> None:
    rows = [(change.message_id, change.after.status, now, change.after.details) for change in changes]
    await _INSERT_STATUS_CHANGE.execute(connection, rows)


async def _update_conversations(connection: AsyncConnection, changes: list[_AppliedChange]) -> None:
    last = {change.message_id: change for change in changes}
    # In one order everywhere, so that two replicas never wait for each other.
    rows = sorted(
        (change.conversation_id, change.message_id, change.after.status) for change in last.values()
    )
    await _UPDATE_CONVERSATION.execute(connection, rows)


_UPDATE_MESSAGE = BulkUpdate(messages, ("status", "status_details", "reported_at", "updated_at"))
_INSERT_STATUS_CHANGE = BulkInsert(status_changes, ("message_id", "status", "at", "details"))
_UPDATE_CONVERSATION = BulkUpdate(conversations, ("delivery",), keys=("id", "latest_outbound_id"))
