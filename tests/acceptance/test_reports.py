"""A delivery report moves its message on, in whatever order, however often and however early it comes."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.support.acs import Acs
from tests.support.events import a_number, received, report
from tests.support.processes import Bot, until


@pytest.fixture
def sms(bot: Bot, acs: Acs, peer: str) -> dict[str, Any]:
    """An SMS of the bot that ACS took."""
    bot.post([received(peer, "hours")])
    bot.replies_when(peer, "sent")
    (message,) = acs.messages(peer)
    return message


def states(message: dict[str, Any]) -> list[str]:
    return [change["status"] for change in message["history"]]


def test_a_failure_is_told_with_its_reason(bot: Bot, sms: dict[str, Any], peer: str) -> None:
    bot.post([report(sms, "Failed")])
    (reply,) = bot.replies(peer)
    assert states(reply) == ["queued", "sent", "failed"]
    assert reply["status_details"] == "ErrorCode: 4006. ErrorMessage: Not reachable."
    assert bot.conversation(peer)["delivery"]["failed"] == 1


def test_the_same_report_five_times_and_at_once_is_one_change(
    bot: Bot, sms: dict[str, Any], peer: str
) -> None:
    event = report(sms)
    with ThreadPoolExecutor(5) as pool:
        assert {answer.status_code for answer in pool.map(bot.post, [[event, event]] * 5)} == {200}
    (reply,) = bot.replies(peer)
    assert states(reply) == ["queued", "sent", "delivered"]


def test_every_order_of_arrival_ends_in_the_newest_state(bot: Bot, acs: Acs) -> None:
    """In one batch and one by one.

    Two reports of one message share an event id in Azure's samples, so the id can't tell them apart.
    """
    moments = [("Failed", "10:00:01.5Z"), ("Delivered", "10:00:03.1234567Z"), ("Failed", "10:00:02Z")]
    orders = [(a_number(), order) for order in [*itertools.permutations(moments)] * 2]
    bot.post([received(peer, "hours") for peer, _ in orders])
    for place, (peer, order) in enumerate(orders):
        bot.replies_when(peer, "sent")
        (sms,) = acs.messages(peer)
        events = [report(sms, status, at=f"2026-11-20T{at}") for status, at in order]
        for batch in [events] if place < len(orders) // 2 else [[event] for event in events]:
            assert bot.post(batch).status_code == 200
        (reply,) = bot.replies(peer)
        assert (reply["status"], reply["status_details"]) == ("delivered", "No error."), order


def test_a_report_that_overtakes_the_answer_to_the_send_is_applied(
    bot: Bot, acs: Acs, peer: str, number: str
) -> None:
    message_id = f"Outgoing_{uuid4()}"
    acs.plan(number, {"hold": True, "message_id": message_id})
    bot.post([received(peer, "hours", number=number)])
    acs.calls_when(peer, 1)
    assert bot.replies(peer)[0]["status"] == "queued"
    early = {"messageId": message_id, "from": number, "to": peer}
    assert bot.post([report(early, "Failed", at="2026-11-20T10:00:00Z")]).status_code == 200
    assert bot.post([report(early, at="2026-11-20T10:00:01Z")]).status_code == 200
    acs.release()
    (reply,) = bot.replies_when(peer, "delivered")
    assert reply["provider_message_id"] == message_id
    assert len(acs.calls(peer)) == 1


def test_a_report_finds_the_message_whose_answer_was_lost_by_the_tag_that_it_brings_back(
    bot: Bot, acs: Acs, peer: str, number: str
) -> None:
    """Nobody told the bot this MessageId. Another phone under the same tag is not it."""
    later = {"status": 429, "headers": {"Retry-After": "60"}}
    acs.plan(number, {"drop": True}, later, later, later)
    bot.post([received(peer, "hours", number=number)])
    (call, *_) = acs.calls_when(peer, 1)
    (sms,) = until(lambda: acs.messages(peer), what="the SMS")
    tag = call["body"]["smsSendOptions"]["tag"]
    bot.post([report({**sms, "messageId": f"Outgoing_{uuid4()}", "to": a_number()}, Tag=tag)])
    (reply,) = bot.replies(peer)
    assert (reply["status"], reply["provider_message_id"]) == ("queued", None)
    bot.post([report(sms, Tag=tag)])
    (reply,) = bot.replies_when(peer, "delivered")
    assert reply["provider_message_id"] == sms["messageId"]
    assert states(reply) == ["queued", "sent", "delivered"]


def test_a_report_for_a_message_that_is_not_ours_is_acknowledged_and_changes_nothing(
    bot: Bot, peer: str
) -> None:
    stranger = {"messageId": f"Outgoing_{uuid4()}", "from": "+15555550100", "to": peer}
    assert bot.post([report(stranger)]).status_code == 200
    assert bot.messages(peer) == []


def test_a_report_of_our_number_in_another_writing_finds_its_message(
    bot: Bot, sms: dict[str, Any], peer: str
) -> None:
    bot.post([report(sms, From="+" + sms["from"].removeprefix("+"), To=peer.removeprefix("+"))])
    assert bot.replies(peer)[0]["status"] == "delivered"


WORDS = [
    ("Failed", "ErrorCode: 5002. ErrorMessage: Message Delivery Timeout", "unconfirmed"),
    ("Failed", "4001: Invalid From", "failed"),
    ("Expired", "", "unconfirmed"),
    ("Delivered", None, "delivered"),
    ("delivered", "2000: No Error", "delivered"),
    ("Pending", "", "sent"),
    ("Nonsense", "What?", "sent"),
]


def test_each_word_of_a_carrier_has_its_state(bot: Bot, acs: Acs) -> None:
    peers = [a_number() for _ in WORDS]
    bot.post([received(peer, "hours") for peer in peers])
    for peer, (status, details, becomes) in zip(peers, WORDS, strict=True):
        bot.replies_when(peer, "sent")
        (sms,) = acs.messages(peer)
        bot.post([report(sms, status, DeliveryStatusDetails=details)])
        (reply,) = bot.replies(peer)
        assert reply["status"] == becomes, (status, details)
        if status in ("Pending", "Nonsense"):
            assert status in reply["status_details"]


def test_a_late_report_moves_an_unconfirmed_message_on(bot: Bot, sms: dict[str, Any], peer: str) -> None:
    bot.post([report(sms, "Failed", DeliveryStatusDetails="5002: no report", at="2026-11-20T10:00:00Z")])
    bot.post([report(sms, at="2026-11-20T12:00:00Z")])
    (reply,) = bot.replies(peer)
    assert states(reply) == ["queued", "sent", "unconfirmed", "delivered"]


def test_a_report_that_the_peer_blocks_us_opts_it_out(
    bot: Bot, acs: Acs, sms: dict[str, Any], peer: str
) -> None:
    bot.post([report(sms, "Failed", DeliveryStatusDetails="Sender blocked for given recipient.")])
    assert bot.conversation(peer)["opted_out"] is True
    bot.post([received(peer, "hours")])
    assert [reply["status"] for reply in bot.replies(peer)] == ["failed", "suppressed"]
    assert len(acs.calls(peer)) == 1


def test_reports_of_many_messages_in_one_batch(bot: Bot, acs: Acs) -> None:
    peers = [a_number() for _ in range(12)]
    bot.post([received(peer, "hours") for peer in peers])
    until(lambda: all(acs.messages(peer) for peer in peers))
    for peer in peers:
        bot.replies_when(peer, "sent")
    bot.post([report(message) for peer in peers for message in acs.messages(peer)])
    assert {bot.conversation(peer)["delivery"]["latest"] for peer in peers} == {"delivered"}
