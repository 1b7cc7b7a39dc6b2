"""What Event Grid or a proxy sends that is no plain batch is read or kept, and answered 200: 400 would lose it."""

import gzip
import json
import zlib
from typing import Any

from tests.support.events import a_number, received
from tests.support.problems import assert_problem
from tests.support.processes import SECRET, VIEWER, Bot

AEG = {"aeg-event-type": "Notification", "aeg-subscription-name": "SMS-TO-BOT"}
ENCODED = {
    "gzip": ({"Content-Encoding": "gzip"}, gzip.compress),
    "gzip without its header": ({}, gzip.compress),
    "x-gzip": ({"Content-Encoding": "X-GZIP"}, gzip.compress),
    "two members": (
        {"Content-Encoding": "gzip"},
        lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:]),
    ),
    "deflate": ({"Content-Encoding": "deflate"}, zlib.compress),
    "bare deflate": ({"Content-Encoding": "deflate"}, lambda body: zlib.compress(body, wbits=-15)),
    "twice": ({"Content-Encoding": "gzip, gzip"}, lambda body: gzip.compress(gzip.compress(body))),
    "identity": ({"Content-Encoding": "identity"}, lambda body: body),
}


def newest_rejected(bot: Bot) -> dict[str, Any]:
    (item,) = bot.get("/rejected", limit=1)["items"]
    return dict(item)


def refused(bot: Bot) -> float:
    text = bot.http.get("/metrics", headers=VIEWER).text
    (line,) = [line for line in text.splitlines() if line.startswith("bot_refused_deliveries_total ")]
    return float(line.split()[1])


def test_a_compressed_call_is_read(bot: Bot) -> None:
    for how, (headers, encode) in ENCODED.items():
        peer = a_number()
        body = encode(json.dumps([received(peer, "hours")]).encode())
        assert bot.post(body, headers=headers).json() == {"received": 1}, how
        assert bot.replies(peer)[0]["text"] == "We are open 9-18.", how


def test_a_cloudevent_in_binary_mode_is_read(bot: Bot) -> None:
    for content_type in ("application/json", "application/json; charset=utf-8", "text/plain", None):
        peer = a_number()
        event = received(peer, "hours")
        headers = {
            "ce-specversion": "1.0",
            "ce-type": event["eventType"],
            "ce-source": "/subscriptions/caf%C3%A9",
            "ce-id": event["id"],
            "ce-time": event["eventTime"],
        }
        headers |= {"Content-Type": content_type} if content_type else {}
        answer = bot.http.post(
            "/events", params={"code": SECRET}, content=json.dumps(event["data"]), headers=headers
        )
        assert answer.json() == {"received": 1}, content_type
        assert [message["text"] for message in bot.messages(peer)] == ["hours", "We are open 9-18."]


UNREADABLE = {
    "no JSON": (b"Hours? {peer}", {}, "The body is not JSON"),
    "a custom schema": (b'[{"kind": "sms", "who": "{peer}"}]', {}, "It has no eventType or type"),
    "one of a custom schema": (b'{"kind": "sms", "who": "{peer}"}', {}, "It has no eventType or type"),
    "a truncated body": (b'[{"id": "{peer}", "eventType": "Microsoft.Comm', {}, "The body is not JSON"),
    "brotli": (b"\x0b\x02\x80{peer}\x03", {"Content-Encoding": "br"}, "The Content-Encoding 'br'"),
    "gzip that was cut off": (
        gzip.compress(b"[]" * 900)[:20] + b"{peer}",
        {"Content-Encoding": "gzip"},
        "The body is not gzip",
    ),
    "binary data": (b"\xff\xfe{peer}\x00", {}, "The body is not JSON"),
}


def test_a_call_of_event_grids_that_cant_be_understood_is_kept(bot: Bot, peer: str) -> None:
    before = refused(bot)
    for case, (body, headers, reason) in UNREADABLE.items():
        answer = bot.post(body.replace(b"{peer}", peer.encode()), headers=AEG | headers)
        assert (answer.status_code, answer.json()) == (200, {"received": 1}), case
        kept = newest_rejected(bot)
        assert kept["reason"].startswith(reason), case
        assert SECRET not in kept["raw"], case
    assert refused(bot) == before
    for body, headers, _ in UNREADABLE.values():  # from whoever is not Event Grid
        mine = body.replace(b"{peer}", peer.encode())
        assert_problem(bot.http.post("/events", params={"code": SECRET}, content=mine, headers=headers), 400)


def test_an_empty_subscription_deletion_is_kept_for_people_to_see(bot: Bot, peer: str) -> None:
    name = f"SUB{peer.removeprefix('+')}"
    headers = {"aeg-event-type": "SubscriptionDeletion", "aeg-subscription-name": name}
    assert bot.post(b"", headers=headers).status_code == 200
    assert newest_rejected(bot)["reason"].startswith(
        f"Event Grid says that its subscription {name} was deleted"
    )
    assert bot.process is not None
    bot.process.wait_for("(event_grid_subscription_deleted)")  # lines are written a moment later, together


def test_the_whole_events_of_a_truncated_body_are_answered(bot: Bot, peer: str) -> None:
    whole = json.dumps([received(peer, "hours"), received(peer, "hours")])
    assert bot.post(whole[:-40].encode()).json() == {"received": 2}
    assert len(bot.replies(peer)) == 1
    assert "follows its last whole event" in newest_rejected(bot)["reason"]


def test_what_is_too_large_is_refused_and_counted(bot: Bot) -> None:
    bomb = gzip.compress(gzip.compress(b" " * 90_000_000, 1))
    too_large: list[tuple[bytes, dict[str, str]]] = [
        (b" " * (8 * 1024 * 1024 + 1), {}),
        (gzip.compress(b" " * (8 * 1024 * 1024 + 1), 1), {"Content-Encoding": "gzip"}),
        (bomb, {"Content-Encoding": "gzip, gzip"}),
    ]
    before = refused(bot)
    for body, headers in too_large:
        assert_problem(bot.post(body, headers=AEG | headers), 413)
    assert refused(bot) == before + len(too_large)
    # Its credential is judged first: a stranger learns nothing of the bound.
    for body, headers in too_large:
        assert_problem(bot.http.post("/events", params={}, content=body, headers=AEG | headers), 401)


def test_an_expired_report_is_unconfirmed_and_says_so(bot: Bot, peer: str) -> None:
    bot.post([received(peer, "hours")])
    (reply,) = bot.replies_when(peer, "sent")
    report = {
        "eventType": "Microsoft.Communication.SMSDeliveryReportReceived",
        "id": reply["provider_message_id"],
        "data": {"MessageId": reply["provider_message_id"], "DeliveryStatus": "Expired"},
    }
    assert bot.post([report]).status_code == 200
    (reply,) = bot.replies(peer)
    assert (reply["status"], reply["status_details"]) == ("unconfirmed", "Expired")
