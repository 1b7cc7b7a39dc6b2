"""Two machines that answer each other do not do so for ever."""

import time
from typing import Any

import pytest

from tests.support.acs import Acs
from tests.support.events import a_number, received
from tests.support.folders import MakeBot
from tests.support.processes import ADMIN, Bot

#: A bot that answers anything; what it says is never the same twice, or always the same.
ANSWERS_ANYTHING = """\
numbers: {{"{number}": {{per_minute: 60000}}}}
rules:
  - {{name: stop, when: {{exact: [stop, stopall, unsubscribe, cancel, end, quit]}}, opt_out: true, reply: Bye.}}
  - {{name: echo, when: anything, reply: "{reply}"}}
"""


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


def answering_anything(make_bot: MakeBot, acs: Acs, number: str, database: str, reply: str) -> Bot:
    bot = make_bot(database, acs.connection_string)
    rules = ANSWERS_ANYTHING.format(number=number, reply=reply)
    (bot.folder / "rules" / "rules.yaml").write_text(rules, "utf-8")
    return bot.start()


def relay(acs: Acs, bots: dict[str, Bot]) -> list[dict[str, Any]]:
    """Bring each SMS to the bot that it is for, until there is none and nobody has one to send; all that was said."""
    brought = 0
    while True:
        said = said_to(acs, bots)
        for message in said[brought:]:
            event = received(message["from"], message["text"], number=message["to"])
            assert bots[message["to"]].post([event]).status_code == 200
        if brought == len(said):
            # What was sent before this has been said by then.
            if are_silent(bots) and len(said_to(acs, bots)) == brought:
                return said
            time.sleep(0.02)
        brought = len(said)


def said_to(acs: Acs, bots: dict[str, Bot]) -> list[dict[str, Any]]:
    return [message for message in acs.all_messages() if message["to"] in bots]


def are_silent(bots: dict[str, Bot]) -> bool:
    """Whether no bot has anything to send to another one."""
    return all(
        reply["status"] != "queued"
        for number, bot in bots.items()
        for other in bots.keys() - {number}
        for reply in bot.replies(other)
    )


@pytest.mark.parametrize(
    ("reply", "bound", "kind", "guard"),
    [
        ("You said {{ message }}", 30, "loop", "too many replies in an hour"),
        ("We are closed.", 4, "repeats", "the same message too often in an hour"),
    ],
    ids=["varying texts", "the same text"],
)
def test_two_bots_that_answer_anything_fall_silent(
    make_bot: MakeBot, acs: Acs, reply: str, bound: int, kind: str, guard: str
) -> None:
    """One on each database. Both are told something at first, so that either may be the first to stop."""
    one, two = a_number(), a_number()
    bots = {
        one: answering_anything(make_bot, acs, one, "sqlite", reply),
        two: answering_anything(make_bot, acs, two, "postgresql", reply),
    }
    bots[one].post([received(two, "hello", number=one)])
    bots[two].post([received(one, "hello", number=two)])
    said = relay(acs, bots)
    for number, bot in bots.items():
        other = two if number == one else one
        assert len([message for message in said if message["from"] == number]) == bound
        conversation = bot.conversation(other)
        (incident,) = conversation["incidents"]
        assert (incident["kind"], incident["reason"]) == (kind, guard)
        assert [each["id"] for each in bot.get("/incidents", open="true")["items"]] == [incident["id"]]
    # Released, the talk goes on for as long again and no longer.
    bot = bots[one]
    released = bot.http.post(
        f"/api/incidents/{bot.conversation(two)['incidents'][0]['id']}/release", headers=ADMIN
    )
    assert released.status_code == 200
    bot.post([received(two, "hello again", number=one)])
    said_then = relay(acs, bots)
    assert len(said) < len(said_then) <= len(said) + 2 * bound


def test_two_numbers_of_one_bot_do_not_talk_to_each_other(make_bot: MakeBot, acs: Acs) -> None:
    one, two = a_number(), a_number()
    bot = make_bot("sqlite", acs.connection_string)
    rest = ANSWERS_ANYTHING.format(number=one, reply="Yes?").partition("\n")[2]
    rules = f'numbers: ["{one}", "{two}"]\n{rest}'
    (bot.folder / "rules" / "rules.yaml").write_text(rules, "utf-8")
    bot.start()
    assert bot.post([received(two, "hello", number=one)]).status_code == 200
    (heard,) = bot.messages(two)
    assert heard["decision"]["guard"] == "one of our own numbers"
    assert acs.messages(two) == []
