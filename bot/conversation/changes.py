"""State changes of outbound messages: the summary on the message, the evidence beside it, for ever."""

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import bindparam, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.delivery import DeliveryState
from bot.conversation.tables import conversations, messages, status_changes


class StateChange(Struct, frozen=True, kw_only=True):
    """A message came from one state into another."""

    message_id: str
    conversation_id: str
    before: DeliveryState
    after: DeliveryState


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


async def record_changes(connection: AsyncConnection, changes: list[StateChange], now: datetime) -> None:
    """Store each change, its place in the message's history, and the conversation's newest delivery state."""
    if not changes:
        return
    await connection.execute(
        _UPDATE_MESSAGE,
        [
            {
                "key": change.message_id,
                "new_status": change.after.status,
                "new_details": change.after.details,
                "new_reported_at": change.after.reported_at,
                "new_updated_at": now,
            }
            for change in changes
        ],
    )
    seen = [change for change in changes if _is_visible(change)]
    if not seen:
        return
    await connection.execute(
        insert(status_changes),
        [
            {
                "message_id": change.message_id,
                "status": change.after.status,
                "at": now,
                "details": change.after.details,
            }
            for change in seen
        ],
    )
    moved = {
        change.message_id: {
            "conversation": change.conversation_id,
            "key": change.message_id,
            "new_status": change.after.status,
        }
        for change in seen
        if change.before.status != change.after.status
    }
    if moved:
        # In one order everywhere, so that two replicas never wait for each other.
        rows = sorted(moved.values(), key=lambda row: row["conversation"])
        await connection.execute(_UPDATE_CONVERSATION, rows)


def change_of(row: Any, before: DeliveryState, after: DeliveryState) -> StateChange:
    """The change of the message in a row of `messages`."""
    return StateChange(message_id=row.id, conversation_id=row.conversation_id, before=before, after=after)


def state_in(row: Any) -> DeliveryState:
    """The delivery state in a row of `messages`."""
    return DeliveryState(status=row.status, details=row.status_details, reported_at=row.reported_at)


def _is_visible(change: StateChange) -> bool:
    """A newer report that says the same again moves the clock, not the history."""
    return change.before.status != change.after.status or change.before.details != change.after.details
