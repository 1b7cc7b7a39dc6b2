"""Two machines that answer each other do not do so for ever."""

from tests.acceptance.acs import Acs
from tests.acceptance.events import received
from tests.processes import Bot


def test_the_same_text_is_answered_three_times_an_hour(bot: Bot, acs: Acs, peer: str) -> None:
    for _ in range(6):
        assert bot.post([received(peer, "hours")]).status_code == 200
    assert len(bot.replies_when(peer, "sent")) == 3
    assert len(acs.messages(peer)) == 3
    assert len(bot.messages(peer)) == 9  # what was heard is kept, answered or not


def test_thirty_replies_an_hour_are_enough_for_one_conversation(bot: Bot, acs: Acs, peer: str) -> None:
    assert bot.post([received(peer, f"hours {turn}") for turn in range(40)]).status_code == 200
    assert len(bot.replies_when(peer, "sent", seconds=20)) == 30
    assert len(acs.messages(peer)) == 30


def test_stop_is_confirmed_even_then(bot: Bot, acs: Acs, peer: str) -> None:
    bot.post([received(peer, f"hours {turn}") for turn in range(31)])
    bot.post([received(peer, "stop")])
    bot.replies_when_settled(peer, seconds=20)
    assert bot.conversation(peer)["opted_out"] is True
    assert acs.messages(peer)[-1]["text"].startswith("You are unsubscribed.")
