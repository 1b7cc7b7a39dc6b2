"""Whatever comes to the webhook, nothing good is lost, nothing is answered 500, and a refusal says why."""

import json
from typing import Any

from tests.support.acs import Acs
from tests.support.events import a_number, received, report
from tests.support.problems import assert_problem
from tests.support.processes import SECRET, Bot

BODIES = {
    "nothing": (b"", 400, "The body is empty."),
    "no JSON": (b"Hours?", 400, "The body is not JSON"),
    "no text": (b"\xff\xfe\x00", 400, "The body is not JSON"),
    "null": (b"null", 400, "null"),
    "a number": (b"12", 400, "a number"),
    "another object": (b'{"hello": "world"}', 400, "'hello'"),
    "an array of others": (b'[{"hello": "world"}]', 400, "an array of 1"),
    "too deep": (b"[" * 50_000 + b"]" * 50_000, 400, "an array of 1"),
    "too deep and cut off": (b"[" * 100_000, 400, "The body is not JSON"),
    "8 MiB and 1 byte": (b"[" + b" " * (8 * 1024 * 1024 - 1) + b"]", 413, "8,388,608"),
}


def test_what_is_no_batch_of_events_is_refused_in_a_sentence(bot: Bot) -> None:
    for case, (body, status, words) in BODIES.items():
        answer = bot.http.post("/events", params={"code": SECRET}, content=body)
        assert words in assert_problem(answer, status), case


def test_a_body_of_1_mib_is_taken(bot: Bot, peer: str) -> None:
    body = json.dumps([received(peer, "hours")]).encode()
    assert bot.post(body + b" " * (1024 * 1024 - len(body))).status_code == 200
    assert len(bot.messages(peer)) == 2


def test_a_large_body_without_a_length_is_refused_too(bot: Bot) -> None:
    answer = bot.http.post(
        "/events", params={"code": "the-secret-of-the-subscription"}, content=iter([b" " * 1_000_000] * 9)
    )
    assert_problem(answer, 413)


def test_an_empty_batch_is_taken(bot: Bot) -> None:
    assert bot.post(b"[]").json() == {"received": 0}


TEXTS = {
    "10,000 characters": "An order of many words. " * 416 + "1234567890123456",
    "no text": "",
    "spaces": "   ",
    "emoji": "hours 👩‍👩‍👧 🙏",
    "right to left": "مرحبا בוקר טוב",
    "zero width": "zero\u200bwidth",
    "NUL": "nul\x00nul",
    "a lone high surrogate": "a\ud83d",
    "a lone low surrogate": "\udc00b",
    "an override of direction": "\u202eevil",
    "a template": "{{ message }} {% raw %}",
    "SQL": "'; DROP TABLE messages; --",
    "a terminal's escape": "\x1b[31mred",
    "lines": "a\r\nb",
}


def test_any_text_is_stored_and_answered(bot: Bot) -> None:
    peers = {case: a_number() for case in TEXTS}
    for case, peer in peers.items():
        assert bot.post(json.dumps([received(peer, TEXTS[case])])).status_code == 200, case
    for case, peer in peers.items():
        inbound, reply = bot.messages(peer)
        # What is no character, or what PostgreSQL can't keep, becomes U+FFFD; all else is kept as it came.
        kept = "".join("�" if m == "\0" or "\ud800" <= m <= "\udfff" else m for m in TEXTS[case])
        assert inbound["text"] == kept, case
        assert reply["text"] in ("Say HOURS.", "We are open 9-18."), case


ODD_FIELDS: dict[str, dict[str, Any]] = {
    "a time before all others": {"ReceivedTimestamp": "0001-01-01T00:00:00+14:00"},
    "a time after all others": {"ReceivedTimestamp": "9999-12-31T23:59:59.9999999-14:00"},
    "a time that is none": {"ReceivedTimestamp": "yesterday"},
    "no time": {"ReceivedTimestamp": None},
    "a time that is a number": {"ReceivedTimestamp": 1_700_000_000},
    "a number as the text": {"Message": 12345},
    "NUL in a field that we don't know": {"Other": "a\x00b\ud800"},
    "a name with NUL": {"Oth\x00er": 1},
    "a number of thousands of digits": {"Other": 10**4000},
    "a sender of 12 digits": {"From": "123456789012"},
}


def test_odd_fields_cost_no_message(bot: Bot) -> None:
    events = {case: received(a_number(), "hours", **fields) for case, fields in ODD_FIELDS.items()}
    for case, event in events.items():
        assert bot.post(json.dumps([event])).status_code == 200, case
    for case, event in events.items():
        messages = bot.messages(event["data"]["From"])
        assert event["data"]["MessageId"] in [message["provider_message_id"] for message in messages], case
        assert messages[-1]["direction"] == "outbound", case


ODD_REPORTS: list[dict[str, Any]] = [
    {"DeliveryStatusDetails": "nul\x00 and \ud800"},
    {"DeliveryStatus": "Fail\x00ed"},
    {"ReceivedTimestamp": "9999-12-31T23:59:59.9999999-14:00"},
    {"ReceivedTimestamp": None},
    {"DeliveryAttempts": "\x00", "Other": ["\ud800"], "Tag": 5},
    {"DeliveryStatusDetails": "x" * 20_000},
    {"DeliveryStatusDetails": {"code": 4006}},
    {"From": None, "To": None},
]


def test_odd_reports_do_no_harm(bot: Bot, acs: Acs) -> None:
    peers = [a_number() for _ in ODD_REPORTS]
    bot.post([received(peer, "hours") for peer in peers])
    for peer, changes in zip(peers, ODD_REPORTS, strict=True):
        bot.replies_when(peer, "sent")
        (sms,) = acs.messages(peer)
        assert bot.post(json.dumps([report(sms, **changes)])).status_code == 200, changes
        assert bot.post([report(sms, at="9999-12-31T00:00:00Z")]).status_code == 200
        assert bot.replies(peer)[0]["status"] == "delivered", changes


def test_events_that_cant_be_read_are_kept_whatever_they_hold(bot: Bot, peer: str) -> None:
    odd = received(peer, "x", From=None, Other="nul\x00 and \ud800", Many=10**4000)
    deep = (
        b'{"eventType": "Microsoft.Communication.SMSReceived", "data": '
        + b"[" * 30_000
        + b"]" * 30_000
        + b"}"
    )
    body = (
        b"["
        + json.dumps(odd).encode()
        + b","
        + deep
        + b","
        + json.dumps(received(peer, "hours")).encode()
        + b"]"
    )
    assert bot.post(body).status_code == 200
    assert [message["text"] for message in bot.messages(peer)] == ["hours", "We are open 9-18."]
    newest = bot.get("/rejected", limit=2)["items"]
    assert any("The event has no From" in item["reason"] for item in newest)
    assert any(odd["id"] in item["raw"] for item in newest)


def test_the_largest_batches_of_event_grid_are_taken_whole(bot: Bot, number: str) -> None:
    """5,000 events fit in 1 MiB when they are as small as can be."""
    to = number.removeprefix("+")
    start = int(a_number()) * 100_000 % 10**14
    events = [
        f'{{"id":"{start + place}","eventType":"Microsoft.Communication.SMSReceived","data":{{"From":'
        f'"{start + place}","To":"{to}","Message":"quiet"}}}}'
        for place in range(5_000)
    ]
    body = "[" + ",".join(events) + "]"
    assert len(body) < 1024 * 1024
    assert bot.post(body).json() == {"received": 5_000}
    assert bot.post(body).json() == {"received": 5_000}
    reports = [
        f'{{"id":"{start + place}","eventType":"Microsoft.Communication.SMSDeliveryReportReceived","data":'
        f'{{"MessageId":"{start + place}","DeliveryStatus":"Delivered"}}}}'
        for place in range(5_000)
    ]
    assert bot.post("[" + ",".join(reports) + "]").json() == {"received": 5_000}
    assert len(bot.get("/conversations", number=number, limit=200)["items"]) == 200
