"""The rows of messages to be inserted, in either direction."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.bulk import BulkInsert
from bot.storage.tables import messages


class InboundRow(NamedTuple):
    """An inbound message to insert."""

    id: str
    conversation_id: str
    position: int
    text: str
    rule: str | None
    segments: int
    encoding: str
    created_at: datetime
    updated_at: datetime
    book_version: str | None
    provider_message_id: str
    received_at: datetime | None
    decision: dict[str, object]


class OutboundRow(NamedTuple):
    """An outbound message to insert."""

    id: str
    conversation_id: str
    position: int
    text: str
    rule: str | None
    segments: int
    encoding: str
    created_at: datetime
    updated_at: datetime
    book_version: str | None
    status: str
    status_details: str | None
    failure_code: str | None
    in_reply_to: str | None
    number: str
    exempt: bool


class _EitherRow(NamedTuple):
    """What both have, what an inbound one has, what an outbound one has, and which it is."""

    id: str
    conversation_id: str
    position: int
    text: str
    rule: str | None
    segments: int
    encoding: str
    created_at: datetime
    updated_at: datetime
    book_version: str | None
    provider_message_id: str | None
    received_at: datetime | None
    decision: dict[str, object] | None
    status: str
    status_details: str | None
    failure_code: str | None
    in_reply_to: str | None
    number: str | None
    exempt: bool | None
    direction: str


#: Fields that rows of both directions begin with.
_COMMON = 10
_NOT_INBOUND: tuple[Any, ...] = (None,) * (len(InboundRow._fields) - _COMMON)
_RECEIVED = ("received", None, None, None, None, None, "inbound")

_INSERT_INBOUND = BulkInsert(messages, InboundRow, constants={"direction": "inbound", "status": "received"})
_INSERT_OUTBOUND = BulkInsert(messages, OutboundRow, constants={"direction": "outbound"})
_INSERT_EITHER = BulkInsert(messages, _EitherRow)


async def insert_messages(
    connection: AsyncConnection, inbound: list[InboundRow], outbound: list[OutboundRow]
) -> None:
    """Insert new messages; their conversations must be there already.

    PostgreSQL has each reply beside what it answers: a reply is written anew when it is claimed and when it has left,
    and there is room for that on its page (the table's `fillfactor`) where half of the rows stay as they are.
    """
    if connection.dialect.name == "sqlite":
        await _INSERT_INBOUND.execute(connection, inbound)
        await _INSERT_OUTBOUND.execute(connection, outbound)
        return
    rows = [_EitherRow._make(each + _RECEIVED) for each in inbound]
    rows += [
        _EitherRow._make((*each[:_COMMON], *_NOT_INBOUND, *each[_COMMON:], "outbound")) for each in outbound
    ]
    rows.sort(key=_id_of)
    await _INSERT_EITHER.execute(connection, rows)


def _id_of(row: _EitherRow) -> str:
    return row.id
