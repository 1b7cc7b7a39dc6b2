"""`fuzzy` takes typing errors, and never takes a message from a rule that it was written for."""

import pytest

from bot.rulebook.decision import ConversationState
from bot.rulebook.files.loader import load_texts
from tests.support.books import book_of, hear


@pytest.mark.parametrize(
    ("word", "text", "holds"),
    [
        ("hours", "hours", True),
        ("hours", "Houres?", True),
        ("hours", "hurs please", True),
        ("hours", "huors", True),
        ("hours", "hoirs", True),
        ("hours", "huor", False),
        ("hours", "my hours", False),
        ("delivery", "delivry", True),
        ("delivery", "dleivrey", True),
        ("delivery", "dlvry", False),
        ("straße", "strase", True),
        ("hours", "", False),
    ],
)
def test_fuzzy(word: str, text: str, holds: bool) -> None:
    assert hear(book_of(f"when: {{fuzzy: {word}}}"), text).rule == ("r0" if holds else None)


def test_a_typing_error_never_beats_an_exact_match() -> None:
    book = book_of(
        "when: {fuzzy: hours}",
        "when: {keyword: house}, only: {first_time: true}",
        "when: {contains: horse}",
        "when: {pattern: hour1}",
        "when: anything",
    )
    texts = ["hour", "house", "hours house", "horse", "hour1", "mouse"]
    assert [hear(book, text).rule for text in texts] == ["r0", "r1", "r0", "r2", "r3", "r4"]


def test_the_nearest_keyword_is_meant_and_of_equals_the_first() -> None:
    book = book_of("when: {fuzzy: telephone}", "when: {fuzzy: telephony}", "when: {fuzzy: telephoni}")
    assert hear(book, "telephon").rule == "r0"
    assert hear(book, "telephonyy").rule == "r1"
    assert hear(book, "telephoniy").rule == "r1"


def test_a_catch_all_that_comes_first_comes_first() -> None:
    book = book_of("when: anything, only: {hours: 22:00-23:00}", "when: {fuzzy: hours}", "when: anything")
    assert hear(book, "houra").rule == "r1"
    assert hear(book, "what").rule == "r2"
    assert hear(book_of("when: anything", "when: {fuzzy: hours}"), "houra").rule == "r0"


PASSED_ON = """rules:
  - {name: vip, when: {contains: please}, only: {tagged: vip}, reply: At once.}
  - {name: night, when: anything, only: {tagged: night}, reply: Asleep.}
  - {name: catalogue, when: {fuzzy: catalogue}, reply: It is in the post!}
  - {name: other, when: anything, reply: Sorry?}
  - {name: never, when: {contains: please}, reply: Never said.}
"""


def test_a_typing_error_is_taken_where_what_is_written_is_not_for_this_message() -> None:
    book = load_texts({"f.yaml": PASSED_ON}).book
    assert book is not None
    assert hear(book, "catalouge please").rule == "catalogue"
    assert hear(book, "catalouge please", ConversationState(tags=("vip",))).rule == "vip"
    assert hear(book, "please").rule == "other"


def test_a_written_condition_behind_the_keyword_still_comes_first() -> None:
    book = book_of(
        "when: {fuzzy: catalogue}", "when: {contains: please}, only: {tagged: vip}", "when: anything"
    )
    assert hear(book, "catalouge please").rule == "r0"
    assert hear(book, "catalouge please", ConversationState(tags=("vip",))).rule == "r1"


def test_a_rule_of_another_number_does_not_switch_typing_errors_off() -> None:
    other = 'numbers: ["+15555550199"]\nrules: [{name: hm, when: {contains: please}, reply: Hm.}]\n'
    mine = """numbers: ["+15555550100"]
rules:
  - {name: catalogue, when: {fuzzy: catalogue}, reply: It is in the post!}
  - {name: other, when: anything, reply: Sorry?}
"""
    book = load_texts({"a.yaml": other, "b.yaml": mine}).book
    assert book is not None
    assert hear(book, "catalouge please").rule == "catalogue"
    assert hear(book, "catalouge please", to="+15555550199").rule == "hm"


@pytest.mark.parametrize("word", ["ab", "two words"])
def test_what_cannot_be_fuzzy(word: str) -> None:
    found = load_texts({"f.yaml": f"rules: [{{name: a, when: {{fuzzy: {word}}}}}]"}).findings
    assert f'E205 "{word}" cannot be fuzzy' in str(found[0])
