"""Where a number has `answer`, a peer of another country is kept and not answered; their opt-outs count."""

from datetime import timedelta

import pytest

from bot.rulebook.decision import ConversationState, Decision, HeardMessage, HeldBack
from bot.rulebook.simulate.explain import explain
from tests.support.books import NOW, book_from, hear

OURS = "+15555550100"
RULES = """\
numbers:
  "+15555550100": {answer: ["+1", "+44"]}
  "+15555550199": {}
rules:
  - {name: hours, when: {keyword: hours}, reply: We are open.}
  - {name: person, when: {keyword: person}, reply: Soon., handover: true, tag: waits}
  - {name: ask, when: {keyword: ask}, ask: [{save: name, question: Your name?}], reply: Thanks.}
  - {name: stop, when: {exact: stop}, opt_out: true, reply: Goodbye.}
  - {name: start, when: {exact: start}, opt_in: true, reply: Welcome.}
"""
BOOK = book_from(RULES)
NEWCOMER = ConversationState()


def say(text: str, sender: str, state: ConversationState = NEWCOMER, number: str = OURS) -> Decision:
    return hear(BOOK, text, state, sender=sender, to=number)


@pytest.mark.parametrize("sender", ["+12025550123", "+447700900123", "12345"])
def test_the_countries_that_are_named_are_answered(sender: str) -> None:
    assert say("hours", sender).replies == ("We are open.",)


@pytest.mark.parametrize("text", ["hours", "person", "ask"])
@pytest.mark.parametrize("sender", ["+882130000001", "+33700555010", "+4915550100"])
def test_others_are_not_and_the_decision_says_why(sender: str, text: str) -> None:
    decision = say(text, sender)
    assert decision.replies == ()
    assert decision.held_back_by is HeldBack.ABROAD
    assert decision.record()["guard"] == "its country is not answered"
    assert decision.rule == text
    assert decision.after == NEWCOMER


def test_another_number_of_the_book_answers_everybody() -> None:
    assert say("hours", "+33700555010", number="+15555550199").replies == ("We are open.",)


def test_an_opt_out_counts_and_is_confirmed_and_an_opt_in_counts() -> None:
    out = say("stop", "+33700555010")
    assert (out.replies, out.exempt, out.after.opted_out) == (("Goodbye.",), True, True)
    later = NOW + timedelta(minutes=1)
    back = hear(BOOK, "start", out.after, sender="+33700555010", to=OURS, at=later)
    assert (back.replies, back.exempt, back.after.opted_out) == ((), False, False)
    assert back.held_back_by is HeldBack.ABROAD


def test_it_is_explained() -> None:
    heard = HeardMessage(id="1", text="hours", sender="+33700555010", recipient=OURS)
    lines = explain(BOOK, heard, NEWCOMER, NOW)
    assert any("of a country that this number does not answer" in each for each in lines)
