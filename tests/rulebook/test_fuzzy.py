"""`fuzzy` takes typing errors, and never takes a message from a rule that it was written for."""

import pytest

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


@pytest.mark.parametrize("word", ["ab", "two words"])
def test_what_cannot_be_fuzzy(word: str) -> None:
    found = load_texts({"f.yaml": f"rules: [{{name: a, when: {{fuzzy: {word}}}}}]"}).findings
    assert f'E205 "{word}" cannot be fuzzy' in str(found[0])
