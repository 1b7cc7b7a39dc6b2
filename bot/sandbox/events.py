"""The events that ACS publishes for SMS, made as its documentation shows them, in either of Event Grid's schemas.

Numbers carry their ``+`` only where the documentation's own samples have it.
"""

from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

import msgspec

SMS_RECEIVED = "Microsoft.Communication.SMSReceived"
SMS_DELIVERY_REPORT = "Microsoft.Communication.SMSDeliveryReportReceived"
SUBSCRIPTION_VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"

TOPIC = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/sandbox"
    "/providers/microsoft.communication/communicationservices/sandbox"
)


#: Which schema a subscription's events come in: what docs/azure.md tells people to choose, and Azure's default.
Schema = Literal["cloudevents", "eventgrid"]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event, before it is written in a subscription's schema."""

    id: str
    subject: str
    data: object
    event_type: str
    event_time: str
    data_version: str = "1.0"


class EventGridEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One event in Event Grid's own schema."""

    id: str
    topic: str = TOPIC
    subject: str
    data: object
    event_type: str
    data_version: str
    metadata_version: str = "1"
    event_time: str


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event as CloudEvents 1.0 has it."""

    id: str
    source: str = TOPIC
    subject: str
    data: object
    type: str
    time: str
    specversion: str = "1.0"


def in_schema(event: Event, schema: Schema) -> EventGridEvent | CloudEvent:
    """Return `event` as Event Grid writes it for a subscription of that schema."""
    if schema == "cloudevents":
        return CloudEvent(
            id=event.id,
            subject=event.subject,
            data=event.data,
            type=event.event_type,
            time=event.event_time,
        )
    return EventGridEvent(
        id=event.id,
        subject=event.subject,
        data=event.data,
        event_type=event.event_type,
        data_version=event.data_version,
        event_time=event.event_time,
    )


class SmsReceived(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The data of an SMSReceived event."""

    message_id: str
    from_: str = msgspec.field(name="From")
    to: str
    message: str
    received_timestamp: str
    #: Sent since 2025.
    segment_count: int


class DeliveryAttempt(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    timestamp: str
    segments_succeeded: int
    segments_failed: int


class ReportData(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The data of an SMSDeliveryReportReceived event."""

    message_id: str
    from_: str = msgspec.field(name="From")
    to: str
    delivery_status: str
    delivery_status_details: str
    received_timestamp: str
    delivery_attempts: tuple[DeliveryAttempt, ...]
    tag: str | msgspec.UnsetType = msgspec.UNSET


class ValidationRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The data of a subscription validation event."""

    validation_code: str
    validation_url: str


def incoming_message_id(now: datetime) -> str:
    """Return the id of a received SMS as ACS makes them: direction, time to the second, UUID."""
    return f"Incoming_{now:%Y%m%d%H%M%S}{uuid4()}"


def outgoing_message_id(now: datetime) -> str:
    """Return the id of a sent SMS as ACS makes them: as of a received one, with the region it left from."""
    return f"Outgoing_{now:%Y%m%d%H%M%S}{uuid4()}_noam"


def timestamp(moment: datetime) -> str:
    """Return `moment` in UTC with the 7 fractional digits that .NET writes."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be put into an event")
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"


def sms_received(
    *, message_id: str, sender: str, recipient: str, text: str, segments: int, now: datetime
) -> Event:
    """Return the event of an SMS that reached one of our numbers."""
    return Event(
        id=message_id,
        subject="/phonenumber/" + recipient.removeprefix("+"),
        data=SmsReceived(
            message_id=message_id,
            from_=sender.removeprefix("+"),
            to=recipient.removeprefix("+"),
            message=text,
            received_timestamp=timestamp(now),
            segment_count=segments,
        ),
        event_type=SMS_RECEIVED,
        event_time=timestamp(now),
    )


def delivery_report(
    *,
    message_id: str,
    sender: str,
    recipient: str,
    status: str,
    details: str,
    tag: str | None,
    segments: int,
    accepted_at: datetime,
    now: datetime,
) -> Event:
    """Return the event that says what became of an SMS we sent."""
    succeeded = segments if status == "Delivered" else 0
    return Event(
        id=message_id,
        subject="/phonenumber/" + recipient.removeprefix("+"),
        data=ReportData(
            message_id=message_id,
            from_=sender.removeprefix("+"),
            to=recipient,
            delivery_status=status,
            delivery_status_details=details,
            received_timestamp=timestamp(now),
            # No sample of an expired report is public.
            delivery_attempts=()
            if status == "Expired"
            else (
                DeliveryAttempt(
                    timestamp=timestamp(accepted_at),
                    segments_succeeded=succeeded,
                    segments_failed=segments - succeeded,
                ),
            ),
            tag=msgspec.UNSET if tag is None else tag,
        ),
        event_type=SMS_DELIVERY_REPORT,
        event_time=timestamp(now),
    )


def subscription_validation(code: str, now: datetime) -> Event:
    """Return the event by which Event Grid's own schema asks whether a webhook wants its events."""
    return Event(
        id=str(uuid4()),
        subject="",
        data=ValidationRequest(
            validation_code=code,
            validation_url="https://sandbox.invalid/eventsubscriptions/sandbox/validate?id=" + code,
        ),
        event_type=SUBSCRIPTION_VALIDATION,
        data_version="2",
        event_time=timestamp(now),
    )
