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


#: What becomes of the first calls of a number, before one goes well.
FAILING: dict[str, list[dict[str, Any]]] = {
    "503": [{"status": 503}],
    "500 and 502": [{"status": 500}, {"status": 502}],
    "429": [{"status": 429, "headers": {"Retry-After": "1"}}],
    "an answer that is lost": [DROPPED],
    "two lost answers and a 503": [DROPPED, {"status": 503}, DROPPED],
}


def test_calls_that_fail_are_tried_again_until_they_go_well(bot: Bot, acs: Acs) -> None:
    """Each case on a number of its own, all at once."""
    talks = {case: (a_number(), a_number()) for case in FAILING}
    for case, (_, number) in talks.items():
        acs.plan(number, *FAILING[case])
    assert bot.post([received(peer, "hours", number=number) for peer, number in talks.values()]).is_success
    for case, (peer, _) in talks.items():
        assert_sent_once(bot, acs, peer)
        assert len(acs.calls(peer)) == len(FAILING[case]) + 1, case
    bot.post([report(sms) for peer, _ in talks.values() for sms in acs.messages(peer)])
    for case, (peer, _) in talks.items():
        history = [change["status"] for change in bot.replies(peer)[0]["history"]]
        assert history == ["queued", "sent", "delivered"], case


def test_a_number_that_is_told_to_wait_does_so_says_so_keeps_its_order_and_holds_no_other_up(
    bot: Bot, acs: Acs
) -> None:
    """Told with 429, and with 503; ACS holds the next call until all of that has been seen."""
    talks = {status: (a_number(), a_number()) for status in (429, 503)}
    for status, (_, number) in talks.items():
        acs.plan(number, {"status": status, "headers": {"Retry-After": "2"}}, {"hold": True})
    bot.post([received(peer, "order 12345", number=number) for peer, number in talks.values()])
    for peer, _ in talks.values():
        acs.calls_when(peer, 1)
    other = a_number()
    bot.post([received(other, "hours", number=a_number())])
    for status, (peer, _) in talks.items():
        assert [reply["status"] for reply in bot.replies(peer)] == ["queued", "queued"], status
        assert bot.conversation(peer)["delivery"]["queued"] == 2, status
    bot.replies_when(other, "sent")
    for peer, _ in talks.values():
        acs.calls_when(peer, 2)
    acs.release()
    for status, (peer, _) in talks.items():
        replies = bot.replies_when(peer, "sent")
        first, again, *more = acs.calls(peer)
        moments = [datetime.fromisoformat(call["at"]) for call in (first, again)]
        assert timedelta(seconds=2) <= moments[1] - moments[0] < timedelta(seconds=5), status
        assert pair(first) == pair(again), status
        # The second one did not overtake the first.
        assert [call["body"]["message"] for call in (again, *more)] == [reply["text"] for reply in replies]
        assert [sms["text"] for sms in acs.messages(peer)] == [reply["text"] for reply in replies]


def test_what_acs_refuses_for_good_is_failed_and_not_repeated(bot: Bot, acs: Acs) -> None:
    """It refuses the whole call, or its recipient."""
    talks = {case: (a_number(), a_number()) for case in ("status", "refuse")}
    for case, (_, number) in talks.items():
        acs.plan(number, {case: 400})
    events = [[received(peer, "hours", number=number) for peer, number in talks.values()] for _ in range(2)]
    bot.post(events[0])
    for case, (peer, _) in talks.items():
        (reply,) = bot.replies_when(peer, "failed")
        assert "planned" in reply["status_details"], case
        assert reply["provider_message_id"] is None, case
    bot.post(events[1])
    for case, (peer, _) in talks.items():
        assert [reply["status"] for reply in bot.replies_when_settled(peer)] == ["failed", "sent"], case
        assert len(acs.calls(peer)) == 2, case


def test_what_is_accepted_while_acs_is_down_is_sent_by_a_later_process(
    make_bot: MakeBot, tmp_path: Path, peer: str
) -> None:
    """Nothing listens where ACS should be; the bot ends as it waits, and so does the next; ACS comes up, then another.

    How a bot ends by SIGTERM is seen wherever the shared ones of `conftest.py` end; what one on PostgreSQL has
    accepted before it is killed, in the next test.
    """
    port = free_port()
    bot = make_bot("sqlite", connection_string(port)).start()
    assert bot.post([received(peer, "hours")]).status_code == 200
    (before,) = bot.replies(peer)
    assert before["status"] == "queued"
    assert bot.process
    assert bot.process.terminate(10, number=signal.SIGINT) == 0
    bot.start()
    assert [reply["status"] for reply in bot.replies(peer)] == ["queued"]
    assert bot.process.terminate(10, number=signal.SIGKILL) == -signal.SIGKILL
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
    """ACS holds a call that it will take, and 100 events were accepted a moment ago, when the bot is killed."""
    bot = make_bot(database, acs.connection_string).start()
    event = received(peer, "hours", number=number)
    acs.plan(number, {"hold": True})
    assert bot.post([event]).status_code == 200
    acs.calls_when(peer, 1)
    assert acs.messages(peer) == []
    others = [a_number() for _ in range(100)]
    for start in range(0, 100, 20):
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
