r"""A pattern hears what words hear: its `\w`, `\b`, `\d` and `\s` know every script, and case never decides.

Two others are the judges: RE2 itself for texts in ASCII, Python's `re` for letters beyond.
"""

import re
import warnings

import pytest
import re2
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.rulebook.lint.check import check_texts
from bot.rulebook.patterns import Pattern, PatternSet, read_pattern
from bot.text.seen import see
from tests.support.books import book_of, hear

ATOMS = [
    *("a", "B", "1", "_", "é", "É", "ж", "营", "👍", r"\w", r"\W", r"\d", r"\D", r"\s", r"\S", "."),
    *("[a-c]", "[^a-c]", "[A-Zé]", "[à-ÿ]", r"[\w-]", r"[^\w]", r"[^\s\d]", "(?:ab|é)", "(b|1)", " "),
]
SEPARATORS = ["", r"\b", r"\B", "^", "$", "|"]
REPEATS = ["", "*", "+", "?", "{2}", "{1,2}", "+?"]
sources = st.lists(
    st.tuples(st.sampled_from(SEPARATORS), st.sampled_from(ATOMS), st.sampled_from(REPEATS)),
    min_size=1,
    max_size=5,
).map(lambda parts: "".join("".join(part) for part in parts))
texts = st.text(st.sampled_from("aAbBcC1_ -é\u00c9жЖ营👍?\n"), max_size=8)


def spans(source: str, text: str) -> list[str | None]:
    found = read_pattern(source).find(text)
    return [found.whole] if found else [None]


@settings(deadline=None)
@given(sources, texts.filter(str.isascii))
def test_over_ascii_it_finds_what_re2_finds(source: str, text: str) -> None:
    options = re2.Options()
    options.case_sensitive = False
    text = see(text)
    found = re2.compile(source, options).search(text)
    assert spans(source, text) == [found.group() if found else None]


@settings(deadline=None)
@given(sources, texts)
def test_over_all_scripts_it_finds_what_unicode_takes_for_letters_and_borders(source: str, text: str) -> None:
    text = see(text)
    assume(text)  # Python finds no \B in nothing
    assume(read_pattern(source).untranslated is None)
    found = re.search(source.replace("$", r"\Z"), text, re.IGNORECASE)
    assert spans(source, text) == [found.group() if found else None]


@settings(deadline=None)
@given(st.lists(sources, min_size=1, max_size=4), texts)
def test_all_of_a_book_together_find_what_each_finds_alone(several: list[str], text: str) -> None:
    patterns = [read_pattern(each) for each in several]
    assert PatternSet(patterns).match(text) == [at for at, each in enumerate(patterns) if each.found_in(text)]


@pytest.mark.parametrize(
    "source",
    [
        *(r"\Qa.b\E+", r"x\x41\x{E9}\351", "(?i)A", "(?s).", "(?m)^b$", r"\pL\p{Greek}\PN", "[[:alpha:][:digit:]]"),
        *("[]a]", "[^]a]", "[a-]", "a{", "a{,2}", r"\a\f\t\n\r\v", "(?P<x>a)|(?<y>b)", "(?U)a+", "", "()", "a||b"),
        *(r"[\pL\d\]]", r"[\--\\]", "(?:a(?i)B)c", r"a\Bb", r"\b"),
    ],
)  # fmt: skip
def test_everything_that_re2_has_is_translated(source: str) -> None:
    assert read_pattern(source).untranslated is None


@pytest.mark.parametrize(
    ("source", "groups"), [("(?P<a>é+) (?P<b>x)?(?P<c>ж)", {"a": "Éé", "c": "Ж"}), ("(?P<a>.)ж", {"a": " "})]
)
def test_named_groups_give_the_letters_of_the_message(source: str, groups: dict[str, str]) -> None:
    assert read_pattern(source).values("👍 Éé Ж") == groups


@pytest.mark.parametrize(
    ("source", "group", "longest"),
    [("é{3}", None, 3), (r"a(?P<x>\d{2,8})b?", "x", 8), (r"a(?P<x>\d{2,8})b?", None, 10), ("(?:ab|abc)", None, 3),
     ("a*", None, None),
     ("[[:alpha:]]{5}", None, 5), (r"(?P<x>(?:ab){2}|c)", "x", 4), ("a{2,}", None, None), ("(?-i:é)", None, None)],
)  # fmt: skip
def test_the_longest_match_is_counted_in_characters(
    source: str, group: str | None, longest: int | None
) -> None:
    found = read_pattern(source).longest(group)
    assert (found and len(found)) == longest


def test_nothing_of_python_warns_about_an_author_s_pattern() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for source in ("[[:alpha:]]+", "[[a]", "[a&&b]", "[a||b]"):
            read_pattern(source).longest()


def test_a_pattern_that_tells_case_apart_looks_through_the_message_as_it_is() -> None:
    pattern = read_pattern("(?-i:Éa)(?P<x>.)")
    assert pattern.untranslated == "(?-i)"
    assert [pattern.values(text) for text in ("x Éaж", "éaж")] == [{"x": "ж"}, {}]
    together: list[Pattern] = [read_pattern("b"), pattern, read_pattern("éa")]
    assert [PatternSet(together).match(text) for text in ("Éab", "éab", "x")] == [[0, 1, 2], [0, 2], []]


def test_a_border_that_is_none_is_not_found_inside_a_letter() -> None:
    assert read_pattern(r"\Ba*").untranslated == r"\B before or behind nothing"
    assert read_pattern(r"\Ba").find("éa") is not None


def test_check_says_what_such_a_pattern_cannot_know() -> None:
    for key in (
        r"when: {pattern: '(?-i)\bA'}",
        r"when: {exact: x}, ask: {save: n, question: N, expect: {pattern: '(?-i)\w'}}",
    ):
        found = check_texts({"f.yaml": f"rules: [{{name: a, {key}, reply: ok}}]"}).findings
        assert [each.code for each in found if each.code == "W420"] == ["W420"]
    assert not [
        each
        for each in check_texts({"f.yaml": "rules: [{name: a, when: {pattern: '(?-i)A'}}]"}).findings
        if each.code == "W420"
    ]


def test_an_answer_to_a_pattern_is_kept_in_its_own_letters() -> None:
    book = book_of(
        r"when: {exact: go}, ask: {save: it, question: N?, expect: {pattern: '\b(?P<who>\w+)$'}}, reply: ok"
    )
    asked = hear(book, "go")
    told = hear(book, "I am José\u00a0", asked.after)
    assert told.after.values == {"it": "José", "who": "José"}
