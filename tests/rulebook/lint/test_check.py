"""`bot rules check` finds what is allowed in a rule book and does not do what its author means."""

# ruff: noqa: E501 - a table of findings reads best with one in a line

import time
from pathlib import Path

import pytest

from bot.rulebook.findings import CODES
from bot.rulebook.lint.check import check_folder, check_texts

OPT_OUT = (
    "{name: stop, when: {exact: [stop, stopall, unsubscribe, cancel, end, quit, revoke, opt out]}, opt_out: true, reply: Bye.}",
    "{name: start, when: {exact: start}, opt_in: true, reply: Hello again.}",
    "{name: help, when: {exact: help}, reply: We are a shop.}",
)
CODES_NOT_ASKED = {"I416"}
#: Only the command knows, which asks the database: tests/web/api/test_answers.py.
CODES_OF_THE_DATABASE = {"W446"}


def findings(*rules: str, head: str = "", opt_out: tuple[str, ...] = OPT_OUT) -> list[str]:
    """The findings but those on tests; the first rule given stands in line 10."""
    text = head + "\nrules:\n" + "".join(f"  - {rule}\n" for rule in opt_out)
    text += "\n" * (9 - text.count("\n")) + "".join(f"  - {rule}\n" for rule in rules)
    loaded = check_texts({"f.yaml": text})
    assert loaded.book is not None, loaded.findings
    return [str(each) for each in loaded.findings if each.code not in CODES_NOT_ASKED]


def test_the_book_that_comes_with_the_bot_is_clean() -> None:
    assert check_folder(Path("rules")).findings == ()


def test_a_book_that_says_nothing_has_no_faults() -> None:
    assert check_texts({}).findings == ()
    assert findings("{name: a, when: {keyword: a}, tag: x}", opt_out=()) == []


@pytest.mark.parametrize(
    ("first", "second", "by"),
    [
        ("keyword: hours", "keyword: hours", 'takes keyword "hours"'),
        ("keyword: hours", "keyword: Hours!", 'takes keyword "hours"'),
        ("keyword: hours", "keyword: hours today", 'takes keyword "hours"'),
        ("keyword: hours", "exact: hours", 'takes keyword "hours"'),
        ("keyword: hours", "{exact: hours, keyword: [hours now]}", 'takes keyword "hours"'),
        ("exact: hours", "exact: HOURS", 'takes exact "hours"'),
        ("contains: red car", "keyword: my red car", 'takes contains "red car"'),
        ("contains: red", "all_words: car red", 'takes contains "red"'),
        ("all_words: red car", "contains: red car", 'takes all_words "red car"'),
        ("all_words: red car", "all_words: car my red", 'takes all_words "red car"'),
        ("fuzzy: hours", "keyword: hours", 'takes fuzzy "hours"'),
        ("fuzzy: hours", "fuzzy: hours", 'takes fuzzy "hours"'),
        ("pattern: 'a+'", "pattern: 'a+'", 'takes pattern "a+"'),
        ("keyword: c++", "keyword: c++", 'takes keyword "c++"'),
        ("keyword: c", "keyword: c++", 'takes keyword "c"'),
    ],
)
def test_a_rule_that_no_message_reaches_is_an_error_that_names_the_other(
    first: str, second: str, by: str
) -> None:
    when = [each if each.startswith("{") else f"{{{each}}}" for each in (first, second)]
    found = findings(f"{{name: a, when: {when[0]}, tag: x}}", f"{{name: b, when: {when[1]}, tag: y}}")
    assert len(found) == 1
    assert f'error E402 This rule can never answer: rule "a" (line 10) {by} first.' in found[0]
    assert found[0].startswith("f.yaml:11:")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("exact: hours", "keyword: hours"),
        ("keyword: hours today", "keyword: hours"),
        ("keyword: hours", "contains: hours"),
        ("contains: red car", "all_words: red car"),
        ("keyword: hours", "fuzzy: hours"),
        ("keyword: hours", "pattern: hours"),
        ("keyword: c++", "keyword: c"),
        ("pattern: 'a+'", "pattern: 'a*'"),
    ],
)
def test_a_rule_that_some_message_reaches_is_none(first: str, second: str) -> None:
    assert (
        findings(f"{{name: a, when: {{{first}}}, tag: x}}", f"{{name: b, when: {{{second}}}, tag: y}}") == []
    )


def test_what_comes_after_anything_is_never_reached() -> None:
    found = findings(
        "{name: all, when: anything, reply: Sorry?}", "{name: b, when: {pattern: b}, reply: Yes.}"
    )
    assert found == [
        'f.yaml:11:31: error E402 This rule can never answer: rule "all" (line 10) takes every message first.'
    ]


def test_a_rule_with_other_conditions_or_numbers_lets_messages_pass() -> None:
    a = "{name: a, when: {keyword: x}, only: {tagged: vip}, tag: x}"
    assert findings(a, "{name: b, when: {keyword: x}, tag: y}") == []
    assert len(findings(a, "{name: b, when: {keyword: x}, only: {tagged: vip}, tag: y}")) == 1
    texts = {
        "a.yaml": "numbers: ['12345']\nrules: [{name: a, when: {keyword: x}, tag: y}]",
        "b.yaml": "numbers: ['12345', '54321']\nrules: [{name: b, when: {keyword: x}, tag: y}]",
        "c.yaml": "numbers: ['54321']\nrules: [{name: c, when: {keyword: x}, tag: y}]",
    }
    assert [each.file for each in check_texts(texts).findings if each.code == "E402"] == ["c.yaml"]


def test_a_keyword_that_does_nothing_is_a_warning() -> None:
    found = findings(
        "{name: a, when: {keyword: [x, X!]}, tag: x}", "{name: b, when: {keyword: [x, y]}, tag: y}"
    )
    assert found == [
        'f.yaml:10:35: warning W403 The keyword "X!" is given twice in this rule; once is enough.',
        'f.yaml:11:32: warning W403 The keyword "x" does nothing here: rule "a" (line 10) takes keyword "x" first.',
    ]


def test_a_rule_whose_conditions_contradict_never_answers() -> None:
    assert (
        "E402 Nothing is tagged"
        in findings("{name: a, when: {keyword: x}, only: {tagged: a, not_tagged: a}, tag: b}")[0]
    )


@pytest.mark.parametrize("missing", ["stop", "stopall", "unsubscribe", "cancel", "end", "quit"])
def test_a_word_that_carriers_require_and_no_rule_opts_out_by_is_an_error(missing: str) -> None:
    words = [
        each
        for each in ("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "opt out")
        if each != missing
    ]
    stop = f"{{name: stop, when: {{exact: [{', '.join(words)}]}}, opt_out: true}}"
    found = findings("{name: a, when: {keyword: a}, reply: Yes.}", opt_out=(stop, *OPT_OUT[1:]))
    assert [each.split()[2] for each in found] == ["E401"]
    assert f"Nobody can opt out by {missing.upper()}, as carriers require" in found[0]


def test_a_book_without_any_opt_out_is_an_error_that_names_all_the_words() -> None:
    found = findings("{name: a, when: {keyword: a}, reply: Yes.}", opt_out=())
    assert [each.split()[2] for each in found] == ["E401", "W405", "W407"]
    assert "STOP, STOPALL, UNSUBSCRIBE, CANCEL, END or QUIT" in found[0]
    assert "REVOKE or OPT OUT, as US law requires" in found[1]


@pytest.mark.parametrize(
    "head",
    ['numbers: {"+15555550100": {opt_out: carrier}}', "numbers: ['+18885550100']", "numbers: [Books]"],
)
def test_where_the_carrier_answers_the_book_need_not(head: str) -> None:
    assert findings("{name: a, when: {keyword: a}, reply: Yes.}", head=head, opt_out=()) == []


def test_every_number_needs_its_opt_out() -> None:
    stop = "\n".join(f"  - {rule}" for rule in OPT_OUT)
    texts = {
        "a.yaml": f"numbers: ['12345']\nrules:\n{stop}\n  - {{name: a, when: {{keyword: a}}, reply: Yes.}}",
        "b.yaml": "numbers: ['54321']\nrules: [{name: b, when: {keyword: b}, reply: Yes.}]",
    }
    assert {(each.file, each.code) for each in check_texts(texts).findings} >= {("b.yaml", "E401")}
    assert not any(each.code == "E401" and each.file == "a.yaml" for each in check_texts(texts).findings)


@pytest.mark.parametrize(
    "rule",
    [
        "{name: a, when: {keyword: stop}, reply: Which stop?}",
        "{name: a, when: {contains: stop}, reply: Which stop?}",
        "{name: a, when: anything, only: {first_time: true}, reply: Welcome!}",
        "{name: a, when: {pattern: '^s'}, reply: Yes.}",
    ],
)
def test_a_rule_that_takes_stop_first_is_an_error(rule: str) -> None:
    found = findings(opt_out=(rule, *OPT_OUT))
    assert any(' E404 Rule "a" takes STOP' in each for each in found), found


def test_a_rule_for_those_who_have_opted_out_takes_nothing_from_the_others() -> None:
    assert findings(opt_out=("{name: a, when: anything, only: {opted_out: true}, tag: x}", *OPT_OUT)) == []


def test_help_has_an_answer_of_its_own_that_no_other_rule_takes() -> None:
    alone = findings("{name: a, when: anything, reply: Sorry?}", opt_out=OPT_OUT[:2])
    assert [each.split()[2] for each in alone] == ["W407"]
    taken = findings(opt_out=("{name: a, when: {pattern: 'h'}, reply: Ha}", *OPT_OUT))
    assert any('W407 Rule "a" takes HELP before rule "help" sees it' in each for each in taken)


def test_nobody_who_left_is_kept_from_coming_back() -> None:
    assert [each.split()[2] for each in findings(opt_out=(OPT_OUT[0], OPT_OUT[2]))] == ["W406"]


@pytest.mark.parametrize(
    ("only", "before", "is_warned"),
    [
        ("{opted_out: true}", (), False),
        ("{opted_out: true, hours: 9-18}", (), True),
        ("{opted_out: true, to: '+15555550199'}", (), True),
        ("{opted_out: false}", (), True),
        ("{opted_out: true}", ("{name: begin, when: {exact: start}, reply: Welcome!}",), True),
    ],
)
def test_a_start_for_those_alone_who_have_opted_out_brings_them_back(
    only: str, before: tuple[str, ...], is_warned: bool
) -> None:
    back = f"{{name: back, when: {{exact: start}}, only: {only}, opt_in: true, reply: Hello again.}}"
    found = findings(opt_out=(OPT_OUT[0], *before, back, OPT_OUT[2]))
    assert any(" W406 " in each for each in found) == is_warned


def test_start_brings_nobody_back_by_a_rule_that_asks_first() -> None:
    asks = "{name: join, when: {exact: [join, start]}, opt_in: true, ask: {save: sure, question: Sure?}, reply: Hi.}"
    (found,) = findings(opt_out=(OPT_OUT[0], asks, OPT_OUT[2]))
    assert found.startswith("f.yaml:4:")
    assert 'W406 Nobody who has opted out can come back by START: rule "join" asks first' in found
    assert findings(opt_out=(OPT_OUT[0], OPT_OUT[1], asks.replace("join, start", "join"), OPT_OUT[2])) == []
    returns = "{name: back, when: {exact: start}, only: {opted_out: true}, opt_in: true, reply: Hello again.}"
    assert findings(opt_out=(OPT_OUT[0], returns, asks, OPT_OUT[2])) == []
    assert any("W406" in each for each in findings(opt_out=(OPT_OUT[0], asks, returns, OPT_OUT[2])))
    assert not any("W406" in each for each in findings(opt_out=(asks, OPT_OUT[2]))), "nobody is out"


@pytest.mark.parametrize(
    ("when", "finding"),
    [
        ("{pattern: '^end'}", 'E408 This pattern also opts out people who write "endurance"'),
        ("{pattern: 'stop'}", 'E408 This pattern also opts out people who write "stopwatch"'),
        ("anything", "E408 This opts out everybody who writes anything at all"),
        ("{keyword: end}", 'W409 The keyword "end" also opts out people who write "end by at noon"'),
        ("{contains: stop}", 'W409 The contains "stop" also opts out'),
        (
            "{fuzzy: stop}",
            'W409 The fuzzy "stop" also opts out people who write "a word that is one letter away"',
        ),
    ],
)
def test_opting_out_by_a_part_of_a_message_is_found(when: str, finding: str) -> None:
    assert any(finding in each for each in findings(f"{{name: a, when: {when}, opt_out: true}}"))


@pytest.mark.parametrize(
    "when",
    [
        r"{pattern: '\b(stop|end)\b\W*$'}",
        "{keyword: unsubscribe me}",
        "{contains: take me off}",
        "{fuzzy: unsubscribed}",
    ],
)
def test_opting_out_by_whole_wordings_is_fine(when: str) -> None:
    assert findings(f"{{name: a, when: {when}, opt_out: true}}") == []


@pytest.mark.parametrize(
    ("reply", "finding"),
    [
        ("x" * 460, "W410 This costs 4 segments (GSM-7, 460 characters), and max_segments is 3."),
        ("🙏" * 101, "W410 This costs 4 segments (UCS-2, 101 characters), and max_segments is 3."),
        ("{{ message }}" * 3, "W410 This costs up to 4 segments (GSM-7, 480 characters), and max_segments is 3."),
        ("y" * 450 + "{{ code }}", "W410 This costs up to 4 segments (GSM-7, 462 characters), and max_segments is 3."),
        ("y" * 420 + "{{ words | join: '' | slice: 0, 40 }}", "W410 This costs up to 4 segments (GSM-7, 460 characters)"),
        ("x" * 2049, "E411 This has 2,049 characters, and a message has at most 2,048"),
        ("It’s open.", "W412 ’ (right single quotation mark) makes this UCS-2, where a segment holds 70 characters instead of 160; write \"'\" for GSM-7."),
        ("a – b", 'W412 – (en dash) makes this UCS-2, where a segment holds 70 characters instead of 160; write "-" for GSM-7.'),
        ("Forêt", 'W412 ê (latin small letter e with circumflex) makes this UCS-2, where a segment holds 70 characters instead of 160; write "e" for GSM-7.'),
        ("“Hi” " + "x" * 70, 'W412 “ (left double quotation mark) and 1 more makes this UCS-2, 2 segments instead of 1; write "\\"" for GSM-7.'),
        ("zero\u200bwidth", "W412 A zero width space makes this UCS-2, where a segment holds 70 characters instead of 160; leave it out for GSM-7."),
    ],
)  # fmt: skip
def test_a_reply_that_costs_more_than_it_seems_is_found(reply: str, finding: str) -> None:
    quoted = reply.replace('"', '\\"')
    found = findings(
        f"{{name: a, when: {{keyword: ask, pattern: '(?P<code>\\d{{4,12}})'}}, reply: \"{quoted}\"}}"
    )
    assert any(finding.replace('\\"', '"') in each for each in found), found


@pytest.mark.parametrize(
    "reply",
    [
        "x" * 459,
        "🙏 It’s open.",
        "Привет",
        "y" * 440 + "{{ code }}",
        "{{ message | truncate: 40 }} " * 8,
        "Grüße, ça va? Ñ €",
    ],
)
def test_a_reply_within_bounds_or_with_an_alphabet_of_its_own_is_fine(reply: str) -> None:
    found = findings(f"{{name: a, when: {{pattern: 'q(?P<code>\\d{{4,12}})'}}, reply: '{reply}'}}")
    assert [each for each in found if "W412" not in each] == []
    assert ("ça" in reply) == bool(found)


def test_the_bound_can_be_set_for_a_file_and_for_a_rule() -> None:
    rule = "{name: a, when: {keyword: a}, reply: " + "x" * 200 + "}"
    assert "max_segments is 1" in findings(rule, head="max_segments: 1")[0]
    assert findings(rule.replace("reply", "max_segments: 2, reply"), head="max_segments: 1") == []


def test_answers_are_taken_at_their_longest() -> None:
    asks = (
        "{name: a, when: {keyword: a}, max_segments: 1, ask: [{save: n, question: 'N?', expect: {%s}}], reply: '"
        + "x" * 155
        + "{{ n }}'}"
    )
    assert findings(asks % "number: {min: 1, max: 99999}") == []
    assert "161 characters" in findings(asks % "number: {min: 1, max: 999999}")[0]
    assert "161 characters" in findings(asks % "one_of: [a, longer]")[0]
    assert "165 characters" in findings(asks % "date: {}")[0]


def test_a_reply_that_the_book_would_answer_itself_is_found() -> None:
    found = findings("{name: a, when: {keyword: hours}, reply: Hours are 9 to 5.}")
    assert found == [
        (
            'f.yaml:10:46: warning W414 Rule "a" (f.yaml, line 10) would answer this reply by keyword "hours":'
            " two bots could go on for ever; begin it with other words."
        ),
    ]
    assert (
        findings(
            "{name: a, when: {keyword: hours}, reply: Open 9 to 5.}",
            "{name: b, when: anything, reply: Sorry?}",
        )
        == []
    )


@pytest.mark.parametrize(
    ("expect", "names"),
    [
        ("{one_of: [stop, go]}", '"stop"'),
        ("{one_of: [keep, cancel, exit]}", '"cancel" or "exit"'),
        ("{one_of: {out: [], in: [1]}}", None),
    ],
)
def test_a_choice_that_ends_the_talk_is_no_answer(expect: str, names: str | None) -> None:
    found = findings(
        f"{{name: a, when: {{keyword: a}}, ask: [{{save: x, question: X?, expect: {expect.replace('[]', '')}}}], reply: ok}}"
    )
    if names is None:
        assert found == []
    else:
        assert f"E415 Nobody can answer {names}: " in found[0]


def test_rules_without_a_test_are_named_for_information() -> None:
    text = "rules: [{name: a, when: {keyword: a}, tag: x}, {name: b, when: {keyword: b}, tag: x}]\ntests: [{hear: a, rule: a}]"
    assert [str(each) for each in check_texts({"f.yaml": text}).findings] == [
        "f.yaml:1:55: info I416 No test covers 1 rule of this file: b."
    ]


def test_a_thousand_findings_of_a_level_are_told_and_one_says_that_there_are_more() -> None:
    """An error is told behind any number of warnings."""
    rule = "  - {name: a, when: {keyword: [" + "k, " * 1_100 + "]}, reply: x}\n"
    keys = "".join(f"    zk{at}: x\n" for at in range(1_100))
    text = f"rules:\n{rule}  - name: b\n    when: anything\n{keys}"
    found = check_texts({"f.yaml": text}).findings
    assert [each.message for each in found if each.code == "I458"] == [
        "From here on more errors are not told: 1,000 are enough to begin with."
    ]
    assert [sum(each.level == level for each in found) for level in ("error", "info")] == [1_000, 1]
    found = check_texts({"f.yaml": f"rules:\n{rule}tests: [{{hear: x, rule: zzz}}]\n"}).findings
    assert {each.code for each in found if each.level == "error"} == {"E313"}


def test_every_code_of_a_check_is_shown_here() -> None:
    files = Path("tests/rulebook").rglob("test_*.py")
    source = "".join(each.read_text("utf-8") for each in files)
    shown = {code for code in CODES if code in source} | CODES_OF_THE_DATABASE
    assert [code for code in CODES if code[1] == "4" and code not in shown] == []


def test_a_book_of_five_thousand_rules_is_read_and_checked_in_a_second_of_work() -> None:
    """The figure on a quiet machine is benchmarks/decide.py's; this guards against a slip to quadratic time."""
    text = "rules:\n" + "".join(
        f"  - {{name: r{at}, when: {{keyword: [word{at}, other word{at}]}}, reply: 'Hi {{{{ from | slice: -4, 4 }}}} {at}'}}\n"
        for at in range(5_000)
    )
    start = time.process_time()
    loaded = check_texts({"f.yaml": text})
    assert loaded.book is not None
    assert time.process_time() - start < 3


def test_a_pattern_that_cannot_know_all_letters_and_says_so_of_them_is_named() -> None:
    found = findings(r"{name: a, when: {pattern: '(?-i)\bOK\b'}, reply: ok}")
    assert [each for each in found if "W420 With (?-i), this pattern takes only a to z" in each]
