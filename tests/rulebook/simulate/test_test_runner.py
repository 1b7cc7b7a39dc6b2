"""Tests in rule files play a conversation, and a failure says what was heard, expected and said."""

# ruff: noqa: E501 - a table of tests reads best with one in a line

import msgspec
import pytest

from bot.rulebook.files.loader import load_texts
from bot.rulebook.lint.check import check
from bot.rulebook.simulate.loop_guard import Caps
from bot.rulebook.simulate.test_runner import BoundedRun, FailedStep, Outcomes, run_tests
from bot.rulebook.simulate.try_message import play
from tests.support.books import NOW, book_from

RULES = """
timezone: Europe/Paris
numbers: ["+15555550100"]
rules:
  - {name: hours, when: {keyword: hours}, only: {hours: Mon-Fri 9-18}, reply: We are open.}
  - {name: closed, when: {keyword: hours}, reply: [We are closed., "Sorry!"]}
  - {name: stop, when: {exact: stop}, opt_out: true, reply: Bye.}
  - {name: first, when: anything, only: {first_time: true}, reply: Welcome!}
  - {name: french, when: {keyword: bonjour}, only: {from: +33}, reply: Salut.}
  - {name: once, when: {keyword: vote}, limit: 1 per 1h, reply: Counted.}
  - {name: any, when: {keyword: any}, reply: {one_of: [A, B, C]}}
"""


def run(tests: str) -> Outcomes:
    return run_tests(book_from(RULES + "tests:\n" + tests))


@pytest.mark.parametrize(
    "test",
    [
        "  - {hear: hours, say: We are open., rule: hours}",
        "  - {hear: hours, say: We are open., at: 2026-11-23 17:59}",
        "  - {hear: hours, say: [We are closed., Sorry!], at: 2026-11-23 18:00}",
        "  - {hear: hours, rule: closed, at: 2026-11-23T17:30Z}",
        "  - {hear: hours, rule: closed, at: Sat 12:00}",
        "  - {hear: hours, rule: hours, at: friday 9.00}",
        "  - {hear: '', say: Welcome!}",
        "  - {hear: hours, say: [], to: +15555550199}",
        "  - {talk: [{hear: hi}, {say: Welcome!}, {hear: hi, say: []}, {hear: hi}]}",
        "  - {from: '+33 6 00 00 00 00', talk: [{hear: hi}, {hear: Bonjour!, say: Salut.}]}",
        "  - {talk: [{hear: stop}, {say: Bye.}, {hear: hours, say: []}]}",
        "  - {talk: [{hear: vote}, {hear: vote, say: Counted.}, {hear: vote, say: []}, {hear: vote, after: 2h, rule: once}]}",
        "  - {talk: [{hear: hours, at: Sat 9:00, rule: closed}, {hear: hours, at: Mon 10:00, rule: hours}]}",
        "  - {talk: [{hear: x}, {hear: any, say: {one_of: [A, B, C]}}]}",
    ],
)
def test_a_test_passes(test: str) -> None:
    outcomes = run(test)
    assert outcomes.failed == 0, outcomes.tests
    assert outcomes.passed == 1


@pytest.mark.parametrize("night", ["2026-10-25 02:29", "2026-03-29 01:59"])
def test_waits_of_a_talk_are_as_long_in_a_night_in_which_clocks_are_set(night: str) -> None:
    waits = "{hear: vote, say: Counted.}, {hear: vote, after: 59m, say: []}, {hear: vote, after: 1m, say: Counted.}"
    outcomes = run(f"  - {{at: {night}, talk: [{{hear: hi}}, {waits}]}}")
    assert outcomes.failed == 0, outcomes.tests


def test_a_failure_says_what_was_heard_expected_and_said() -> None:
    outcomes = run(
        "  - {hear: hours, say: Open!, rule: closed}\n  - {talk: [{hear: stop}, {hear: hours, say: x}]}\n"
    )
    assert (outcomes.passed, outcomes.failed) == (0, 2)
    first, second = outcomes.tests
    assert first.failures == (
        FailedStep(
            line=13,
            column=5,
            heard="hours",
            expected=(("Open!",),),
            said=("We are open.",),
            expected_rule="closed",
            rule="hours",
            silence=None,
        ),
    )
    assert second.failures[0].silence == "opted out"


def test_rules_are_counted() -> None:
    outcomes = run("  - {talk: [{hear: hours}, {hear: hours}, {hear: stop}]}")
    assert {name: count for name, count in outcomes.rules.items() if count} == {"hours": 2, "stop": 1}
    assert outcomes.rules["any"] == 0


def test_a_book_without_tests_passes() -> None:
    assert run_tests(book_from(RULES)).tests == ()


def test_many_long_waits_do_not_leave_the_calendar() -> None:
    later = ", ".join(["{hear: hours, after: 3650d}"] * 120)
    assert run(f"  - {{talk: [{{hear: hours, at: 8999-12-31 12:00}}, {later}]}}").passed == 1


@pytest.mark.parametrize(
    ("test", "finding"),
    [
        ("{say: x}", 'E204 A test needs either "hear" or "talk".'),
        ("{hear: x, talk: []}", 'E204 A test needs either "hear" or "talk".'),
        ("{hear: [x]}", "E201 hear must be a text, not a list."),
        ("{hear: x, sya: y}", 'E202 A test has no key "sya". Did you mean "say"?'),
        ("{hear: x, rule: huors}", 'E313 There is no rule "huors". Did you mean "hours"?'),
        (
            "{talk: [{hear: x}, {say: y, rule: huors}]}",
            'E313 There is no rule "huors". Did you mean "hours"?',
        ),
        ("{talk: [{hear: x}, {after: 1h, say: [], rule: huors}]}", 'E313 There is no rule "huors".'),
        (
            "{talk: [{hear: x, rule: once}, {say: y, rule: hours}]}",
            "E312 One rule gives all replies to a message;",
        ),
        ("{hear: x, at: noon}", 'E205 "noon" is no time: write 2026-12-24 18:30'),
        ("{hear: x, at: Mon 25:00}", 'E205 "Mon 25:00" is no time'),
        ("{hear: x, at: 9999-12-31T23:59:59-14:00}", 'E205 "9999-12-31T23:59:59-14:00" is no time'),
        ("{hear: x, at: 0001-01-01 00:00}", 'E205 "0001-01-01 00:00" is no time'),
        ("{talk: [{say: x}]}", 'E204 A talk begins with "hear".'),
        ("{talk: [{rule: x}]}", 'E204 A step of a talk needs "hear" or "say".'),
        ("{talk: [{hear: x, after: soon}]}", "E205 after: 'soon' is not a duration"),
        ("{talk: [{hear: x}], say: y}", 'E312 "say" stands in the steps of a talk, not beside it.'),
        ("just text", "E201 A test must be a mapping"),
    ],
)
def test_a_test_that_cannot_be_read_is_an_error(test: str, finding: str) -> None:
    found = load_texts({"f.yaml": RULES + f"tests:\n  - {test}\n"}).findings
    assert any(finding in str(each) for each in found), found


ASKING = (
    "rules:\n"
    "  - {name: hi, when: {keyword: hi}, reply: Hello.}\n"
    "  - {name: survey, when: {keyword: survey}, reply: Thanks., ask: ["
    + ", ".join(f"{{save: q{at}, question: 'Question {at}?', expect: number}}" for at in range(6))
    + "]}\n"
)


VISIT = """
rules:
  - {name: visited, when: {exact: visited}, reply: [Thanks!, Bye.], later: {after: 2h, reply: How was it?}}
  - {name: person, when: {exact: person}, reply: Wait., handover: {back_after: 1h, back_reply: I am back.}}
tests:
"""


@pytest.mark.parametrize(
    ("talk", "rule"),
    [
        ("{hear: visited}, {say: Thanks!}, {say: Bye., rule: RULE}", "visited"),
        ("{hear: visited}, {after: 2h, say: How was it?, rule: RULE}", "visited"),
        ("{hear: visited}, {after: 2h, rule: RULE}", "visited"),
        ("{hear: person}, {after: 1h}, {say: I am back., rule: RULE}", "person"),
    ],
)
def test_the_rule_of_any_step_is_compared(talk: str, rule: str) -> None:
    other = {"visited": "person", "person": "visited"}[rule]
    assert run_tests(book_from(f"{VISIT}  - talk: [{talk.replace('RULE', rule)}]")).failed == 0
    (failed,) = run_tests(book_from(f"{VISIT}  - talk: [{talk.replace('RULE', other)}]")).tests[0].failures
    assert (failed.expected_rule, failed.rule) == (other, rule)


def test_no_rule_has_said_what_nothing_was_said_later() -> None:
    talk = "{hear: visited}, {after: 1h, say: [], rule: visited}"
    (failed,) = run_tests(book_from(f"{VISIT}  - talk: [{talk}]")).tests[0].failures
    assert (failed.expected_rule, failed.rule, failed.said) == ("visited", None, ())


def test_a_test_meets_the_loop_guard() -> None:
    talk = "  - {hear: hi}\n" * 3
    book = book_from(
        ASKING
        + "tests:\n- talk:\n"
        + talk
        + "  - {hear: hi, say: []}\n  - {hear: hi, after: 2h, say: Hello.}\n"
    )
    assert run_tests(book).passed == 1
    (outcome,) = run_tests(book, Caps(replies=30, repeats=4)).tests
    assert [(failure.line, failure.said) for failure in outcome.failures] == [(9, ("Hello.",))]
    book = book_from(ASKING + "tests:\n- talk:\n" + talk + "  - {hear: hi, say: Hello.}\n")
    (outcome,) = run_tests(book).tests
    assert [failure.silence for failure in outcome.failures] == ["the same message too often in an hour"]


def test_a_survey_answered_alike_passes_the_loop_guard() -> None:
    talk = "  - {hear: survey}\n" + "  - {hear: '5'}\n" * 5 + "  - {hear: '5', say: Thanks.}\n"
    assert run_tests(book_from(ASKING + "tests:\n- talk:\n" + talk)).failed == 0


def test_too_many_replies_silence_a_talk_until_it_has_been_quiet_for_an_hour() -> None:
    talk = (
        "  - {hear: hi 1, say: Hello.}\n  - {hear: hi 2, say: []}\n  - {hear: hi 3, after: 50m, say: []}\n"
        "  - {hear: hi 4, after: 59m, say: []}\n  - {hear: hi 5, after: 1h, say: Hello.}\n"
    )
    assert run_tests(book_from(ASKING + "tests:\n- talk:\n" + talk), Caps(replies=1, repeats=3)).failed == 0


def test_the_phone_of_the_console_shows_what_the_loop_guard_would_do() -> None:
    turns = play(book_from(ASKING), ["hi"] * 4, at=NOW)
    assert [turn.replies for turn in turns] == [("Hello.",)] * 3 + [()]
    assert turns[3].silence == "the same message too often in an hour"
    assert any("BOT_REPEATS_PER_HOUR" in line for line in turns[3].why)


def test_tests_without_time_are_not_run_and_have_not_passed() -> None:
    book = book_from(RULES + "tests:\n- {hear: hours, rule: hours}\n- {hear: hours, rule: hours}\n")
    none, every = run_tests(book, seconds=0), run_tests(book, seconds=60)
    assert (none.passed, none.failed, none.not_run, none.tests) == (0, 0, 2, ())
    assert (every.passed, every.failed, every.not_run) == (2, 0, 0)
    assert run_tests(book) == every
    assert b"not_run" not in msgspec.json.encode(every), "`bot rules test --json` is as it was"


def test_what_a_check_had_no_time_for_is_a_finding_and_nothing_is_said_of_what_no_test_covers() -> None:
    book = book_from(RULES + "tests:\n- {hear: hours, rule: hours}\n- {hear: hours, rule: hours}\n")
    codes = {each.code for each in check(book, run=BoundedRun(seconds=60))}
    assert ("I416" in codes, "W459" in codes) == (True, False)
    found = check(book, run=BoundedRun(seconds=0))
    (message,) = (each.message for each in found if each.code == "W459")
    assert message.startswith("From here on 2 tests were not run: all tests together take too long")
    assert message.endswith("`bot rules test` runs them all.")
    assert not any(each.code == "I416" for each in found)
