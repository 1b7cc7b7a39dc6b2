"""Calls as nearly all are: read in one pass, and as the reader of everything else reads them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.wire.envelopes import read_batch, read_elements
from bot.wire.usual_events import LONGEST_TEXT, read_usual


def element(**data: Any) -> dict[str, Any]:
    """An SMSReceived event as Azure documents it; `data` replaces fields of its data."""
    return {
        "id": "an-event",
        "topic": "/subscriptions/s/providers/microsoft.communication/communicationservices/c",
        "subject": "/phonenumber/15555550100",
        "data": {
            "MessageId": "Incoming_1",
            "From": "15555550101",
            "To": "15555550100",
            "Message": "Hours?",
            "ReceivedTimestamp": "2026-11-23T00:27:45.3212345Z",
        }
        | data,
        "eventType": "Microsoft.Communication.SMSReceived",
        "dataVersion": "1.0",
        "metadataVersion": "1",
        "eventTime": "2026-11-23T00:27:47Z",
    }


def report(**data: Any) -> dict[str, Any]:
    """An SMSDeliveryReportReceived event as Azure documents it; `data` replaces fields of its data, None leaves out."""
    given = {
        "MessageId": "Outgoing_1",
        "From": "15555550100",
        "To": "+15555550101",
        "DeliveryStatus": "Delivered",
        "DeliveryStatusDetails": "No error.",
        "ReceivedTimestamp": "2026-11-23T00:28:20.2855749Z",
        "DeliveryAttempts": [
            {"Timestamp": "2026-11-23T00:28:14Z", "SegmentsSucceeded": 1, "SegmentsFailed": 0}
        ],
    } | data
    return element() | {
        "data": {name: value for name, value in given.items() if value is not None},
        "eventType": "Microsoft.Communication.SMSDeliveryReportReceived",
    }


def cloud(event: dict[str, Any]) -> dict[str, Any]:
    """The same event as a CloudEvent."""
    return {
        "specversion": "1.0", "type": event["eventType"], "source": "/x", "id": event["id"],
        "time": event["eventTime"], "data": event["data"],
    }  # fmt: skip


def body_of(*elements: Any) -> bytes:
    return json.dumps(list(elements)).encode()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"Message": 'Ça va? 👋 \\ " \n', "From": "+33 6 12 34 56 78"},
        {"Message": "NUL \x00 in it", "MessageId": "a\x00b", "From": "Shop\x00"},
        {"Message": ""},
        {"To": "12345", "From": "InfoSMS"},
        {"ReceivedTimestamp": "2026-11-23T02:27:45+02:00"},
        {"ReceivedTimestamp": " 2026-11-23T00:27:45 "},
    ],
)
def test_both_readers_read_it_alike(data: dict[str, Any]) -> None:
    """Whichever reader takes a text, the same is stored."""
    elements = [element(), element(**data), element(To="15555550199")]
    usual = read_usual(body_of(*elements))
    assert usual is not None
    assert usual == read_elements(elements).events
    assert usual == read_batch(body_of(*elements)).events
    assert read_usual(json.dumps(elements[1]).encode()) == usual[1:2]
    assert read_usual(body_of(*map(cloud, elements))) == usual
    assert read_elements([cloud(each) for each in elements]).events == usual


@pytest.mark.parametrize(
    "data",
    [
        {"messageId": "Incoming_2"},
        {"SegmentCount": 1},
        {"MessageId": ""},
        {"MessageId": None},
        {"MessageId": "x" * 10_000},
        {"From": ""},
        {"From": "1" * 100},
        {"From": 15555550101},
        {"To": ""},
        {"Message": None},
        {"Message": "x" * (LONGEST_TEXT + 1)},
        {"Message": "\ud800"},
        {"ReceivedTimestamp": "yesterday"},
        {"ReceivedTimestamp": None},
    ],
)
def test_anything_else_is_left_to_the_other_reader(data: dict[str, Any]) -> None:
    """A call with an event that is not as documented is not read here, not in part either."""
    elements = [element(), element(**data)]
    assert read_usual(body_of(*elements)) is None
    assert read_batch(body_of(*elements)).events == read_elements(elements).events


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"[" * 100_000,
        body_of(element())[:-20],
        body_of(element(), {"eventType": "Microsoft.Communication.SMSDeliveryReportReceived", "data": {}}),
        body_of(element() | {"eventType": "microsoft.communication.smsreceived"}),
        body_of(element() | {"data": "{}"}),
        body_of({"data": element()["data"]}),
        body_of(cloud(element()) | {"data": {}}),
        body_of(cloud(element()) | {"eventType": "Another"}),
        body_of(cloud(element()), element()),
    ],
)
def test_no_other_call_is_read_here(body: bytes) -> None:
    """Other events, other envelopes, and what is no JSON at all."""
    assert read_usual(body) is None


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"Tag": "a-tag"},
        {"tag": "a-tag"},
        {"tag": ""},
        {"tag": "t" * 1_000},
        {"To": ""},
        {"To": "1" * 100},
        {"To": "+1 (555) 555-0101"},
        {"From": None, "DeliveryAttempts": None, "DeliveryStatusDetails": None},
        {"DeliveryStatus": "  Expired  at   last ", "DeliveryStatusDetails": "x" * 2_000},
        {"DeliveryStatus": "s" * 100, "DeliveryStatusDetails": "  "},
        {"ReceivedTimestamp": "2026-11-23T02:28:20+02:00"},
    ],
)
def test_both_readers_read_a_report_alike(data: dict[str, Any]) -> None:
    """Whichever reader takes a report, the same is stored; Azure writes JSON without spaces."""
    elements = [report(), report(**data), report(MessageId="Outgoing_2")]
    body = json.dumps(elements, separators=(",", ":")).encode()
    usual = read_usual(body)
    assert usual is not None
    assert usual == read_elements(elements).events
    assert usual == read_batch(body).events
    assert read_usual(json.dumps(elements[1], separators=(",", ":")).encode()) == usual[1:2]
    clouds = [cloud(each) for each in elements]
    assert read_usual(json.dumps(clouds, separators=(",", ":")).encode()) == read_elements(clouds).events


@pytest.mark.parametrize(
    "data",
    [
        {"messageId": "Outgoing_2"},
        {"MessageId": ""},
        {"MessageId": None},
        {"MessageId": "x" * 10_000},
        {"MessageId": 7},
        {"To": None},
        {"To": 15555550101},
        {"DeliveryStatus": ""},
        {"DeliveryStatus": None},
        {"deliverystatus": "Failed"},
        {"DeliveryStatusDetails": 'so "called"'},
        {"DeliveryStatusDetails": "Unzustellbar für immer"},
        {"DeliveryStatusDetails": "\x00"},
        {"Tag": "a", "tag": "b"},
        {"tag": 7},
        {"SegmentCount": 1},
        {"ReceivedTimestamp": None},
        {"ReceivedTimestamp": "yesterday"},
    ],
)
def test_any_other_report_is_left_to_the_other_reader(data: dict[str, Any]) -> None:
    """A call with a report that is not as documented is not read here, not in part either."""
    elements = [report(), report(**data)]
    assert read_usual(body_of(*elements)) is None
    assert read_batch(body_of(*elements)).events == read_elements(elements).events


@pytest.mark.parametrize(
    "body",
    [
        body_of(report())[:-20],
        body_of(report(), element()),
        body_of(report(), 7),
        body_of(element(Message="Microsoft.Communication.SMSDeliveryReportReceived")),
        body_of(report(), report() | {"eventType": "another"}),
        body_of(report() | {"data": "{}"}),
        body_of(cloud(report()), report()),
        json.dumps(report()).encode() + b"]",
    ],
)
def test_no_other_call_is_read_as_reports(body: bytes) -> None:
    """Texts among them, a text that only speaks of them, and what is no JSON at all."""
    assert read_usual(body) is None


def test_what_a_report_was_is_kept_as_it_came() -> None:
    """With its spaces, where it has some."""
    (event,) = read_usual(body_of(report())) or []
    assert json.loads(event.raw) == report()  # type: ignore[union-attr]


def test_times_are_utc() -> None:
    """What is stored has a zone, and no more digits than the database keeps."""
    (event,) = read_usual(body_of(element())) or []
    assert event.received_at == datetime(2026, 11, 23, 0, 27, 45, 321234, UTC)  # type: ignore[union-attr]
