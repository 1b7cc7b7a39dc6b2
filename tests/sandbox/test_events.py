"""The events are those of Azure's documentation."""

import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from bot.sandbox.events import (
    TOPIC,
    Event,
    delivery_report,
    in_schema,
    incoming_message_id,
    outgoing_message_id,
    sms_received,
    timestamp,
)


def test_times_have_seven_fractional_digits_in_utc() -> None:
    paris = timezone(timedelta(hours=2))
    moment = datetime(2020, 9, 18, 2, 22, 20, 285574, paris)
    assert timestamp(moment) == "2020-09-18T00:22:20.2855740Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        timestamp(datetime(2020, 9, 18))  # noqa: DTZ001 - the very thing that is refused


def test_message_ids_are_like_those_of_azure() -> None:
    now = datetime(2020, 9, 18, 0, 27, 45, tzinfo=UTC)
    received, sent = incoming_message_id(now), outgoing_message_id(now)
    assert received.startswith("Incoming_20200918002745")
    assert len(received) == len("Incoming_20200918002745d29ebbea-3341-4466-9690-0a03af35228e")
    assert sent.startswith("Outgoing_20200918002745")
    assert len(sent) == len("Outgoing_2021052720290784cb5efb-e912-4243-b50b-e1b69c215f2b_noam")
    assert sent.endswith("_noam")


def event(text: str = "Hours?") -> Event:
    return sms_received(
        message_id="Incoming_1",
        sender="+15555550101",
        recipient="+15555550100",
        text=text,
        segments=2,
        now=datetime(2020, 9, 18, 0, 27, 45, tzinfo=UTC),
    )


def test_a_cloud_event_has_the_attributes_that_event_grid_writes() -> None:
    written = json.loads(msgspec.json.encode(in_schema(event(), "cloudevents")))
    data = written.pop("data")
    assert written == {
        "id": "Incoming_1",
        "source": TOPIC,
        "subject": "/phonenumber/15555550100",
        "type": "Microsoft.Communication.SMSReceived",
        "time": "2020-09-18T00:27:45.0000000Z",
        "specversion": "1.0",
    }
    assert data == {
        "MessageId": "Incoming_1",
        "From": "15555550101",
        "To": "15555550100",
        "Message": "Hours?",
        "ReceivedTimestamp": "2020-09-18T00:27:45.0000000Z",
        "SegmentCount": 2,
    }


def test_event_grids_own_schema_brings_the_same_data() -> None:
    written = json.loads(msgspec.json.encode(in_schema(event(), "eventgrid")))
    assert set(written) == {
        "id", "topic", "subject", "data", "eventType", "dataVersion", "metadataVersion", "eventTime",
    }  # fmt: skip
    assert written["eventType"] == "Microsoft.Communication.SMSReceived"
    assert written["data"] == json.loads(msgspec.json.encode(event().data))


def test_an_expired_report_names_no_segment_that_arrived() -> None:
    now = datetime(2020, 9, 18, tzinfo=UTC)
    made = delivery_report(
        message_id="Outgoing_1", sender="+15555550100", recipient="+15555550101", status="Expired", details="",
        tag=None, segments=1, accepted_at=now, now=now,
    )  # fmt: skip
    data = json.loads(msgspec.json.encode(made.data))
    assert (data["DeliveryStatus"], data["DeliveryStatusDetails"], data["DeliveryAttempts"]) == (
        "Expired",
        "",
        [],
    )
    assert "Tag" not in data
