"""No rule file and no message can hang or exhaust the service: each attack, and the sentence that answers it."""

# ruff: noqa: E501 - a table of attacks reads best with one in a line

import time
from collections.abc import Callable
from contextvars import copy_context
from datetime import date
from functools import cache, partial

import pytest

from bot.rulebook.background import TookTooLong, name_asker, within
from bot.rulebook.editing.source_tree import CannotSplice, parse
from bot.rulebook.expectations import Day, Expectation, Number, OneOf, YesNo
from bot.rulebook.files.loader import load_texts
from bot.rulebook.lint.check import check_texts
from bot.rulebook.mends import causes
from bot.rulebook.mends.attempts import Attempts
from bot.text.consent import looks_like_opt_out
from bot.text.words import split_words
from tests.support.books import book_of, hear

#: Seconds of work. The attacks that are held off take a hundredth of it; those that are not, minutes or the memory.
_AT_MOST = 5.0

BILLION_LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + at)}: &{chr(98 + at)} [{', '.join(['*' + chr(97 + at)] * 10)}]\n" for at in range(8)
)
REPLY = 'rules: [{name: a, when: anything, reply: "%s"}]'
PATTERN = "rules: [{name: a, when: {pattern: '%s'}}]"
DOUBLING = "{% assign x = message %}" + "{% assign x = x | append: x %}" * 60 + "{{ x }}"


def in_time(work: Callable[[], object]) -> None:
    start = time.process_time()
    work()
    assert time.process_time() - start < _AT_MOST


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (BILLION_LAUGHS, "E105 Here the file passes 1,000,000 parts, an alias counted as all it stands for."),
        ("- &a [" + "x, " * 10_000 + "]\n" + "- *a\n" * 98 + "- a\n" * 20_000, "f.yaml:10000:3: error E105 Here the file passes 1,000,000 parts"),
        ("a: &a [*a]", "E102 This is not YAML: nothing before it is called &a."),
        ("[" * 100_000, "E104 This is nested more than 20 deep; no rule needs that."),
        ("{a: " * 100_000, "E104 This is nested more than 20 deep; no rule needs that."),
        ("? " * 5_000, "E104 This is nested more than 20 deep; no rule needs that."),
        ("rules: !!python/object/apply:os.system [ls]", "E106 The YAML tag tag:yaml.org,2002:python/object/apply:os.system has no meaning in a rule file"),
        ("#" * 5_000_001, "E103 The file has 5,000,001 characters, and at most 5,000,000 are read."),
        ("timezone: ../../../etc/passwd", 'E307 There is no time zone "../../../etc/passwd".'),
        (PATTERN % "(a{1000}){1000}", 'E302 The pattern "(a{1000}){1000}" cannot be used: invalid repetition size'),
        (PATTERN % r"\pL{1000}", 'E303 The pattern "\\pL{1000}" cannot be used: pattern too large'),
        (PATTERN % ("(" * 5000 + "a" + ")" * 5000), "has 10,005 instructions, and at most 10,000 are allowed."),
        (PATTERN % r"(a)\1", 'E302 The pattern "(a)\\1" cannot be used: invalid escape sequence'),
        (REPLY % "{% for i in (1..1000000000) %}x{% endfor %}", "a range of more than 1,000 numbers."),
        (REPLY % "{% if (1..1000000000) contains 7 %}x{% endif %}", "a range of more than 1,000 numbers."),
        (REPLY % "{% for i in (1..900) %}{% for j in (1..900) %}x{% endfor %}{% endfor %}", "loop iteration limit reached."),
        (REPLY % DOUBLING, "a text of more than 1,000 characters."),
        (REPLY % ("{% if a %}" * 11 + "x" + "{% endif %}" * 11), "E305"),
        (REPLY % ("{{ message }}" * 400), "a template has at most 4,000 characters, and this has 5,200."),
        (REPLY % "{{ 9 | times: 999999999999 | times: 999999999999 }}", "a number of more than 18 digits."),
        (REPLY % "{% capture x %}{% for i in (1..150) %}{{ message }}{% endfor %}{% endcapture %}{% for i in (1..150) %}{{ x }}{% endfor %}", "output stream limit reached."),
        (REPLY % "{% include '/etc/passwd' %}", "unexpected tag 'include'."),
        (REPLY % "{% render '/etc/passwd' %}", "unexpected tag 'render'."),
        (REPLY % ("{{" * 1900), "{{ is not closed by }}."),
        ("rules: [{name: a, when: anything, forward: 'http://169.254.169.254/latest'}]", "E205"),
        ("rules: [{name: a, when: anything, forward: 'file:///etc/passwd'}]", "E205"),
    ],
    ids=range(26),
)  # fmt: skip
def test_a_file_that_attacks_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    start = time.process_time()
    loaded = load_texts({"f.yaml": text})
    assert time.process_time() - start < _AT_MOST
    assert any(sentence in str(each) for each in loaded.findings), loaded.findings


@pytest.mark.parametrize(
    "text",
    [
        "rules:\n  - {name: a, when: {keyword: " + "x" * 200_000 + "}}",
        "rules: [{name: a, when: {keyword: [" + "x, " * 40_000 + "]}}]",
        "rules: [{name: a, when: {keyword: [" + ", ".join(f"x{at}" for at in range(20_000)) + "]}}]",
        "rules: [{name: a, when: anything, only: {dates: [" + "12-24, " * 25_000 + "]}}]",
        "rules: [{name: a, when: anything, only: {hours: '" + "Mon-Sun 0-24; " * 10_000 + "'}}]",
        "rules:\n"
        + "".join(f"  - {{name: a{at}, when: anything, only: {{tagged: t{at}}}}}\n" for at in range(5_000)),
        PATTERN % ("(?:" * 1000 + "a" + ")*" * 1000),
        REPLY % "{{ now | date: '%999999999d' }}",
        REPLY % "{{ message.__class__.__mro__ }}",
    ],
    ids=range(9),
)
def test_a_file_that_is_only_large_is_read_and_checked_in_time(text: str) -> None:
    in_time(lambda: check_texts({"f.yaml": text}))


def lines_of(line: Callable[[int], str], count: int) -> str:
    return "".join(map(line, range(count)))


#: Drafts that took minutes, or no end: to scan, to name each mistake, or to look for what was meant.
DRAFTS = {
    "dashes": "- " * 100_000,
    "quotes": "'" * 100_000,
    "a quote and a backslash": '"\\' * 50_000,
    "brackets": "[" * 100_000,
    "braces": "{},".join(["a: [", *[""] * 20_000, "]"]),
    "blocks that hold nothing": "a: |\n" * 10_000,
    "sections again and again": "rules:\n" * 10_000,
    "sections that are indented": " rules:\n" * 10_000,
    "keys that are not known": "rules:\n  - name: a\n    when: anything\n" + lines_of(lambda at: f"    zk{at}: x\n", 4_000),
    "keys that are nearly known": "rules:\n  - name: a\n    when: anything\n" + lines_of(lambda at: f"    replyy{at}: x\n", 4_000),
    "keys that are not known, in one line": "rules:\n  - {name: a, when: anything" + lines_of(lambda at: f", zk{at}: x", 5_000) + "}\n",
    "keys of the file that are not known": lines_of(lambda at: f"zk{at}: x\n", 5_000),
    "a key again and again": "rules:\n  - name: a\n    when: anything\n" + "    reply: x\n" * 4_000,
    "keys without a value": "rules:\n  - {name: a, when: anything, reply: x" + ", y" * 20_000 + "}\n",
    "rules that are texts": "rules:\n" + "  - x\n" * 10_000,
    "rules without when": "rules:\n" + lines_of(lambda at: f"  - {{name: r{at}}}\n", 4_000),
    "commas": "rules: [" + "," * 100_000,
    "numbers": "numbers: [" + lines_of(lambda at: f'"+1555{at:07}", ', 3_000) + "]\nrules: []\n",
    "numbers without a country": "numbers: [" + lines_of(lambda at: f'"0555{at:07}", ', 3_000) + "]\nrules: []\n",
    "numbers that are described": "numbers:\n" + lines_of(lambda at: f'  "+1555{at:07}": {{kind: z}}\n', 2_000),
    "values in tags": "values: {" + lines_of(lambda at: f"o{at}: x, ", 2_000) + "}\nrules:\n" + lines_of(lambda at: f"  - {{name: r{at}, when: {{keyword: k{at}}}, reply: '{{% if from %}}{{{{ o{at} }}}}{{% endif %}}'}}\n", 500),
    "a talk that is not closed": "rules: [{name: a, when: anything}]\ntests:\n  - talk:\n" + "      - {hear: a, say: x}\n" * 2_000 + "      - {hear",
    "anchors that nothing uses": "rules: [{name: a, when: anything, reply: [" + lines_of(lambda at: f"&a{at} x, ", 5_000) + "]}]\n",
    "a keyword with a gap": "rules: [{name: a, when: {keyword: a" + " " * 100_000 + "b}, reply: x}]\n",
}  # fmt: skip


@pytest.mark.parametrize("text", DRAFTS.values(), ids=DRAFTS)
def test_a_draft_that_attacks_is_checked_and_explained_in_time(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a tenth of what is tried for a mistake's cause: what has no such bound takes as long as ever."""
    monkeypatch.setattr(causes, "Attempts", partial(Attempts, characters=200_000))
    in_time(lambda: check_texts({"f.yaml": text}))


def test_as_much_as_is_tried_for_a_mistakes_cause_takes_no_longer() -> None:
    in_time(lambda: check_texts({"f.yaml": DRAFTS["keys of the file that are not known"]}))


LOOPED = "{% for i in (1..150) %}{{ message | upcase }}{% endfor %}"


@pytest.mark.parametrize(
    "text",
    [
        REPLY % LOOPED,
        "rules: [{name: a, when: anything, reply: {one_of: [" + lines_of(lambda at: f'"{{{{ message }}}} {{% if message %}}{at}{{% endif %}}", ', 150) + "]}}]",
    ],
    ids=["one template", "many of one rule"],
)  # fmt: skip
def test_what_is_checked_can_be_given_up_within_a_rule_and_within_a_template(text: str) -> None:
    """Only between two rules it could be: a hundred templates of one rule were 24 seconds, one alone was more than one."""
    looks = 0

    def has_left() -> bool:
        nonlocal looks
        looks += 1
        return looks > 100

    def check() -> None:
        name_asker(has_left)
        with within(1e9, for_asker=True):
            check_texts({"f.yaml": text})

    with pytest.raises(TookTooLong):
        copy_context().run(check)


@pytest.mark.parametrize("opener", ["[", "{", "- ", "? ", "{a: "])
def test_a_deep_text_has_no_outline_and_is_given_up_at_once(opener: str) -> None:
    def look() -> None:
        with pytest.raises(CannotSplice, match="nested more than 20 deep"):
            parse(opener * 100_000)

    in_time(look)


@pytest.mark.parametrize(
    ("rule", "message", "mark"),
    [
        ("when: {pattern: '(a+)+$'}, reply: ok", "a" * 100_000 + "b", None),
        ("when: {pattern: '(.*)*x(.*)*y'}, reply: ok", "x" * 100_000, None),
        ("when: anything, reply: \"{{ message | replace: 'a', message }}\"", "a" * 2_000, "a template failed: a text of more than 1,000 characters"),
        ("when: anything, reply: \"{{ message | split: '' | join: message }}\"", "a" * 1_500, "a template failed: a list of more than 1,000 items"),
        ("when: anything, reply: '{% for w in words %}{% for v in words %}{{ message }}{% endfor %}{% endfor %}'", "a " * 1_000, "a template failed: loop iteration limit reached"),
        ("when: anything, reply: '{{ message | times: message }}'", "9" * 200, "a template failed: a number of more than 18 digits"),
        ("when: anything, reply: '{{ now | date: message }}'", "%9999999d" * 10, None),
        ("when: anything, reply: '" + "{{ message }}" * 20 + "'", "x" * 2_000, "a template failed: it writes more than 16,000 characters"),
        ("when: anything, reply: '{{ message }}'", "x" * 3_000, "a reply was cut at 2,048 characters"),
        ("when: {fuzzy: stop}, reply: ok", "x" * 1_000_000, None),
        ("when: anything, reply: ok", "é'" * 150_000, None),
        ("when: anything, reply: ok", "stop please " * 50_000, None),
        ("when: {contains: [a b c d e f g h i j]}, reply: ok", "a b c d e f g h i " * 30_000, None),
    ],
    ids=range(13),
)  # fmt: skip
def test_a_message_that_attacks_costs_its_own_reply_and_no_time(
    rule: str, message: str, mark: str | None
) -> None:
    book = book_of(rule)
    start = time.process_time()
    decision = hear(book, message)
    assert time.process_time() - start < _AT_MOST
    assert (mark is None) or decision.marks == (mark,)


@cache
def words_of(message: str) -> tuple[str, ...]:
    """They are the same for every question."""
    return split_words(message)


@pytest.mark.parametrize("expect", [Number(), Day(), YesNo(), OneOf(choices=(("a", (("a", "b"),)),))])
@pytest.mark.parametrize("message", ["1,111" * 50_000, "a b " * 50_000, "-" * 100_000, "24 " * 50_000])
def test_an_answer_that_attacks_takes_no_time(expect: Expectation, message: str) -> None:
    words = words_of(message)
    in_time(lambda: expect.take(message, words, date(2026, 11, 23)))


@pytest.mark.parametrize("words", [("i", "want") * 100_000, ("stop",) * 100_000, ("off", "the") * 100_000])
def test_looking_for_an_opt_out_takes_no_time(words: tuple[str, ...]) -> None:
    in_time(lambda: looks_like_opt_out(words))
