"""Azure's own sample events, in every form in which they come, are answered once and followed to `delivered`."""

import json
from typing import Any

from tests.support.acs import Acs
from tests.support.events import (
    FORMS,
    RECEIVED_SAMPLE,
    REPORT_SAMPLE,
    TIMES,
    a_number,
    received,
    report,
)
from tests.support.processes import Bot, until

SAMPLE_MESSAGE = json.loads(RECEIVED_SAMPLE)[0]["data"]["MessageId"]
SAMPLE_REPLY = json.loads(REPORT_SAMPLE)[0]["data"]["MessageId"]


def test_the_samples_word_for_word_give_one_reply_that_is_delivered(bot: Bot, acs: Acs) -> None:
    """Event, rule, signed send, report; then the same from the API and from the command line."""
    us = them = "+15555555555"  # Azure's sample has one number on both sides
    before = len(acs.messages(them))
    acs.plan(us, {"message_id": SAMPLE_REPLY})
    assert bot.post(RECEIVED_SAMPLE).status_code == 200

    (reply,) = bot.replies_when(them, "sent")
    (sms,) = acs.messages(them)[before:]
    call = acs.calls(them)[-1]
    assert call["trouble"] is None
    assert call["target"].startswith("/sms?api-version=")
    assert call["body"]["from"] == us
    assert call["body"]["smsSendOptions"] == {"enableDeliveryReport": True, "tag": reply["id"]}
    assert sms["repeatabilityRequestId"] == reply["id"]
    assert (sms["messageId"], sms["text"], sms["to"]) == (SAMPLE_REPLY, "Say HOURS.", them)

    assert bot.post(REPORT_SAMPLE).status_code == 200
    (inbound, reply) = bot.messages(them)
    assert (inbound["provider_message_id"], inbound["rule"]) == (SAMPLE_MESSAGE, "anything-else")
    assert (reply["provider_message_id"], reply["in_reply_to"]) == (SAMPLE_REPLY, inbound["id"])
    assert (reply["status"], reply["status_details"]) == ("delivered", "No error.")
    assert [change["status"] for change in reply["history"]] == ["queued", "sent", "delivered"]
    assert bot.get(f"/messages/{reply['id']}") == reply

    conversation = bot.conversation(them)
    listed = json.loads(bot.run("conversations", "list", "--peer", them, "--json").stdout)
    assert listed["items"] == [conversation]
    assert conversation["delivery"] == {
        "latest": "delivered", "queued": 0, "sent": 0, "delivered": 1, "failed": 0, "suppressed": 0, "unconfirmed": 0,
    }  # fmt: skip
    shown = json.loads(bot.run("conversations", "show", conversation["id"], "--json").stdout)
    assert shown["messages"] == [inbound, reply]


def test_every_form_of_the_events_is_understood(bot: Bot, acs: Acs) -> None:
    peers = {form: a_number() for form in FORMS}

    def post(form: str, event: dict[str, Any]) -> None:
        shape, content_type = FORMS[form]
        answer = bot.post(json.dumps(shape(event)), headers={"Content-Type": content_type})
        assert answer.status_code == 200, form

    for form, peer in peers.items():
        post(form, received(peer, "Hours?"))
    for form, peer in peers.items():
        (reply,) = bot.replies_when(peer, "sent")
        (sms,) = acs.messages(peer)
        assert (sms["text"], sms["repeatabilityRequestId"]) == ("We are open 9-18.", reply["id"]), form
        post(form, report(sms))
        assert bot.replies(peer)[0]["status"] == "delivered", form
        assert {call["trouble"] for call in acs.calls(peer)} == {None}, form


def test_every_way_to_write_a_time_is_understood(bot: Bot, acs: Acs, peer: str) -> None:
    """A report's moment decides which one stands: here each is the newest, whichever way it is written."""
    events = [received(peer, f"hours {time}", ReceivedTimestamp=time) for time in TIMES]
    assert bot.post(events).status_code == 200
    replies = bot.replies_when(peer, "sent")
    assert len(replies) == len(TIMES)
    sms = {message["repeatabilityRequestId"]: message for message in acs.messages(peer)}
    for reply, time in zip(replies, TIMES, strict=True):
        mine = sms[reply["id"]]
        assert bot.post([report(mine, "Failed", at="2026-11-20T09:59:59.9999999Z")]).status_code == 200
        assert bot.post([report(mine, at=time)]).status_code == 200
        assert bot.post([report(mine, "Failed", at="2026-11-20T11:59:59.9+02:00")]).status_code == 200
    assert [reply["status"] for reply in bot.replies(peer)] == ["delivered"] * len(TIMES)


def test_a_number_is_one_person_however_it_is_written(bot: Bot, peer: str) -> None:
    bot.post([received(peer, "hours")])
    ways = ("{}", "+{}", " {} ", "00{}")
    for way in ways:
        event = received(peer, f"again as {way}", From=way.format(peer.removeprefix("+")))
        assert bot.post([event]).status_code == 200
    heard = [m["text"] for m in bot.messages(peer) if m["direction"] == "inbound"]
    assert heard == ["hours", *[f"again as {way}" for way in ways]]


def test_a_short_code_stays_a_short_code(bot: Bot, acs: Acs, peer: str) -> None:
    assert bot.post([received(peer, "hours", number="12345", To="12345")]).status_code == 200
    bot.replies_when(peer, "sent")
    assert bot.conversation(peer)["number"] == "12345"
    assert acs.calls(peer)[0]["body"]["from"] == "12345"


def test_an_event_without_a_message_id_goes_by_its_own_id(bot: Bot, peer: str) -> None:
    event = received(peer, "hours")
    del event["data"]["MessageId"]
    for _ in range(2):
        assert bot.post([event]).status_code == 200
    inbound, _reply = bot.messages(peer)
    assert inbound["provider_message_id"] == event["id"]


def test_several_replies_leave_in_their_order(bot: Bot, acs: Acs, peer: str) -> None:
    bot.post([received(peer, "order #12345")])
    replies = bot.replies_when(peer, "sent")
    said = ["Order 12345: we are looking it up.", "Reply HELP to talk to a person."]
    assert [reply["text"] for reply in replies] == said
    assert [sms["text"] for sms in acs.messages(peer)] == said


def test_one_unreadable_event_costs_its_neighbours_nothing(bot: Bot, peer: str) -> None:
    bad: list[dict[str, Any]] = [
        received(peer, "x", From=None),
        {"id": "1"},
        received(peer, "x", Message=["x"]),
    ]
    assert bot.post([bad[0], received(peer, "hours"), *bad[1:]]).status_code == 200
    bot.replies_when(peer, "sent")
    assert [message["text"] for message in bot.messages(peer)] == ["hours", "We are open 9-18."]
    kept = [item["raw"] for item in bot.get("/rejected", limit=200)["items"]]
    assert all(json.dumps(event, separators=(",", ":")) in kept for event in bad)


def test_an_unknown_type_and_unknown_fields_do_no_harm(bot: Bot, peer: str) -> None:
    strange = received(peer, "x") | {"eventType": "Microsoft.Communication.CallStarted"}
    event = received(peer, "hours", SegmentCount=1, Tag=None, New={"a": [1]}) | {"newer": True}
    assert bot.post([strange, event]).status_code == 200
    assert [message["text"] for message in bot.messages(peer)] == ["hours", "We are open 9-18."]


def test_a_rule_without_a_reply_says_nothing(bot: Bot, acs: Acs, peer: str) -> None:
    assert bot.post([received(peer, "quiet please")]).status_code == 200
    assert bot.conversation(peer)["tags"] == ["quiet"]
    bot.post([received(peer, "hours")])
    bot.replies_when(peer, "sent")
    assert len(acs.calls(peer)) == 1


def test_the_bot_is_ready_and_says_so(bot: Bot) -> None:
    assert bot.http.get("/health/live").status_code == 200
    ready = until(lambda: bot.http.get("/health/ready"))
    assert ready.status_code == 200
