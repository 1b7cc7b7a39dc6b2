"""The rows of messages to be inserted, in either direction."""

from datetime import datetime
from typing import NamedTuple

from bot.storage.bulk import BulkInsert
from bot.storage.tables import messages


class InboundRow(NamedTuple):
    """An inbound message to insert."""

    id: str
    conversation_id: str
    position: int
    text: str
    provider_message_id: str
    rule: str | None
    segments: int
    encoding: str
    created_at: datetime
    updated_at: datetime
    received_at: datetime | None
    decision: dict[str, object]
    book_version: str


class OutboundRow(NamedTuple):
    """An outbound message to insert."""

    id: str
    conversation_id: str
    position: int
    text: str
    status: str
    status_details: str | None
    failure_code: str | None
    rule: str | None
    in_reply_to: str | None
    segments: int
    encoding: str
    created_at: datetime
    updated_at: datetime
    book_version: str | None
    number: str
    exempt: bool


INSERT_INBOUND = BulkInsert(messages, InboundRow, constants={"direction": "inbound", "status": "received"})
INSERT_OUTBOUND = BulkInsert(messages, OutboundRow, constants={"direction": "outbound"})
