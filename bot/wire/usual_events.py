"""The events that nearly all calls bring, read in one pass: texts that came, or delivery reports, as documented.

A call with anything else in it, or with both, is left to `bot.wire.envelopes`, which reads whatever there is. Both read
these alike. Reading a text of 500 so takes 1.4 µs and not 4.4, a report of 100 2.4 µs and not 8.7: no object of the
JSON becomes a dict, and none is written as JSON again to be kept (`benchmarks/HISTORY.md`).
"""

from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import Struct

from bot.conversation.events import DeliveryReport, Event, Inbound
from bot.sending.sms_service import LONGEST_ID
from bot.text.numbers import normalise_number
from bot.text.storable import bounded, make_storable, one_line

LONGEST_NUMBER = 64
#: Characters of an SMS: 255 segments of 153, as many as its format can count.
LONGEST_TEXT = 255 * 153
#: Characters of what a delivery report says. A carrier's words have about 100, our own tags 36.
LONGEST_STATUS = 64
LONGEST_DETAILS = 1_000
LONGEST_TAG = 256

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


class _ReportedData(Struct, rename="pascal", forbid_unknown_fields=True, gc=False):
    """The `data` of a delivery report."""

    message_id: str
    to: str
    delivery_status: str
    received_timestamp: str
    delivery_status_details: str | None = None
    sender: msgspec.Raw = msgspec.field(name="From", default=msgspec.Raw())
    delivery_attempts: msgspec.Raw = msgspec.Raw()
    #: Azure writes it in both ways.
    tag: str | None = None
    small_tag: str | None = msgspec.field(name="tag", default=None)


_ReportKind = Literal["Microsoft.Communication.SMSDeliveryReportReceived"]


class _Reported(Struct, gc=False):
    """A delivery report in Event Grid's schema."""

    data: _ReportedData
    kind: _ReportKind = msgspec.field(name="eventType")


class _CloudReported(Struct, gc=False):
    """The same as a CloudEvent."""

    data: _ReportedData
    kind: _ReportKind = msgspec.field(name="type")


_decoder = msgspec.json.Decoder(list[_Received] | _Received)
_cloud_decoder = msgspec.json.Decoder(list[_CloudReceived] | _CloudReceived)
_elements_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_report_decoder = msgspec.json.Decoder(_Reported)
_cloud_report_decoder = msgspec.json.Decoder(_CloudReported)


def read_usual(body: bytes) -> list[Event] | None:
    """The events of a call that brings texts alone, or delivery reports, each whole and as documented; else None."""
    # Where a CloudEvent has an eventType all the same, that counts.
    is_cloud = b'"specversion"' in body and b'"eventType"' not in body
    if b"SMSDeliveryReportReceived" in body:
        return _read_reports(body, is_cloud=is_cloud)
    return _read_texts(body, is_cloud=is_cloud)


def _read_texts(body: bytes, *, is_cloud: bool) -> list[Event] | None:
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


def _read_reports(body: bytes, *, is_cloud: bool) -> list[Event] | None:
    if not body.isascii() or b"\\" in body:  # what is kept of each might be written in another way
        return None
    decoder = _cloud_report_decoder if is_cloud else _report_decoder
    events: list[Event] = []
    try:
        elements = _elements_decoder.decode(body) if body.lstrip()[:1] == b"[" else [msgspec.Raw(body)]
        for element in elements:
            data = decoder.decode(element).data
            reported_at, tag = utc_time(data.received_timestamp), data.tag or data.small_tag
            status = one_line(data.delivery_status, LONGEST_STATUS)
            if (
                reported_at is None
                or not data.delivery_status
                or not 0 < len(data.message_id) <= LONGEST_ID
                or (data.tag is not None and data.small_tag is not None)
            ):
                return None
            events.append(
                DeliveryReport(
                    provider_message_id=data.message_id,
                    status=status,
                    details=one_line(data.delivery_status_details or "", LONGEST_DETAILS) or None,
                    reported_at=reported_at,
                    tag=bounded(tag, LONGEST_TAG) if tag else None,
                    peer=bounded(normalise_number(data.to), LONGEST_NUMBER) if data.to else None,
                    raw=bytes(element).decode(),
                )
            )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
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
