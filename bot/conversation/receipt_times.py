"""When Azure received messages: a copy of an event may say it where the first did not."""

from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.events import Inbound
from bot.storage.bulk import BulkUpdate
from bot.storage.lookups import LookupByKeys
from bot.storage.sql import direction_is
from bot.storage.tables import messages

#: By Azure's ids, which of the inbound messages are stored, each with its time of receipt.
KNOWN_MESSAGES = LookupByKeys(
    select(messages.c.provider_message_id, messages.c.received_at).where(direction_is("inbound")),
    messages.c.provider_message_id,
)


class _ReceivedRow(NamedTuple):
    direction: str
    provider_message_id: str
    received_at: datetime | None


_SET_RECEIVED_AT = BulkUpdate(messages, _ReceivedRow, keys=("direction", "provider_message_id"))


def dated(inbound: list[Inbound]) -> list[Inbound]:
    """The same messages, each with the time of receipt of a later copy in the same batch where it has none."""
    if all(message.received_at is not None for message in inbound):
        return inbound
    times = {
        message.message_id: message.received_at for message in inbound if message.received_at is not None
    }
    return [
        message
        if message.received_at is not None
        else replace(message, received_at=times.get(message.message_id))
        for message in inbound
    ]


async def complete_times(
    connection: AsyncConnection, inbound: list[Inbound], known: dict[str, datetime | None]
) -> None:
    """Take over the time of receipt from a duplicate, where the stored message has none."""
    times = {
        message.message_id: message.received_at
        for message in inbound
        if message.received_at is not None and known.get(message.message_id, message.received_at) is None
    }
    rows = [_ReceivedRow("inbound", message_id, moment) for message_id, moment in times.items()]
    await _SET_RECEIVED_AT.execute(connection, rows)
