"""State changes of outbound messages: the summary on the message, the evidence beside it, for ever."""

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import bindparam, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.delivery import DeliveryState, Happening, next_state
from bot.conversation.news import touch
from bot.conversation.tables import conversations, messages, status_changes


class _Change(Struct, frozen=True, kw_only=True):
    """A message came from one state into another."""

    message_id: str
    conversation_id: str
    before: DeliveryState
    after: DeliveryState

    @property
    def is_visible(self) -> bool:
        """A newer report that says the same again moves the clock, not the history."""
        return self.before.status != self.after.status or self.before.details != self.after.details


class Changes:
    """What one transaction does to messages: their states while it goes on, all of it stored by `record`."""

    def __init__(self) -> None:
        self._states: dict[str, DeliveryState] = {}
        self._changes: list[_Change] = []

    def apply(self, row: Any, *happened: Happening) -> None:
        """Move the message in a row of `messages` on by what happened to it, in this order."""
        state = self._states.get(row.id) or DeliveryState(
            status=row.status, details=row.status_details, reported_at=row.reported_at
        )
        for one in happened:
            after = next_state(state, one)
            if after is not state:
                self._changes.append(
                    _Change(message_id=row.id, conversation_id=row.conversation_id, before=state, after=after)
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
        touch(change.conversation_id for change in self._changes)
        return len(self._changes)


async def _update_messages(connection: AsyncConnection, changes: list[_Change], now: datetime) -> None:
    last = {change.message_id: change.after for change in changes}
    if last:
        rows = [
            {
                "key": message_id,
                "new_status": state.status,
                "new_details": state.details,
                "new_reported_at": state.reported_at,
                "new_updated_at": now,
            }
            for message_id, state in last.items()
        ]
        await connection.execute(_UPDATE_MESSAGE, rows)


async def _extend_histories(connection: AsyncConnection, changes: list[_Change], now: datetime) -> None:
    if changes:
        rows = [
            {
                "message_id": change.message_id,
                "status": change.after.status,
                "at": now,
                "details": change.after.details,
            }
            for change in changes
        ]
        await connection.execute(insert(status_changes), rows)


async def _update_conversations(connection: AsyncConnection, changes: list[_Change]) -> None:
    last = {change.message_id: change for change in changes}
    if last:
        # In one order everywhere, so that two replicas never wait for each other.
        rows = [
            {
                "conversation": change.conversation_id,
                "key": change.message_id,
                "new_status": change.after.status,
            }
            for change in sorted(last.values(), key=lambda change: change.conversation_id)
        ]
        await connection.execute(_UPDATE_CONVERSATION, rows)


_UPDATE_MESSAGE = (
    update(messages)
    .where(messages.c.id == bindparam("key"))
    .values(
        status=bindparam("new_status"),
        status_details=bindparam("new_details"),
        reported_at=bindparam("new_reported_at"),
        updated_at=bindparam("new_updated_at"),
    )
)
_UPDATE_CONVERSATION = (
    update(conversations)
    .where(
        conversations.c.id == bindparam("conversation"),
        conversations.c.latest_outbound_id == bindparam("key"),
    )
    .values(delivery=bindparam("new_status"))
)
