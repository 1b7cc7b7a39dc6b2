"""Whatever happens to ACS or to the bot, a reply is sent, once, and with the id that it was born with."""

import signal
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.acs import Acs, connection_string
from tests.support.events import a_number, received, report
from tests.support.folders import DATABASES, MakeBot
from tests.support.processes import ADMIN, Bot, free_port, until

DROPPED = {"drop": True}


def pair(call: dict[str, Any]) -> tuple[str, str]:
    (recipient,) = call["body"]["smsRecipients"]
    return recipient["repeatabilityRequestId"], recipient["repeatabilityFirstSent"]


def assert_sent_once(bot: Bot, acs: Acs, peer: str) -> None:
    """One SMS went out, by the repeatability pair that the message got with its first try."""
    (reply,) = bot.replies_when(peer, "sent", seconds=20)
    (sms,) = acs.messages(peer)
    assert sms["messageId"] == reply["provider_message_id"]
    assert {pair(call)[0] for call in acs.calls(peer)} == {reply["id"]}
    assert len({pair(call) for call in acs.calls(peer)}) == 1
    assert {call["trouble"] for call in acs.calls(peer)} == {None}


@pytest.mark.parametrize(
    "deeds",
    [
        [{"status": 503}],
        [{"status": 500}, {"status": 502}],
        [{"status": 429, "headers": {"Retry-After": "1"}}],
        [DROPPED],
        [DROPPED, {"status": 503}, DROPPED],
    ],
    ids=["503", "500 and 502", "429", "an answer that is lost", "two lost answers and a 503"],
)
def test_a_call_that_fails_is_tried_again_until_it_goes_well(
    deeds: list[dict[str, Any]], bot: Bot, acs: Acs, peer: str, number: str
) -> None:
    acs.plan(number, *deeds)
    assert bot.post([received(peer, "hours", number=number)]).status_code == 200
    assert_sent_once(bot, acs, peer)
    assert len(acs.calls(peer)) == len(deeds) + 1
    (sms,) = acs.messages(peer)
    bot.post([report(sms)])
    assert [change["status"] for change in bot.replies(peer)[0]["history"]] == ["queued", "sent", "delivered"]


def test_retry_after_is_waited_for_and_little_more(bot: Bot, acs: Acs, peer: str, number: str) -> None:
    acs.plan(number, {"status": 429, "headers": {"Retry-After": "2"}})
    bot.post([received(peer, "hours", number=number)])
    first, second = (datetime.fromisoformat(call["at"]) for call in acs.calls_when(peer, 2))
    assert timedelta(seconds=2) <= second - first < timedelta(seconds=4)


def test_the_bot_says_that_a_message_waits_while_acs_refuses(
    bot: Bot, acs: Acs, peer: str, number: str
) -> None:
    acs.plan(number, {"status": 503, "headers": {"Retry-After": "2"}})
    bot.post([received(peer, "order 12345", number=number)])
    acs.calls_when(peer, 1)
    assert [reply["status"] for reply in bot.replies(peer)] == ["queued", "queued"]
    assert bot.conversation(peer)["delivery"]["queued"] == 2
    replies = bot.replies_when(peer, "sent")
    # The second one did not overtake the first.
    assert [sms["text"] for sms in acs.messages(peer)] == [reply["text"] for reply in replies]


def test_a_lane_in_trouble_does_not_hold_another_up(bot: Bot, acs: Acs, peer: str, number: str) -> None:
    acs.plan(number, {"status": 503, "headers": {"Retry-After": "3"}})
    bot.post([received(peer, "hours", number=number)])
    acs.calls_when(peer, 1)
    other = a_number()
    bot.post([received(other, "hours", number=a_number())])
    bot.replies_when(other, "sent", seconds=2)
    assert_sent_once(bot, acs, peer)


@pytest.mark.parametrize("deed", [{"status": 400}, {"refuse": 400}], ids=["the call", "the recipient"])
def test_what_acs_refuses_for_good_is_failed_and_not_repeated(
    deed: dict[str, Any], bot: Bot, acs: Acs, peer: str, number: str
) -> None:
    acs.plan(number, deed)
    bot.post([received(peer, "hours", number=number)])
    (reply,) = bot.replies_when(peer, "failed")
    assert "planned" in reply["status_details"]
    assert reply["provider_message_id"] is None
    bot.post([received(peer, "hours", number=number)])
    assert [reply["status"] for reply in bot.replies_when_settled(peer)] == ["failed", "sent"]
    assert len(acs.calls(peer)) == 2


@pytest.mark.parametrize(
    ("database", "end"),
    [("sqlite", signal.SIGKILL), ("postgresql", signal.SIGKILL), ("sqlite", signal.SIGINT)],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_what_is_accepted_while_acs_is_down_is_sent_by_the_next_process(
    database: str, end: signal.Signals, make_bot: MakeBot, tmp_path: Path, peer: str
) -> None:
    """Nothing listens where ACS should be; the bot ends as it waits; ACS comes up, then another bot.

    How a bot ends by SIGTERM is seen wherever the shared ones of `conftest.py` end.
    """
    port = free_port()
    bot = make_bot(database, connection_string(port)).start()
    assert bot.post([received(peer, "hours")]).status_code == 200
    (before,) = bot.replies(peer)
    assert before["status"] == "queued"
    assert bot.process
    status = bot.process.terminate(10, number=end)
    assert status == (-signal.SIGKILL if end == signal.SIGKILL else 0)
    acs = Acs(tmp_path, port)
    try:
        bot.start()
        assert_sent_once(bot, acs, peer)
        (after,) = bot.replies(peer)
        assert (after["id"], after["created_at"]) == (before["id"], before["created_at"])
        assert len(acs.calls(peer)) == 1
    finally:
        acs.close()


@pytest.mark.parametrize("database", DATABASES)
def test_a_bot_killed_in_the_midst_of_its_work_loses_nothing_and_says_nothing_twice(
    database: str, make_bot: MakeBot, acs: Acs, peer: str, number: str
) -> None:
    """ACS holds a call that it will take, and 200 events were accepted a moment ago, when the bot is killed."""
    bot = make_bot(database, acs.connection_string).start()
    event = received(peer, "hours", number=number)
    acs.plan(number, {"hold": True})
    assert bot.post([event]).status_code == 200
    acs.calls_when(peer, 1)
    assert acs.messages(peer) == []
    others = [a_number() for _ in range(200)]
    for start in range(0, 200, 20):
        batch = [received(other, "hours") for other in others[start : start + 20]]
        assert bot.post(batch).status_code == 200
    bot.kill()
    acs.release()
    bot.start()
    assert bot.post([event]).status_code == 200  # Event Grid delivers it again
    assert_sent_once(bot, acs, peer)
    assert len(acs.calls(peer)) == 2
    assert len(bot.messages(peer)) == 2
    until(lambda: not bot.get("/conversations", delivery="queued")["items"], what="an empty outbox")
    said = Counter(message["to"] for message in acs.all_messages())
    assert {other: said[other] for other in others} == dict.fromkeys(others, 1)


def test_an_operators_reply_waits_its_turn_like_any_other(bot: Bot, acs: Acs, peer: str, number: str) -> None:
    acs.plan(number, {}, {"status": 503})
    bot.post([received(peer, "hours", number=number)])
    bot.replies_when(peer, "sent")
    path = f"/api/conversations/{bot.conversation(peer)['id']}/messages"
    answer = bot.http.post(path, json={"text": "A person here."}, headers=ADMIN)
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["rule"]) == ("queued", None)
    replies = bot.replies_when(peer, "sent")
    assert [sms["text"] for sms in acs.messages(peer)] == ["We are open 9-18.", "A person here."]
    assert acs.messages(peer)[1]["repeatabilityRequestId"] == replies[1]["id"] == answer.json()["id"]


def test_every_recipient_of_one_call_has_its_own_outcome(bot: Bot, acs: Acs, number: str) -> None:
    """Replies of the same words leave together; what becomes of each is its own."""
    acs.plan(number, {"hold": True})
    first = a_number()
    bot.post([received(first, "hours", number=number)])
    acs.calls_when(first, 1)
    peers = [a_number() for _ in range(5)]
    bot.post([received(peer, "hours", number=number) for peer in peers])
    together = acs.calls_when(peers[0], 1)[0]
    assert [recipient["to"] for recipient in together["body"]["smsRecipients"]] == peers
    acs.release()
    for peer in [first, *peers]:
        (reply,) = bot.replies_when(peer, "sent")
        (sms,) = acs.messages(peer)
        assert (sms["repeatabilityRequestId"], sms["messageId"]) == (
            reply["id"],
            reply["provider_message_id"],
        )
