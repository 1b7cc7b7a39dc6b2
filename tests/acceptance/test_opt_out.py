"""STOP is confirmed once, then there is silence until START."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.acs import Acs
from tests.support.events import a_number, received
from tests.support.processes import ADMIN, Bot

GOODBYE = "You are unsubscribed. Reply START to come back."


def test_stop_is_confirmed_then_nothing_is_sent_until_start(bot: Bot, acs: Acs, peer: str) -> None:
    for text in ("hours", "Stop!", "hours", "STOP"):
        bot.post([received(peer, text)])
        bot.replies_when_settled(peer)
    assert bot.conversation(peer)["opted_out"] is True
    bot.post([received(peer, "start")])
    bot.post([received(peer, "hours")])
    replies = [(reply["text"], reply["status"]) for reply in bot.replies_when_settled(peer)]
    assert replies == [
        ("We are open 9-18.", "sent"),
        (GOODBYE, "sent"),
        ("We are open 9-18.", "suppressed"),
        (GOODBYE, "suppressed"),
        ("You are back.", "sent"),
        ("We are open 9-18.", "sent"),
    ]
    assert bot.conversation(peer)["opted_out"] is False
    said = ["We are open 9-18.", GOODBYE, "You are back.", "We are open 9-18."]
    assert [message["text"] for message in acs.messages(peer)] == said


def test_the_whole_story_in_one_batch_goes_the_same_way(bot: Bot, acs: Acs, peer: str) -> None:
    bot.post([received(peer, text) for text in ("stop", "hours", "start", "hours")])
    assert [reply["status"] for reply in bot.replies_when_settled(peer)] == [
        "sent",
        "suppressed",
        "sent",
        "sent",
    ]
    assert [message["text"] for message in acs.messages(peer)] == [
        GOODBYE,
        "You are back.",
        "We are open 9-18.",
    ]


def test_stop_to_one_of_our_numbers_says_nothing_of_another(
    bot: Bot, acs: Acs, peer: str, number: str
) -> None:
    bot.post([received(peer, "stop")])
    bot.post([received(peer, "hours", number=number)])
    assert {reply["status"] for reply in bot.replies_when_settled(peer)} == {"sent"}
    assert sorted(message["text"] for message in acs.messages(peer)) == ["We are open 9-18.", GOODBYE]


def test_after_stop_no_reply_is_sent_that_waits_and_none_repeated_that_may_have_been_sent(
    bot: Bot, acs: Acs
) -> None:
    """Decided before STOP came, but not sent yet: it must not go out any more; the confirmation must.

    After a 429 that is so. A 503 leaves open whether ACS took it: repeated after STOP, it could be an SMS that nobody
    wants any more.
    """
    talks = {status: (a_number(), a_number()) for status in (429, 503)}
    for status, (_, number) in talks.items():
        acs.plan(number, {"status": status, "headers": {"Retry-After": "3"}})
    bot.post([received(peer, "hours", number=number) for peer, number in talks.values()])
    for peer, _ in talks.values():
        acs.calls_when(peer, 1)
    bot.post([received(peer, "stop", number=number) for peer, number in talks.values()])
    for status, becomes in ((429, "suppressed"), (503, "unconfirmed")):
        peer, _ = talks[status]
        assert [reply["status"] for reply in bot.replies_when_settled(peer)] == [becomes, "sent"], status
        assert [message["text"] for message in acs.messages(peer)] == [GOODBYE], status


def test_an_operator_cannot_text_who_opted_out(bot: Bot, acs: Acs, peer: str) -> None:
    bot.post([received(peer, "stop")])
    bot.replies_when_settled(peer)
    path = f"/api/conversations/{bot.conversation(peer)['id']}/messages"
    answer = bot.http.post(path, json={"text": "Are you sure?"}, headers=ADMIN)
    assert answer.status_code == 409
    assert "opted out" in answer.json()["detail"]
    assert len(acs.messages(peer)) == 1


def test_on_a_toll_free_number_the_carrier_answers_stop(bot: Bot, acs: Acs) -> None:
    talks = {number: a_number() for number in ("+18885550100", "+18005550100")}

    def post(text: str) -> None:
        bot.post([received(peer, text, number=number) for number, peer in talks.items()])

    post("stop")
    post("hours")
    assert all(bot.conversation(peer)["opted_out"] is True for peer in talks.values())
    post("start")
    post("hours")
    for number, peer in talks.items():
        bot_says = [reply["text"] for reply in bot.replies_when_settled(peer) if reply["status"] == "sent"]
        assert bot_says == ["We are open 9-18."], number
        assert [message["text"] for message in acs.messages(peer)] == ["We are open 9-18."], number


@pytest.mark.parametrize("in_one_batch", [True, False])
def test_the_newest_wish_counts_by_the_peers_own_time(
    bot: Bot, acs: Acs, peer: str, *, in_one_batch: bool
) -> None:
    """Event Grid brings a STOP before the START that was written ten seconds earlier, and that one twice."""
    ten_ago = datetime.now(UTC) - timedelta(seconds=10)
    stop = received(peer, "stop")
    start = received(peer, "start", ReceivedTimestamp=ten_ago.isoformat())
    events = [stop, start, start, received(peer, "hours")]
    for batch in [events] if in_one_batch else [[event] for event in events]:
        bot.post(batch)
    replies = [(reply["text"], reply["status"]) for reply in bot.replies_when_settled(peer)]
    assert replies == [(GOODBYE, "sent"), ("We are open 9-18.", "suppressed")]
    assert bot.conversation(peer)["opted_out"] is True
    assert [message["text"] for message in acs.messages(peer)] == [GOODBYE]
