"""What is allowed in a rule file and hardly meant is said by check, with what is meant."""

# ruff: noqa: E501 - a table of tests reads best with one in a line

import pytest

from bot.rulebook.hours import read_hours
from bot.rulebook.lint.check import check_texts
from bot.rulebook.simulate.test_runner import run_tests
from bot.rulebook.splices import mended
from bot.text.numbers import number_meant, prefix_meant
from tests.support.books import book_of, hear

RULE = "rules: [{name: a, when: {keyword: a}, reply: Yes.}]\n"


def found(text: str, code: str) -> list[str]:
    return [str(each) for each in check_texts({"f.yaml": text}).findings if each.code == code]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Mon-Fri 9-5", [("9-5", "9-17")]),
        ("9:00-5:30", [("9:00-5:30", "09:00-17:30")]),
        ("Mon 9 to 5, Sat 10-2", [("9 to 5", "9-17"), ("10-2", "10-14")]),
        ("11–3", [("11–3", "11-15")]),
        ("9am-5", [("9am-5", "9-17")]),
        ("12-1", [("12-1", "12-13")]),
        ("8.30-4.30", [("8.30-4.30", "08:30-16:30")]),
        ("10:00-02:00", [("10:00-02:00", "10:00-14:00")]),
        ("9-5pm", []), ("9am-5pm", []), ("9-17", []), ("22:00-06:00", []), ("22-6", []), ("18:00-08:00", []),
        ("20:00-2:00", []), ("10pm-4am", []), ("9-12, 13-18", []), ("11:00-00:00", []), ("9:00-24:00", []),
        ("10am-2am", []), ("1-5", []), ("Sat-Sun", []),
    ],
)  # fmt: skip
def test_an_end_that_may_be_the_afternoon(text: str, meant: list[tuple[str, str]]) -> None:
    assert list(read_hours(text).doubts) == meant


def test_hours_that_are_open_all_night_are_a_finding() -> None:
    text = "rules: [{name: a, when: {keyword: a}, only: {hours: 'Mon-Fri 9-5'}, reply: Yes.}]\n"
    assert found(text, "W421") == [
        'f.yaml:1:53: warning W421 "9-5" is open all night, from 9 until 5 of the next day; write 9-17 for the afternoon, or 5am for the night.'
    ]
    assert found(text.replace("9-5", "9-5am"), "W421") == []


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Mon-Fri 9-12, 1-5pm", [("1-5pm", "1pm-5pm")]),
        ("6-9pm", [("6-9pm", "6pm-9pm")]),
        ("8 to 10 PM", [("8 to 10 PM", "8pm to 10 PM")]),
        ("1:30–5pm; Sat 2-4.30pm", [("1:30–5pm", "1:30pm–5pm"), ("2-4.30pm", "2pm-4.30pm")]),
        ("9:30-9:45pm", [("9:30-9:45pm", "9:30pm-9:45pm")]),
        ("9-5pm", []), ("09:00-10pm", []), ("9:30-9pm", []), ("1am-5pm", []), ("1pm-5pm", []), ("12-4pm", []), ("9-12pm", []), ("9-17", []),
        ("0-5pm", []), ("13-5pm", []), ("9-11am", []),
    ],
)  # fmt: skip
def test_a_start_that_may_be_the_afternoon(text: str, meant: list[tuple[str, str]]) -> None:
    assert list(read_hours(text).early) == meant


def test_hours_that_may_begin_in_the_afternoon_are_a_finding_with_both_readings() -> None:
    said = '"1-5pm" is read as 1am-5pm; write 1pm-5pm for the afternoon alone, or 1am-5pm for the morning as well.'
    text = "rules: [{name: a, when: {keyword: a}, only: {hours: 'Mon-Fri 11-5pm, 1-5pm'}, reply: Yes.}]\n"
    assert found(text, "W421") == [f"f.yaml:1:53: warning W421 {said}"]
    (finding,) = (each for each in check_texts({"f.yaml": text}).findings if each.code == "W421")
    changed = mended(text, [finding.mend])
    assert "Mon-Fri 11-5pm, 1pm-5pm" in changed
    assert found(changed, "W421") == []
    assert found("hours: {shop: 'Mon-Fri 1-5pm'}\n" + RULE, "W421")[0].endswith(said)
    later = RULE.replace("reply: Yes.", "reply: Yes., later: {after: 1d, reply: x, between: 1-5pm}")
    assert found(later, "W421")[0].endswith(f"between: {said}")


@pytest.mark.parametrize(
    ("only", "said"),
    [
        ('{to: "+15555550199"}', "E402 This rule can never answer: it is only for messages to +15555550199, and its file serves only +15555550100 and 12345."),
        ('{to: ["+15555550199", "+15555550100"]}', None),
        ('{to: "1 (555) 555-0100"}', None),
        ('{to: "12345"}', None),
        ('{from: "+33 | +32"}', 'E402 No number begins with "+33 | +32", so this rule can never answer; write a list: ["+33", "+32"].'),
        ('{from: "33, 32"}', 'E402 No number begins with "33, 32", so this rule can never answer; write a list: ["+33", "+32"].'),
        ('{from: ["+44", "+33 or +32"]}', 'W422 No number begins with "+33 or +32"; write a list: ["+33", "+32"].'),
        ('{from: "+33abc"}', 'E402 No number begins with "+33abc", so this rule can never answer; numbers are + and digits, such as +33.'),
        ('{to: "+15555550100 | 12345"}', 'E402 No number is "+15555550100 | 12345", so this rule can never answer; write a list: ["+15555550100", "12345"].'),
        ('{from: ["+33", "+1 (555) 555", "12345", InfoSMS, Ma Banque, "+"]}', None),
    ],
)  # fmt: skip
def test_numbers_that_no_message_comes_from_or_to(only: str, said: str | None) -> None:
    text = f'numbers: ["+15555550100", "12345"]\n{RULE.replace("reply", f"only: {only}, reply")}'
    told = [each for each in check_texts({"f.yaml": text}).findings if each.code in {"E402", "W422"}]
    assert [f"{each.code} {each.message}" for each in told] == ([said] if said else [])
    assert not any(each.mend.edits for each in told)


@pytest.mark.parametrize(
    ("raw", "beside", "meant"),
    [
        ("(555) 555-0100", (), "+15555550100"),
        ("555-555-0100", (), "+15555550100"),
        ("5555550100", (), "+15555550100"),
        ("(٥٥٥) ٥٥٥-٠١٠٠", (), "+15555550100"),
        ("5٥55550100", (), "+15555550100"),
        ("٠٦١٢٣٤٥٦٧٨", (), ""),
        ("212 555 0100", (), "+12125550100"),
        ("06 12 34 56 78", ("+33612345679",), "+33612345678"),
        ("0612345678", (), ""),
        ("07700 900123", ("+447700900124",), "+447700900123"),
        ("+1 (555) 555-0100", (), None),
        ("15555550100", (), None),
        ("0033612345678", (), None),
        ("33612345678", (), None),
        ("12345", (), None),
        ("InfoSMS", (), None),
        ("tel:+15555550100", (), None),
    ],
)
def test_a_number_without_its_country(raw: str, beside: tuple[str, ...], meant: str | None) -> None:
    assert number_meant(raw, beside) == meant


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ("33", "+33"), ("٣٣", "+33"), ("٠٦", ""), ("1", "+1"), ("1555", "+1555"), ("0033", "+33"), ("+33", None), ("12345", None), ("06", ""),
        ("15555550101", "+15555550101"), ("(555) 555-0101", "+15555550101"), ("InfoSMS", None), ("+1 (555)", None),
    ],
)  # fmt: skip
def test_a_beginning_without_its_country(raw: str, meant: str | None) -> None:
    assert prefix_meant(raw) == meant


def test_numbers_without_their_country_are_findings_with_the_number_that_is_meant() -> None:
    assert found("numbers: ['(555) 555-0100']\n" + RULE, "W422") == [
        'f.yaml:1:11: warning W422 "(555) 555-0100" is taken for +5555550100; write +15555550100.'
    ]
    assert "write +15555550100" in found("numbers: {555-555-0100: {kind: toll-free}}\n" + RULE, "W422")[0]
    only = "rules: [{name: a, when: {keyword: a}, only: {from: '33', to: '5555550100'}, reply: Yes.}]\n"
    first, second = found(only, "W422")
    assert "write +33." in first
    assert "write +15555550100." in second
    assert found("numbers: ['+15555550100', 15555550100, '12345', Shop]\n" + RULE, "W422") == []


@pytest.mark.parametrize(
    ("zone", "hint"),
    [
        ("EST", "America/New_York"), ("MST", "America/Denver"), ("Etc/GMT+5", "5 h behind UTC all year"),
        ("Etc/GMT-1", "Europe/Paris"),
        ("UTC", ""), ("Etc/UTC", ""), ("Europe/Paris", ""), ("America/Phoenix", ""), ("EST5EDT", ""), ("Etc/GMT0", ""),
    ],
)  # fmt: skip
def test_a_zone_without_summer_time(zone: str, hint: str) -> None:
    findings = found(f"timezone: {zone}\n" + RULE, "W423")
    assert [hint in each for each in findings] == ([True] if hint else [])


@pytest.mark.parametrize("nothing", ["null", "~", "NULL"])
def test_a_reply_that_is_null_is_a_finding(nothing: str) -> None:
    for rule in (
        f"{{name: a, when: {{keyword: a}}, reply: {nothing}}}",
        f"{{name: a, when: {{keyword: a}}, reply: [Hi., {nothing}]}}",
        f"{{name: a, when: {{keyword: a}}, reply: {{one_of: [Hi., {nothing}]}}}}",
        f"{{name: a, when: {{keyword: a}}, ask: {{save: x, question: {nothing}}}, reply: ok}}",
        f"{{name: a, when: {{keyword: a}}, set: {{x: {nothing}}}, reply: ok}}",
    ):
        assert len(found(f"rules: [{rule}]\n", "W424")) == 1, rule
    assert found(f"rules: [{{name: a, when: {{keyword: a}}, reply: '{nothing}'}}]\n", "W424") == []


def test_white_space_around_a_reply_is_neither_sent_nor_paid_for() -> None:
    text = (
        "max_segments: 1\nrules:\n  - name: a\n    when: {keyword: a}\n    reply: |\n      "
        + "x" * 160
        + "\n"
    )
    assert found(text, "W410") == []
    assert len(found(text.replace("x" * 160, "x" * 161), "W410")) == 1
    book = book_of(
        'when: {keyword: a}, reply: "  Hi.\\n"',
        'when: {keyword: b}, reply: ["\\n {{ message }}\\n", " {{ x }} "]',
        'when: {keyword: c}, set: {x: y}, reply: " Two\\n\\nlines "',
    )
    assert [hear(book, each).replies for each in "abc"] == [("Hi.",), ("b",), ("Two\n\nlines",)]


def test_a_test_may_write_a_reply_with_the_white_space_of_its_file() -> None:
    text = RULE.replace("Yes.", '"Yes.\\n"') + 'tests: [{hear: a, say: "Yes.\\n"}, {hear: a, say: Yes.}]\n'
    loaded = check_texts({"f.yaml": text})
    assert loaded.book is not None
    assert run_tests(loaded.book).failed == 0


def test_a_sender_without_a_number_is_not_answered() -> None:
    book = book_of("name: all, when: anything, reply: Hello., forward: 'https://example.com/in'")
    decision = hear(book, "Your code is 1234", sender="InfoSMS")
    assert (decision.rule, decision.replies, decision.held_back_by) == (
        "all",
        (),
        "the sender can't be texted",
    )
    assert decision.forwards == ("https://example.com/in",)
    assert hear(book, "Your code is 1234", sender="12345").replies == ("Hello.",)
