"""Two machines that answer each other do not do so for ever."""

import time
from collections.abc import Sequence
from typing import Any

from tests.support.acs import Acs
from tests.support.events import a_number, received
from tests.support.folders import MakeBot
from tests.support.processes import ADMIN, Bot

#: A bot that answers anything; what it says is always the same in one talk, and never twice the same in another.
ANSWERS_ANYTHING = """\
numbers: {{"{number}": {{per_minute: 60000}}, "{another}": {{per_minute: 60000}}}}
rules:
  - {{name: stop, when: {{exact: [stop, stopall, unsubscribe, cancel, end, quit]}}, opt_out: true, reply: Bye.}}
  - {{name: closed, when: {{pattern: closed}}, reply: We are closed.}}
  - {{name: echo, when: anything, reply: "You said {{{{ message }}}}"}}
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


def answering_anything(make_bot: MakeBot, acs: Acs, numbers: Sequence[str], database: str) -> Bot:
    bot = make_bot(database, acs.connection_string)
    rules = ANSWERS_ANYTHING.format(number=numbers[0], another=numbers[1])
    (bot.folder / "rules" / "rules.yaml").write_text(rules, "utf-8")
    return bot.start()


class Talk:
    """What two numbers, each of a bot, say to each other."""

    def __init__(self, acs: Acs, one: tuple[str, Bot], other: tuple[str, Bot]) -> None:
        self._acs = acs
        #: The bot of each number, and the number that it talks to.
        self.sides = {one[0]: (one[1], other[0]), other[0]: (other[1], one[0])}
        self._brought = dict.fromkeys(self.sides, 0)

    def said_by(self, number: str) -> list[dict[str, Any]]:
        """Every SMS of one side."""
        return self._acs.messages(self.sides[number][1])

    def relay(self) -> int:
        """Bring each SMS to its bot until there is none, and nobody has one to send; how many were said."""
        while True:
            before = sum(self._brought.values())
            for number, (_, other) in self.sides.items():
                fresh = self.said_by(number)[self._brought[number] :]
                self._brought[number] += len(fresh)
                events = [received(number, message["text"], number=other) for message in fresh]
                if events:
                    assert self.sides[other][0].post(events).status_code == 200
            if before == sum(self._brought.values()):
                # What was sent before this has been said by then.
                if self._is_silent() and all(
                    len(self.said_by(number)) == count for number, count in self._brought.items()
                ):
                    return before
                time.sleep(0.02)

    def _is_silent(self) -> bool:
        """Whether no bot has anything to send to the other one."""
        return all(
            reply["status"] != "queued" for bot, other in self.sides.values() for reply in bot.replies(other)
        )


def test_two_bots_that_answer_anything_fall_silent(make_bot: MakeBot, acs: Acs) -> None:
    """One on each database, with two numbers each: in one talk texts vary, in the other all say the same.

    Both bots are told something at first, so that either may be the first to stop.
    """
    ours, theirs = [a_number(), a_number()], [a_number(), a_number()]
    one = answering_anything(make_bot, acs, ours, "sqlite")
    two = answering_anything(make_bot, acs, theirs, "postgresql")
    for number, other, text, bound, kind, guard in (
        (ours[0], theirs[0], "hello", 30, "loop", "too many replies in an hour"),
        (ours[1], theirs[1], "closed?", 4, "repeats", "the same message too often in an hour"),
    ):
        talk = Talk(acs, (number, one), (other, two))
        one.post([received(other, text, number=number)])
        two.post([received(number, text, number=other)])
        said = talk.relay()
        for mine, (bot, peer) in talk.sides.items():
            assert len(talk.said_by(mine)) == bound, kind
            (incident,) = bot.conversation(peer)["incidents"]
            assert (incident["kind"], incident["reason"]) == (kind, guard)
            assert incident["id"] in [each["id"] for each in bot.get("/incidents", open="true")["items"]]
        # Released, the talk goes on for as long again and no longer.
        incident = one.conversation(other)["incidents"][0]["id"]
        assert one.http.post(f"/api/incidents/{incident}/release", headers=ADMIN).status_code == 200
        one.post([received(other, f"{text} again", number=number)])
        assert said < talk.relay() <= said + 2 * bound, kind
    for bot in (one, two):
        kinds = [each["kind"] for each in bot.get("/incidents", open="true")["items"]]
        assert len(kinds) == len(set(kinds)) <= 2, "one for each conversation"


def test_two_numbers_of_one_bot_do_not_talk_to_each_other(make_bot: MakeBot, acs: Acs) -> None:
    one, two = a_number(), a_number()
    bot = make_bot("sqlite", acs.connection_string)
    rules = ANSWERS_ANYTHING.format(number=one, another=two)
    (bot.folder / "rules" / "rules.yaml").write_text(rules, "utf-8")
    bot.start()
    assert bot.post([received(two, "hello", number=one)]).status_code == 200
    (heard,) = bot.messages(two)
    assert heard["decision"]["guard"] == "one of our own numbers"
    assert acs.messages(two) == []
