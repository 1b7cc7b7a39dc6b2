"""Answers as people text them are taken as they are meant, or asked for again: `people_text_answers.yaml`."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState
from tests.support.books import book_of, hear

CASES: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("people_text_answers.yaml").read_text("utf-8")
)


def asking(expect: str) -> tuple[Book, ConversationState]:
    book = book_of(
        f"name: ask, when: {{exact: ask me}}, tries: 9, ask: {{save: x, question: X?, expect: {expect}}}, reply: ok",
        "name: help, when: {exact: [help, info]}, reply: This is the help.",
    )
    return book, hear(book, "ask me").after


ASKED = {kind: asking(kind) for kind in ("date", "yes_no", "number", "text")}


def test_the_table_is_large() -> None:
    assert len(CASES) >= 200


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['kind']}: {case['text']}")
def test_an_answer_is_taken_as_it_is_meant(case: dict[str, Any]) -> None:
    if case["kind"] == "help":
        book, standing = ASKED["text"]
        decision = hear(book, case["text"], standing)
        if case["expected"] is None:
            assert decision.after.values == {"x": case["text"]}
        else:
            assert (decision.rule, decision.replies) == (case["expected"], ("This is the help.",))
            assert decision.after.flow == standing.flow
        return
    book, standing = ASKED[case["kind"]]
    decision = hear(book, case["text"], standing)
    assert decision.after.values.get("x") == case["expected"], case["why"]
    if case["expected"] is None:
        assert decision.replies == ("X?",)
