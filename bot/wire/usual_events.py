"""The events that nearly all calls bring, read in one pass: texts that came, as Azure documents them.

A call with anything else in it is left to `bot.wire.envelopes`, which reads whatever there is. Both read these alike.
Reading an event of 500 so takes 1.4 µs and not 4.4: no object of the JSON becomes a dict (`benchmarks/HISTORY.md`).
"""

from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import Struct

from bot.conversation.events import Event, Inbound
from bot.sending.sms_service import LONGEST_ID
from bot.text.numbers import normalise_number
from bot.text.storable import make_storable

LONGEST_NUMBER = 64
#: Characters of an SMS: 255 segments of 153, as many as its format can count.
LONGEST_TEXT = 255 * 153


_Kind = Literal["Microsoft.Communication.SMSReceived"]


class _Data(Struct, rename="pascal", forbid_unknown_fields=True, gc=False):
    """The `data` of an event. A key more might be one of these in another writing."""

    message_id: str
    # `from` is no name in Python.
    sender: str = msgspec.field(name="From")
    to: str
    message: str
    received_timestamp: str


class _Received(Struct, gc=False):
    """An event in Event Grid's schema. What else it says counts only where its data says less."""

    data: _Data
    kind: _Kind = msgspec.field(name="eventType")


class _CloudReceived(Struct, gc=False):
    """The same as a CloudEvent."""

    data: _Data
    kind: _Kind = msgspec.field(name="type")


_decoder = msgspec.json.Decoder(list[_Received] | _Received)
_cloud_decoder = msgspec.json.Decoder(list[_CloudReceived] | _CloudReceived)


def read_usual(body: bytes) -> list[Event] | None:
    """The events of a call that brings texts alone, each whole and as documented; else None."""
    # Where a CloudEvent has an eventType all the same, that counts.
    is_cloud = b'"specversion"' in body and b'"eventType"' not in body
    try:
        found = _cloud_decoder.decode(body) if is_cloud else _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    # Then no string holds anything that can't be stored: JSON writes NUL and surrogates as escapes.
    is_storable = body.isascii() and b"\\" not in body
    events: list[Event] = []
    to = number = ""
    for each in found if isinstance(found, list) else [found]:
        data = each.data
        message_id, sender, text = data.message_id, data.sender, data.message
        if not is_storable:
            message_id, sender, text = make_storable(message_id), make_storable(sender), make_storable(text)
        if data.to != to:  # as a call's events have one nearly always
            to = data.to
            number = normalise_number(make_storable(to))
        peer, received_at = normalise_number(sender), utc_time(data.received_timestamp)
        if (
            received_at is None
            or not 0 < len(message_id) <= LONGEST_ID
            or not 0 < len(peer) <= LONGEST_NUMBER
            or not 0 < len(number) <= LONGEST_NUMBER
            or len(text) > LONGEST_TEXT
        ):
            return None
        events.append(
            Inbound(message_id=message_id, number=number, peer=peer, text=text, received_at=received_at)
        )
    return events or None


def utc_time(written: str) -> datetime | None:
    """A moment in UTC from 7, 2 or no fractional digits, `Z`, an offset or nothing; None for what is no time."""
    try:
        moment = datetime.fromisoformat(written.strip())
        if moment.tzinfo is UTC:
            return moment
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
