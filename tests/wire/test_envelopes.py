"""Whatever comes in one body, each event that makes sense is read, and each that does not is kept with the reason."""

import base64
import json
import re
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation.events import DeliveryReport, Inbound, UnreadableEvent
from bot.wire.envelopes import _STRUCTURE, NotAnEventBatch, read_batch
from tests.support.envelopes import (
    EVENTS,
    INBOUND_DATA,
    JSON,
    REPORT,
    REPORT_DATA,
    SMS,
    VALIDATION,
    camel,
    event,
    inbound,
)


def read(*elements: Any) -> list[Any]:
    return read_batch(json.dumps(elements).encode()).events


def one(element: Any) -> Any:
    (found,) = read(element)
    return found


# Envelopes


@pytest.mark.parametrize(
    "envelope",
    [
        [event()],
        event(),
        {
            "specversion": "1.0", "type": SMS, "source": "/x", "id": "event-1", "time": "2020-09-18T00:27:47Z",
            "subject": "/phonenumber/15555550100", "datacontenttype": "application/json", "data": INBOUND_DATA,
        },
        [{"specversion": "1.0", "type": SMS, "source": "/x", "id": "event-1", "data": INBOUND_DATA}],
        {
            "specversion": "1.0", "type": SMS, "source": "/x", "id": "event-1",
            "data_base64": base64.b64encode(json.dumps(INBOUND_DATA).encode()).decode(),
        },
        event(data=json.dumps(INBOUND_DATA)),
        event(event_type=SMS.upper()),
        {name.upper(): value for name, value in event().items() if name != "data"} | {"data": INBOUND_DATA},
    ],
    ids=["array", "bare", "structured", "batched", "base64", "data as text", "TYPE", "ENVELOPE KEYS"],
)  # fmt: skip
def test_every_envelope_brings_the_same_message(envelope: Any) -> None:
    (message,) = read_batch(json.dumps(envelope).encode()).events
    assert message == Inbound(
        message_id="Incoming_1",
        number="+15555550100",
        peer="+15555550101",
        text="hours",
        received_at=datetime(2020, 9, 18, 0, 27, 45, 320_000, UTC),
    )


def mixed(data: dict[str, Any]) -> dict[str, Any]:
    return {name.upper() if at % 2 else name.lower(): value for at, (name, value) in enumerate(data.items())}


@pytest.mark.parametrize("written", [dict, camel, mixed])
def test_fields_are_known_however_their_names_are_written(written: Any) -> None:
    message, report = read(event(data=written(INBOUND_DATA)), event(REPORT, written(REPORT_DATA)))
    assert (message.message_id, message.text) == ("Incoming_1", "hours")
    assert isinstance(report, DeliveryReport)
    assert (report.provider_message_id, report.status, report.details, report.tag, report.peer) == (
        "Outgoing_1", "Delivered", "No error.", "our-tag", "+15555550101",
    )  # fmt: skip
    assert report.reported_at == datetime(2020, 9, 18, 0, 22, 20, 285_574, UTC)
    assert json.loads(report.raw)["eventType"] == REPORT


def test_fields_and_event_types_that_we_do_not_know_do_no_harm() -> None:
    batch = read_batch(
        json.dumps(
            [
                inbound(Sentiment="happy", segmentCount=1, Nested={"a": [1]}),
                event("Microsoft.Communication.ChatMessageReceived"),
                event("microsoft.communication.chatmessagereceived"),
                event(more="fields"),
            ]
        ).encode()
    )
    assert len(batch.events) == 2
    assert batch.ignored == {"microsoft.communication.chatmessagereceived": 2}


def test_an_empty_array_is_a_batch_of_nothing() -> None:
    assert read_batch(b"[]").events == []


def test_the_handshakes_code_is_handed_on() -> None:
    body = json.dumps(
        [event(VALIDATION, {"validationCode": "512d38b6", "validationUrl": "https://x"})]
    ).encode()
    assert read_batch(body).validation_code == "512d38b6"
    body = json.dumps([event(VALIDATION, {"ValidationCode": "512d38b6"}), event()]).encode()
    assert read_batch(body).validation_code == "512d38b6"


@pytest.mark.parametrize("data", [{}, {"validationCode": ""}, {"validationCode": None}, "text", [1], 5])
def test_a_handshake_without_a_code_is_kept_and_disturbs_nobody(data: Any) -> None:
    bad, good = read(event(VALIDATION, data), event())
    assert isinstance(bad, UnreadableEvent)
    assert isinstance(good, Inbound)


# Bodies that are no batch at all, with the sentence each gets


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "The body is empty."),
        (b"hello", "The body is not JSON: Expecting value: line 1 column 1 (char 0)."),
        (b"{", "The body is not JSON: Expecting property name enclosed in double quotes"),
        (b'[{"id": 1}', "The body is not JSON: "),
        (b'[{"id": 1}] x', "The body is not JSON: Extra data"),
        (b"\x00\x00\x00", "The body is not JSON: "),
        (b"\xff\xfe\xfd", "The body is not JSON: "),
        (b"null", "The body is JSON but not an Event Grid event, a CloudEvent, or an array of them: null."),
        (b"5", "them: a number."),
        (b"true", "them: true or false."),
        (b'"text"', "them: a text."),
        (b"{}", "them: an object with nothing in it."),
        (b'{"a": 1, "b": 2}', "them: an object with 'a', 'b'."),
        (b"[1, null, []]", "them: an array of 3."),
        (b'[{"type": 5}]', "them: an array of 1."),
        (b'{"eventType": null}', "them: an object with 'eventType'."),
        (b"[" * 100_000, "its array does not end"),
        (b"[" * 100_000 + b"]" * 100_000, "array"),
        (b'{"a":' * 100_000, "deeply"),
        (b"9" * 10_000, "them: a number."),
    ],
)
def test_what_is_no_batch_gets_a_sentence(body: bytes, sentence: str) -> None:
    with pytest.raises(NotAnEventBatch) as refusal:
        read_batch(body)
    assert sentence in str(refusal.value)
    assert str(refusal.value).endswith(".")


# Events that are unreadable, with the reason each is kept with


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"no": "type"}, "It has no eventType or type: an object with 'no'."),
        (5, "It has no eventType or type: a number."),
        (None, "It has no eventType or type: null."),
        ([], "It has no eventType or type: an array of 0."),
        (event(data={}) | {"data": None}, "The event has no data object: null."),
        (event(data=[1, 2]), "The event has no data object: an array of 2."),
        (event(data="not an object"), "The event's data is a text and not an object."),
        (event(data="[" * 5_000), "The event's data is a text and not an object."),
        (event(data="5"), "The event has no data object: a number."),
        (
            {"type": SMS, "id": "1", "data_base64": "not base64!"},
            "The event's data_base64 is not base64 of UTF-8 text.",
        ),
        (
            {"type": SMS, "id": "1", "data_base64": "é"},
            "The event's data_base64 is not base64 of UTF-8 text.",
        ),
        (
            {"type": VALIDATION, "id": "1", "data_base64": "é"},
            "The event's data_base64 is not base64 of UTF-8 text.",
        ),
        (
            {"type": SMS, "id": "1", "data_base64": base64.b64encode(b"\xff").decode()},
            "The event's data_base64 is not base64 of UTF-8 text.",
        ),
        (inbound(From=None), "The event has no From."),
        (inbound(From=""), "The event has no From."),
        (inbound(From="  "), "The event has no From."),
        (inbound(From=[]), "From is not text: an array of 0."),
        (inbound(From="x" * 65), "From has 65 characters; at most 64 are expected."),
        (event(data={**INBOUND_DATA, "To": None}, subject="/other/1"), "The event has no To."),
        (inbound(Message={"text": "hours"}), "Message is not text: an object with 'text'."),
        (inbound(MessageId="x" * 257), "The MessageId has 257 characters; at most 256 are expected."),
        (inbound(MessageId=["a"]), "MessageId is not text: an array of 1."),
        (
            event(id="", data={**INBOUND_DATA, "MessageId": None}),
            "The event has neither a MessageId nor an id.",
        ),
        (
            event(REPORT, {**REPORT_DATA, "DeliveryStatus": None}),
            "The delivery report has no DeliveryStatus.",
        ),
        (
            event(REPORT, {**REPORT_DATA, "MessageId": ""}, id=None),
            "The event has neither a MessageId nor an id.",
        ),
    ],
)
def test_an_unreadable_event_among_good_ones_is_kept_with_the_reason(bad: Any, reason: str) -> None:
    before, kept, after = read(event(), bad, inbound(MessageId="Incoming_2"))
    assert isinstance(kept, UnreadableEvent)
    assert kept.reason == reason
    assert json.loads(kept.raw) == bad
    assert (before.message_id, after.message_id) == ("Incoming_1", "Incoming_2")


@pytest.mark.parametrize("depth", [900, 985, 990, 991, 992, 993, 994, 995, 1_000, 5_000, 200_000])
def test_nesting_however_deep_costs_the_neighbours_nothing(depth: int) -> None:
    deep = "[" * depth + "]" * depth
    good = json.dumps(inbound(Message='he said: "a,b]}[{"'))
    for bad in (deep, f'{{"a": {deep}}}', f'{{"eventType": "{SMS}", "data": {{"From": {deep}}}}}'):
        before, kept, after = read_batch(f"[{good}, {bad},{good} ]".encode()).events
        assert isinstance(kept, UnreadableEvent)
        assert kept.raw.isascii()
        assert before == after
        assert before.text == 'he said: "a,b]}[{"'


@pytest.mark.parametrize("number", ["9" * 400, "9" * 5_000, "-" + "9" * 5_000, "1e999", "NaN", "-Infinity"])
def test_numbers_however_large_cost_the_neighbours_nothing(number: str) -> None:
    good = json.dumps(event())
    bad = f'{{"eventType": "{SMS}", "data": {{"MessageId": {number}}}}}'
    before, kept, after = read_batch(f"[{good},{bad},{good}]".encode()).events
    assert isinstance(kept, UnreadableEvent)
    assert before == after


# Encodings and strange characters


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_encoding_of_json_is_read(encoding: str) -> None:
    body = json.dumps([inbound(Message="hours ☎ é")], ensure_ascii=False).encode(encoding)
    (message,) = read_batch(body).events
    assert message.text == "hours ☎ é"


def test_a_stray_byte_costs_a_character_and_not_the_event() -> None:
    body = json.dumps([inbound(Message="h_urs")]).encode().replace(b"_", b"\xff")
    (message,) = read_batch(body).events
    assert message.text == "h\ufffdurs"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("x" * 10_000, "x" * 10_000),
        ("a\x00b", "a\ufffdb"),
        ("a\ud800b", "a\ufffdb"),
        ("\udc00!", "\ufffd!"),
        ("\ud83d\ude4f", "🙏"),
        ("👩\u200d👩\u200d👧\u200d👦 hours", "👩\u200d👩\u200d👧\u200d👦 hours"),
        ("שעות \u202eabc\u202c", "שעות \u202eabc\u202c"),
        ("", ""),
        (" \r\n\t ", " \r\n\t "),
        ("\x1b[31mred", "\x1b[31mred"),
        (5, "5"),
        (0.5, "0.5"),
    ],
)
def test_texts_are_kept_as_they_came_but_for_what_no_database_keeps(text: Any, kept: str) -> None:
    assert one(inbound(Message=text)).text == kept


def test_an_mms_without_a_text_is_a_message_with_an_empty_text() -> None:
    assert one(inbound(Message=None)).text == ""
    assert one(event(data={**INBOUND_DATA, "Message": None})).text == ""


# Names and times


def test_without_a_message_id_the_events_own_id_serves() -> None:
    assert one(inbound(MessageId=None)).message_id == "event-1"
    assert one(inbound(MessageId="")).message_id == "event-1"
    assert one(event(data={**INBOUND_DATA, "MessageId": None}, id=77)).message_id == "77"


def test_without_a_to_the_subject_names_our_number() -> None:
    assert one(inbound(To=None)).number == "+15555550100"


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("15555550101", "+15555550101"),
        ("+15555550101", "+15555550101"),
        ("+1 (555) 555-0101", "+15555550101"),
        ("12345", "12345"),
        ("123456", "123456"),
        ("Corner Books", "Corner Books"),
        (" CORNER  ", "CORNER"),
        (15555550101, "+15555550101"),
        ("+999123456789", "+999123456789"),
        ("4915112345678", "+4915112345678"),
    ],
)
def test_one_person_has_one_number_however_it_is_written(raw: Any, number: str) -> None:
    assert one(inbound(From=raw)).peer == number


@pytest.mark.parametrize(
    ("raw", "moment"),
    [
        ("2020-09-18T00:22:20.2855749Z", datetime(2020, 9, 18, 0, 22, 20, 285_574, UTC)),
        ("2020-09-18T00:22:20.32Z", datetime(2020, 9, 18, 0, 22, 20, 320_000, UTC)),
        ("2020-09-18T00:22:20Z", datetime(2020, 9, 18, 0, 22, 20, 0, UTC)),
        ("2020-09-18T02:22:20+02:00", datetime(2020, 9, 18, 0, 22, 20, 0, UTC)),
        ("2020-09-17T19:22:20.1234567-05:00", datetime(2020, 9, 18, 0, 22, 20, 123_456, UTC)),
        ("2020-09-18T00:22:20", datetime(2020, 9, 18, 0, 22, 20, 0, UTC)),
        # What is no time falls back to the event's own.
        ("yesterday", datetime(2020, 9, 18, 0, 27, 47, 0, UTC)),
        (None, datetime(2020, 9, 18, 0, 27, 47, 0, UTC)),
        (1600388565, datetime(2020, 9, 18, 0, 27, 47, 0, UTC)),
        ("0001-01-01T00:00:00+14:00", datetime(2020, 9, 18, 0, 27, 47, 0, UTC)),
        ("9999-12-31T23:59:59-14:00", datetime(2020, 9, 18, 0, 27, 47, 0, UTC)),
    ],
)
def test_times_are_read_with_any_fraction_and_offset(raw: Any, moment: datetime) -> None:
    assert one(inbound(ReceivedTimestamp=raw)).received_at == moment


def test_an_event_without_any_time_is_read_all_the_same() -> None:
    assert one(event(data={**INBOUND_DATA, "ReceivedTimestamp": "x"}, eventTime="y")).received_at is None


def test_reports_are_told_apart_by_id_status_and_time_and_not_by_the_events_id() -> None:
    reports = read(
        event(REPORT, REPORT_DATA),
        event(REPORT, REPORT_DATA | {"DeliveryStatus": "Failed"}),
        event(REPORT, REPORT_DATA | {"ReceivedTimestamp": "2020-09-18T00:22:21Z"}),
        event(REPORT, REPORT_DATA, id="another"),
    )
    assert len({report.key for report in reports}) == 3


# Anything at all


@given(st.lists(EVENTS | JSON, max_size=5), st.integers(0, 5), st.booleans())
def test_no_neighbour_costs_a_good_event(neighbours: list[Any], place: int, ascii_only: bool) -> None:
    """Every element is an event, unreadable, the handshake, or of a type that is not ours; the good one is read."""
    good = inbound(MessageId="the good one")
    elements = [*neighbours[:place], good, *neighbours[place:]]
    body = json.dumps(elements, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    batch = read_batch(body)
    assert [one.text for one in batch.events if getattr(one, "message_id", "") == "the good one"] == ["hours"]
    handshakes = sum(str(one.get("eventType")).casefold() == VALIDATION.casefold() for one in elements if isinstance(one, dict))  # fmt: skip  # noqa: E501
    assert len(elements) - handshakes <= len(batch.events) + sum(batch.ignored.values()) <= len(elements)
    for one in batch.events:
        assert_storable(one)


def assert_storable(event: Any) -> None:
    """UTF-8 can write it and it has no NUL; numbers and names fit their columns."""
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if isinstance(value, str):
            assert "\x00" not in value
            value.encode()
    if isinstance(event, Inbound):
        assert 0 < len(event.number) <= 64
        assert 0 < len(event.peer) <= 64
    if isinstance(event, DeliveryReport):
        assert len(event.key) <= 512


@given(st.binary(max_size=200))
def test_bytes_are_a_batch_or_get_a_sentence(body: bytes) -> None:
    try:
        read_batch(body)
    except NotAnEventBatch as error:
        refusal = str(error)
        assert refusal.endswith(".")


@given(st.data())
def test_a_body_with_bytes_changed_is_a_batch_or_gets_a_sentence(data: st.DataObject) -> None:
    body = bytearray(json.dumps([event(), event(REPORT, REPORT_DATA)]).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.integers(0, 255))
    try:
        batch = read_batch(bytes(body))
    except NotAnEventBatch:
        return
    for one in batch.events:
        assert_storable(one)


# Whatever stands in a body, the time it takes is linear in its length: `benchmarks/envelopes.py` measures it.

_PIECES = st.lists(
    st.sampled_from(['"', "\\", "[", "]", "{", "}", ",", "a", "\n", " ", "é", '\\"']), max_size=40
)


@given(_PIECES.map("".join))
def test_no_quote_is_ever_looked_at_in_vain(text: str) -> None:
    """Each begins a piece that ends with it or with the text: nothing is gone through twice."""
    marks = [mark.span() for mark in _STRUCTURE.finditer(text)]
    assert all(end <= start for (_, end), (start, _) in pairwise(marks))
    covered = {at for start, end in marks for at in range(start, end)}
    assert all(at in covered for at, character in enumerate(text) if character in '"[]{},')


@pytest.mark.parametrize("tail", ['"\\""', '"', '"\\', "\\", ",", "{", '"a\\"b'])
def test_an_array_too_deep_that_does_not_end_is_refused_whatever_follows(tail: str) -> None:
    body = ("[" * 100_000 + tail * 20_000).encode()  # deeper than any Python follows
    with pytest.raises(NotAnEventBatch, match="does not end"):
        read_batch(body)


def test_events_beside_one_that_is_too_deep_are_read_whatever_texts_they_hold() -> None:
    deep = b'{"eventType":"x","data":' + b"[" * 30_000 + b"]" * 30_000 + b"}"
    odd = inbound(Message='a "quote", [a bracket] and a \\ at the end \\')
    body = b"[" + json.dumps(odd).encode() + b" , " + deep + b"," + json.dumps(inbound()).encode() + b"] "
    first, bad, last = read_batch(body).events
    assert (first.text, last.text) == ('a "quote", [a bracket] and a \\ at the end \\', "hours")
    assert bad.reason == "It is nested too deeply."


def test_rejected_events_without_number_are_kept_and_few() -> None:
    events = read_batch(json.dumps([event(), *range(20_000)]).encode()).events
    assert len(events) == 5_001
    assert json.loads(events[-1].raw) == list(range(4_999, 20_000))
    assert events[-1].reason.startswith("15,001 more elements")


def test_what_others_say_is_bounded_and_inert_before_it_is_a_row() -> None:
    _, unknown = read_batch(json.dumps([inbound(), {"n" * 900_000: 1, "\x1b[2J\u202e": 2}]).encode()).events
    assert len(unknown.reason) < 600
    assert not re.search("[\x00\x1b\u202e]", unknown.reason)
    report = one(
        event(REPORT, REPORT_DATA | {
            "DeliveryStatus": "Fail\x00\x1bed\u202e" + "x" * 900, "Tag": "t" * 9_000, "To": "1" * 9_000,
            "DeliveryStatusDetails": "no\x00\x1b\u202e\ud800\nway " + "x" * 200_000,
        })
    )  # fmt: skip
    assert (len(report.status), len(report.tag), len(report.peer)) == (64, 256, 64)
    assert report.details.startswith("no\ufffd\ufffd\ufffd\ufffd way xxx")
    assert len(report.details) == 1_000
    assert len(report.key) < 512
    too_long = one(inbound(Message="x" * 40_000))
    assert too_long.reason == "The Message has 40,000 characters, and an SMS has at most 39,015."
    assert one(inbound(Message="x" * 39_015)).text == "x" * 39_015
