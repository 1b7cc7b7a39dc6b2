"""Event Grid's events, in every form that Azure and its customers' tools send them."""

import copy
import itertools
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

SAMPLES = Path(__file__).with_name("samples")
#: The events of Azure's own page on ACS events (docs: event-grid/communication-services-telephony-sms-events), as they
#: stand there.
RECEIVED_SAMPLE = (SAMPLES / "received.json").read_text("utf-8")
REPORT_SAMPLE = (SAMPLES / "delivery-report.json").read_text("utf-8")

_numbers = itertools.count(os.getpid() % 90_000 * 100)


def a_number() -> str:
    """A phone that no other test has."""
    return f"+1555{2_000_000 + next(_numbers) % 7_000_000:07d}"


def received(peer: str, text: str, *, number: str = "+15555550100", **changes: Any) -> dict[str, Any]:
    """An inbound text as in Azure's sample, from another phone and with an id of its own."""
    (event,) = json.loads(RECEIVED_SAMPLE)
    message_id = f"Incoming_{uuid4()}"
    event["id"] = message_id
    event["data"] |= {
        "MessageId": message_id,
        "From": peer.removeprefix("+"),
        "To": number.removeprefix("+"),
        "Message": text,
        "ReceivedTimestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    } | changes
    return dict(event)


def report(
    message: dict[str, Any],
    status: str = "Delivered",
    *,
    at: str = "2026-11-20T10:00:00.0000000Z",
    **changes: Any,
) -> dict[str, Any]:
    """A delivery report as in Azure's sample for an SMS that ACS took; `at` is its ReceivedTimestamp."""
    (event,) = json.loads(REPORT_SAMPLE)
    event["id"] = message["messageId"]
    event["data"] |= {
        "MessageId": message["messageId"],
        "From": message["from"].removeprefix("+"),
        "To": message["to"],
        "DeliveryStatus": status,
        "DeliveryStatusDetails": "No error."
        if status == "Delivered"
        else "ErrorCode: 4006. ErrorMessage: Not reachable.",
        "ReceivedTimestamp": at,
    } | changes
    return dict(event)


def camel_cased(event: dict[str, Any]) -> dict[str, Any]:
    """The same with `messageId`, `from`, ..., as newer samples have it."""
    event = copy.deepcopy(event)
    event["data"] = {name[0].lower() + name[1:]: value for name, value in event["data"].items()}
    return event


def cloud_event(event: dict[str, Any]) -> dict[str, Any]:
    """The same in CloudEvents 1.0, as Event Grid maps it."""
    return {
        "specversion": "1.0",
        "id": event["id"],
        "type": event["eventType"],
        "source": event["topic"],
        "subject": event["subject"],
        "time": event["eventTime"],
        "data": event["data"],
    }


#: Form → (the body of the call, its content type).
FORMS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "an array": (lambda event: [event], "application/json; charset=utf-8"),
    "a bare object": (lambda event: event, "application/json"),
    "camelCase": (lambda event: [camel_cased(event)], "application/json; charset=utf-8"),
    "a CloudEvent": (cloud_event, "application/cloudevents+json; charset=utf-8"),
    "a batch of CloudEvents": (
        lambda event: [cloud_event(event)],
        "application/cloudevents-batch+json; charset=utf-8",
    ),
    "a camelCase CloudEvent": (lambda event: cloud_event(camel_cased(event)), "application/cloudevents+json"),
}

#: Moments as Azure and its tools write them, all the same one.
TIMES = [
    "2026-11-20T10:00:00.1234567Z",
    "2026-11-20T10:00:00.12Z",
    "2026-11-20T10:00:00Z",
    "2026-11-20T10:00:00",
    "2026-11-20T12:00:00.1234567+02:00",
    "2026-11-20T05:00:00-05:00",
]
