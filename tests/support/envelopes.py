"""Events as Azure posts them, and whatever else a body may hold."""

import base64
import json
from typing import Any

from hypothesis import strategies as st

SMS = "Microsoft.Communication.SMSReceived"
REPORT = "Microsoft.Communication.SMSDeliveryReportReceived"
VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"

INBOUND_DATA = {
    "MessageId": "Incoming_1",
    "From": "15555550101",
    "To": "15555550100",
    "Message": "hours",
    "ReceivedTimestamp": "2020-09-18T00:27:45.32Z",
}
REPORT_DATA = {
    "MessageId": "Outgoing_1",
    "From": "15555550100",
    "To": "+15555550101",
    "DeliveryStatus": "Delivered",
    "DeliveryStatusDetails": "No error.",
    "ReceivedTimestamp": "2020-09-18T00:22:20.2855749Z",
    "DeliveryAttempts": [
        {"Timestamp": "2020-09-18T00:22:14.9Z", "SegmentsSucceeded": 1, "SegmentsFailed": 0}
    ],
    "Tag": "our-tag",
}


def event(event_type: str = SMS, data: Any = None, **changes: Any) -> dict[str, Any]:
    """An event in Event Grid's schema; a change to None takes the field away."""
    whole = {
        "id": "event-1",
        "topic": "/subscriptions/x",
        "subject": "/phonenumber/15555550100",
        "data": INBOUND_DATA if data is None else data,
        "eventType": event_type,
        "dataVersion": "1.0",
        "eventTime": "2020-09-18T00:27:47Z",
    } | changes
    return {name: value for name, value in whole.items() if value is not None}


def inbound(**fields: Any) -> dict[str, Any]:
    """An SMSReceived event with these fields of its data changed; None takes one away."""
    data = INBOUND_DATA | fields
    return event(data={name: value for name, value in data.items() if value is not None})


def camel(data: dict[str, Any]) -> dict[str, Any]:
    return {name[0].lower() + name[1:]: value for name, value in data.items()}


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text("\x00\ud800\udfff+ 15")
)
NAMES = st.sampled_from([*INBOUND_DATA, *REPORT_DATA, *camel(INBOUND_DATA), "validationCode"]) | st.text()
DATA = st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=2), max_size=8)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "id": SCALARS,
        "eventType": st.sampled_from([SMS, REPORT, VALIDATION, "Other"]) | SCALARS,
        "type": st.sampled_from([SMS, REPORT, SMS.lower()]) | SCALARS,
        "data": DATA | SCALARS | DATA.map(json.dumps),
        "data_base64": st.text()
        | DATA.map(lambda data: base64.b64encode(json.dumps(data).encode()).decode()),
        "subject": SCALARS,
        "eventTime": SCALARS,
    },
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
