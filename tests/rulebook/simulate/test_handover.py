"""A rule says to whom it hands over, for how long, and what is said when the bot goes on; tests in files play it."""

from datetime import UTC, datetime

import pytest

from bot.rulebook.simulate.test_runner import run_tests
from bot.rulebook.simulate.try_message import answer
from tests.support.books import book_from, load_texts

RULES = """
rules:
  - name: food
    when: {keyword: food}
    reply: The kitchen answers soon.
    handover: {to: kitchen, urgent: true, back_after: 2h, back_reply: "Nobody is there, {{ from }}."}
  - {name: person, when: {exact: person}, handover: true, reply: A person comes.}
  - {name: nobody, when: {exact: nobody}, handover: false, reply: Nobody comes.}
  - {name: stop, when: {exact: stop}, opt_out: true, reply: Goodbye.}
  - {name: hours, when: {keyword: hours}, reply: We are open.}
"""


@pytest.mark.parametrize(
    "talk",
    [
        "{hear: food}, {hear: hours, after: 119m, say: []}, {hear: hours, say: We are open.}",
        '{hear: food}, {after: 2h, say: "Nobody is there, +15555550101."}, {hear: hours, say: We are open.}',
        "{hear: food}, {after: 1h, say: []}, {hear: hours, say: []}",
        "{hear: food}, {hear: stop}, {after: 3h, say: []}, {hear: hours, say: []}",
        "{hear: person}, {hear: hours, after: 100d, say: []}",
        "{hear: nobody}, {hear: hours, say: We are open.}",
    ],
)
def test_a_talk_goes_back_to_the_bot_when_the_time_is_over(talk: str) -> None:
    outcomes = run_tests(book_from(f"{RULES}tests:\n  - {{talk: [{talk}]}}\n"))
    assert (outcomes.passed, outcomes.failed) == (1, 0), outcomes.tests


def test_it_is_explained() -> None:
    why = answer(book_from(RULES), "food", at=datetime(2026, 11, 23, 12, tzinfo=UTC)).why
    expected = "kitchen takes over, urgently: the bot is silent here until no person has written for 2h."
    assert expected in why
    assert "Then it says: Nobody is there, +15555550101." in why


@pytest.mark.parametrize(
    ("handover", "finding"),
    [
        ("maybe", "E201"),
        ("{two: x}", "E202"),
        ("{back_reply: Sorry.}", "E204 back_reply is said when back_after is over: add back_after"),
        ("{back_after: soon}", "E205 back_after: 'soon' is not a duration"),
        ("{back_after: 10s}", "E205 back_after is 1m to 366d, and 10s is not."),
        ("{back_after: 400d}", "E205 back_after is 1m to 366d, and 400d is not."),
        (f"{{to: {'k' * 65}}}", "E205 to has at most 64 characters"),
        ("{urgent: perhaps}", "E201"),
        ("{back_after: 2h, back_reply: '{{ nobody }}'}", "nobody"),
    ],
)
def test_what_can_not_be_meant_is_an_error(handover: str, finding: str) -> None:
    rule = f"rules:\n  - {{name: x, when: {{exact: x}}, reply: Hi., handover: {handover}}}\n"
    found = load_texts({"f.yaml": rule}).findings
    assert any(finding in str(each) for each in found), found
