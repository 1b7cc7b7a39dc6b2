"""What holds for every book and every message."""

import re
from datetime import timedelta
from typing import Any

import msgspec
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState, Decision, Flow
from bot.rulebook.files.loader import load_texts
from bot.rulebook.lint.check import check
from bot.rulebook.simulate.explain import explain
from bot.text.words import split_words
from tests.support.books import NOW, HeardMessage, book_from, decide
from tests.support.properties import examples

WORDS = [
    "stop",
    "start",
    "help",
    "book",
    "hours",
    "red",
    "car",
    "no",
    "mon",
    "4",
    "yes",
    "cancel",
    "c++",
    "👍",
    "don't",
]
PHRASES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
TEXTS = st.one_of(
    st.text(max_size=30),
    st.lists(st.sampled_from([*WORDS, "tue", "99", "?", "\ud800"]), max_size=6).map(" ".join),
)

WHEN = st.one_of(
    st.just("anything"),
    st.dictionaries(
        st.sampled_from(["exact", "keyword", "contains", "all_words"]),
        st.lists(PHRASES, min_size=1, max_size=3),
        min_size=1,
        max_size=2,
    ),
    st.sampled_from([r"red|car", r"^ *no\b", r"(?P<n>\d+)"]).map(lambda pattern: {"pattern": pattern}),
    st.sampled_from(["hours", "cancel"]).map(lambda word: {"fuzzy": word}),
)
REPLIES = st.sampled_from(
    [
        "Yes.",
        "{{ message }}",
        ["One", "Two"],
        {"one_of": ["A", "B"]},
        "{{ words | first }}!",
        "It’s {{ from }}.",
    ]
)
ASKS = st.lists(
    st.fixed_dictionaries(
        {
            "question": st.sampled_from(["Which?", "And {{ message }}?"]),
            "expect": st.sampled_from(
                [
                    "yes_no",
                    "number",
                    "date",
                    "text",
                    {"one_of": ["mon", "tue"]},
                    {"number": {"min": 1, "max": 9}},
                ]
            ),
        }
    ),
    min_size=1,
    max_size=3,
)
RULES = st.fixed_dictionaries(
    {"when": WHEN},
    optional={
        "reply": REPLIES,
        "ask": ASKS,
        "tag": st.just(["t"]),
        "untag": st.just(["t"]),
        "set": st.just({"saved": "{{ message }}"}),
        "only": st.sampled_from(
            [{"tagged": "t"}, {"first_time": "true"}, {"from": "+1"}, {"hours": "Mon 0-24"}]
        ),
        "limit": st.just("1 per 1h"),
        "handover": st.just("true"),
        "consent": st.sampled_from(["opt_out", "opt_in"]),
    },
)


def written(rules: list[dict[str, Any]]) -> str:
    """A rule file with these rules, each with a name, each question with one, and what would contradict left out."""
    for at, rule in enumerate(rules):
        rule["name"] = f"r{at}"
        consent = rule.pop("consent", None)
        if consent:
            rule[consent] = "true"
        if consent == "opt_out":
            rule.pop("ask", None)
        if "ask" in rule:
            rule["ask"] = [
                {**question, "save": f"a{at}_{place}"} for place, question in enumerate(rule["ask"])
            ]
    return yaml.safe_dump({"rules": rules}, allow_unicode=True)


BOOKS = st.lists(RULES, min_size=1, max_size=6).map(written)


def talk(book: Book, texts: list[str], to: str = "+15555550100") -> list[tuple[ConversationState, Decision]]:
    """Each decision of a conversation, and the standing that it met."""
    standing, decided = ConversationState(), []
    for at, text in enumerate(texts):
        heard = HeardMessage(id=f"m{at}", text=text, sender="+15555550101", recipient=to)
        decision = decide(book, heard, standing, NOW + at * timedelta(minutes=1))
        decided.append((standing, decision))
        standing = msgspec.structs.replace(decision.after, known=True)
    return decided


@settings(max_examples=examples(100), deadline=None)
@given(BOOKS, st.lists(TEXTS, max_size=10), st.sampled_from(["+15555550100", "+18885550100", "12345"]))
def test_a_talk_is_decided_the_same_again_and_sends_nothing_after_an_opt_out(
    text: str, texts: list[str], to: str
) -> None:
    book = book_from(text)
    first, again = talk(book, texts, to), talk(book_from(text), texts, to)
    assert first == again
    rules = {rule.name: rule for rule in book.rules}
    for message, (standing, decision) in zip(texts, first, strict=True):
        heard = HeardMessage(id="m", text=message, sender="+15555550101", recipient=to)
        assert explain(book, heard, standing, NOW)
        assert decision.rule is None or decision.rule in rules
        assert all(reply.strip() and len(reply) <= 2_048 for reply in (*decision.replies, *decision.withheld))
        assert msgspec.json.encode(decision.record(book.version))
        comes_back = standing.opted_out and not decision.after.opted_out
        if standing.opted_out:
            assert not decision.replies or (comes_back and decision.exempt)
            assert decision.after.flow is None or comes_back
        if comes_back and decision.held_back_by != "carrier answers":
            assert decision.rule is not None
            assert rules[decision.rule].opt_in
        if decision.after.opted_out:
            assert decision.after.flow is None


@settings(max_examples=examples(100), deadline=None)
@given(BOOKS, TEXTS)
def test_the_first_rule_of_which_a_key_matches_is_taken(text: str, message: str) -> None:
    """As the index finds it, and as reading the rules one by one does; typing errors and `c++` aside."""
    assume("fuzzy" not in text and "c++" not in text)
    book = book_from(text)
    [(_, decision)] = talk(book, [message])
    assert decision.rule == one_by_one(yaml.safe_load(text)["rules"], message)


def one_by_one(rules: list[dict[str, Any]], message: str) -> str | None:
    for rule in rules:
        if rule.get("only") != {"tagged": "t"} and matches(rule["when"], message):
            return str(rule["name"])
    return None


def matches(when: Any, message: str) -> bool:
    if when == "anything":
        return True
    heard = split_words(message)
    for kind, values in when.items():
        if kind == "pattern":
            if re.search(values, message, re.IGNORECASE | re.ASCII):
                return True
            continue
        for words in map(split_words, values):
            if {
                "exact": heard == words,
                "keyword": heard[: len(words)] == words,
                "contains": any(heard[at : at + len(words)] == words for at in range(len(heard))),
                "all_words": set(words) <= set(heard),
            }[kind]:
                return True
    return False


def meaning(book: Book) -> bytes:
    """All that a book says, without the places where it says it."""
    rules = [
        (
            rule.name, rule.when, [(key.kind, key.text, key.words, key.rich) for key in rule.keys],
            repr(rule.only), rule.limit,
            [[template.source for template in choice.templates] for choice in rule.reply],
            [(name, template.source) for name, template in rule.saves], rule.tag, rule.untag, rule.opt_in, rule.opt_out,
            rule.handover, [(each.save, repr(each.expect)) for each in rule.ask.questions] if rule.ask else None,
        )
        for rule in book.rules
    ]  # fmt: skip
    return re.sub(rb"0x[0-9a-f]+", b"", repr(rules).encode("utf-8", "replace"))


@settings(max_examples=examples(100), deadline=None)
@given(BOOKS, st.lists(TEXTS, max_size=4))
def test_a_book_survives_load_dump_load(text: str, texts: list[str]) -> None:
    """Whatever YAML's styles, order of keys and quotes, the same is read."""
    first = book_from(text)
    data = yaml.load(text, Loader=yaml.BaseLoader)
    for style in (
        {"default_flow_style": True},
        {"default_style": '"', "width": 20},
        {"allow_unicode": True, "indent": 7},
    ):
        again = book_from(yaml.safe_dump(data, **style))
        assert meaning(again) == meaning(first)
        assert talk(again, texts) == talk(first, texts)


@settings(max_examples=examples(100), deadline=None)
@given(BOOKS)
def test_checking_never_raises_and_finds_the_same_in_the_same(text: str) -> None:
    book = book_from(text)
    assert check(book) == check(book_from(text))
    unreachable = {each.line for each in check(book) if each.code == "E402"}
    assert load_texts({"test.yaml": text}).findings == ()
    assert len(unreachable) < len(book.rules)  # the first rule is always reached


@given(
    st.builds(
        Flow,
        rule=st.sampled_from(["r0", "r1", "gone"]),
        awaits=st.sampled_from(["a0_0", "a1_0", "gone"]),
        answers=st.dictionaries(st.sampled_from(["a0_0", "a0_1", "x"]), st.text(max_size=5)),
        misses=st.integers(0, 5),
        touched=st.floats(0, 4e9),
    ),
    BOOKS,
    TEXTS,
)
def test_any_stored_flow_is_gone_on_with_or_ends(flow: Flow, text: str, message: str) -> None:
    heard = HeardMessage(id="m", text=message, sender="+15555550101", recipient="+15555550100")
    after = decide(book_from(text), heard, ConversationState(flow=flow, known=True), NOW).after
    assert (
        msgspec.convert(msgspec.json.decode(msgspec.json.encode(after)), ConversationState) == after
        or "\ud800" in message
    )
