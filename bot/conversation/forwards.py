"""Forwards: messages posted to an address that a rule names, as durable as a reply. These are their rows."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec
from uuid_utils import uuid7

from bot.conversation.events import Inbound
from bot.storage.bulk import BulkInsert
from bot.storage.task_tables import forwards
from bot.text.hosts import destination_of

#: A new one is due at once also at a replica whose clock is behind by so much.
_BY_ANY_CLOCK: Final = timedelta(hours=2)


class ForwardRow(NamedTuple):
    """A forward to insert; it is queued."""

    id: str
    message_id: str
    url: str
    destination: str
    body: str
    next_try_at: datetime
    created_at: datetime
    updated_at: datetime


def forward_row(
    url: str,
    message: Inbound,
    *,
    message_id: str,
    conversation_id: str,
    rule: str | None,
    values: Mapping[str, str],
    answers: Mapping[str, str] | None,
    now: datetime,
) -> ForwardRow:
    """The forward of a message to one address; its body is a CloudEvent 1.0 in structured JSON.

    `values` are those saved for the conversation; `answers` what the rule has kept as a row, if it has.
    """
    forward_id = str(uuid7())
    body = {
        "specversion": "1.0",
        "id": forward_id,
        "source": f"/conversations/{conversation_id}",
        "type": "sms.message.received",
        "subject": message_id,
        "time": now,
        "datacontenttype": "application/json",
        "data": {
            "message_id": message_id,
            "conversation_id": conversation_id,
            "provider_message_id": message.message_id,
            "from": message.peer,
            "to": message.number,
            "text": message.text,
            "rule": rule,
            "received_at": message.received_at,
            "values": values,
            **({"answers": answers} if answers is not None else {}),
        },
    }
    return ForwardRow(
        id=forward_id,
        message_id=message_id,
        url=url,
        destination=destination_of(url),
        body=msgspec.json.encode(body).decode(),
        next_try_at=now - _BY_ANY_CLOCK,
        created_at=now,
        updated_at=now,
    )


INSERT_FORWARDS = BulkInsert(forwards, ForwardRow, constants={"status": "queued"})
