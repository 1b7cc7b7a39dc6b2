"""State changes of outbound messages: the summary on the message, and one row for each change, for ever."""

from collections.abc import Container
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.delivery import ACCEPTED, DeliveryEvent, DeliveryState, Status, next_state, status_of
from bot.conversation.events import DeliveryReport
from bot.conversation.facts import TOLD_STATES, MessageFact
from bot.storage.bulk import BulkInsert, BulkUpdate
from bot.storage.commits import mark_changed
from bot.storage.facts import are_heard, note
from bot.storage.tables import conversations, messages, status_changes


class StoredMessage(NamedTuple):
    """What must be known of a message to move its delivery state."""

    id: str
    conversation_id: str
    provider_message_id: str | None
    status: Status
    status_details: str | None
    failure_code: str | None
    reported_at: datetime | None
    rule: str | None
    in_reply_to: str | None
    updated_at: datetime


#: The columns of `StoredMessage`, in its order.
STORED_COLUMNS = tuple(messages.c[name] for name in StoredMessage._fields)


class _AppliedChange(Struct, frozen=True):
    """A message came from one state into another."""

    message_id: str
    conversation_id: str
    before: DeliveryState
    after: DeliveryState

    @property
    def is_visible(self) -> bool:
        """Whether the history has a row for it: a newer report that says the same again moves `reported_at` alone."""
        return self.before.status != self.after.status or self.before.details != self.after.details


class StatusChanges:
    """The state changes of one transaction, stored by `record`."""

    def __init__(self) -> None:
        self._states: dict[str, DeliveryState] = {}
        self._changes: list[_AppliedChange] = []

    def apply(self, row: StoredMessage, *events: DeliveryEvent) -> None:
        """Move a message on by these events, in this order."""
        state = self._states.get(row.id) or DeliveryState(
            status=row.status,
            details=row.status_details,
            failure_code=row.failure_code,
            reported_at=row.reported_at,
        )
        for event in events:
            # Who reports a known status was given the message: so the history has its `sent`, whichever of the report
            # and ACS's answer came first.
            if (
                state.status == "queued"
                and isinstance(event, DeliveryReport)
                and status_of(event) is not None
            ):
                state = self._note(row, state, next_state(state, ACCEPTED))
            state = self._note(row, state, next_state(state, event))
        self._states[row.id] = state

    def _note(self, row: StoredMessage, before: DeliveryState, after: DeliveryState) -> DeliveryState:
        if after is not before:
            self._changes.append(_AppliedChange(row.id, row.conversation_id, before, after))
        return after

    @property
    def moved(self) -> dict[str, DeliveryState]:
        """The messages that have changed, by their ids, and the state in which each is left."""
        return {change.message_id: change.after for change in self._changes}

    async def record(
        self, connection: AsyncConnection, now: datetime, *, written: Container[str] = frozenset()
    ) -> int:
        """Store each change, its place in its message's history, and the conversation's newest delivery state.

        `written`: messages whose own row has its new state already. Returns how many changes there were.
        """
        await _update_messages(connection, self.moved, written, now)
        await _extend_histories(connection, [change for change in self._changes if change.is_visible], now)
        moved = [change for change in self._changes if change.before.status != change.after.status]
        if moved and are_heard():
            note(_fact_of(change) for change in moved if change.after.status in TOLD_STATES)
        await _update_conversations(connection, moved)
        mark_changed(change.conversation_id for change in self._changes)
        return len(self._changes)


def _fact_of(change: _AppliedChange) -> MessageFact:
    return MessageFact(
        message_id=change.message_id,
        conversation_id=change.conversation_id,
        status=change.after.status,
        details=change.after.details,
        failure_code=change.after.failure_code,
    )


class _MessageRow(NamedTuple):
    id: str
    status: str
    status_details: str | None
    failure_code: str | None
    reported_at: datetime | None
    updated_at: datetime


class _HistoryRow(NamedTuple):
    message_id: str
    status: str
    at: datetime
    details: str | None
    failure_code: str | None


class _LatestStateRow(NamedTuple):
    id: str
    latest_outbound_id: str
    delivery: str


async def _update_messages(
    connection: AsyncConnection, moved: dict[str, DeliveryState], written: Container[str], now: datetime
) -> None:
    rows = [
        _MessageRow(message_id, state.status, state.details, state.failure_code, state.reported_at, now)
        for message_id, state in moved.items()
        if message_id not in written
    ]
    await _UPDATE_MESSAGE.execute(connection, rows)


async def _extend_histories(
    connection: AsyncConnection, changes: list[_AppliedChange], now: datetime
) -> None:
    rows = [
        _HistoryRow(
            change.message_id, change.after.status, now, change.after.details, change.after.failure_code
        )
        for change in changes
    ]
    await _INSERT_STATUS_CHANGE.execute(connection, rows)


async def _update_conversations(connection: AsyncConnection, changes: list[_AppliedChange]) -> None:
    last = {change.message_id: change for change in changes}
    # In one order everywhere, so that two replicas never wait for each other.
    rows = sorted(
        _LatestStateRow(change.conversation_id, change.message_id, change.after.status)
        for change in last.values()
    )
    await _UPDATE_CONVERSATION.execute(connection, rows)


_UPDATE_MESSAGE = BulkUpdate(messages, _MessageRow)
_INSERT_STATUS_CHANGE = BulkInsert(status_changes, _HistoryRow)
_UPDATE_CONVERSATION = BulkUpdate(conversations, _LatestStateRow, keys=("id", "latest_outbound_id"))
