"""The index: of many rules for the same words, those that may hold are looked up."""

import pytest
from msgspec.structs import replace

from bot.rulebook import index
from bot.rulebook.decision import ConversationState
from bot.rulebook.matched_key import KeyKind
from tests.support.books import book_of, hear

MANY = 200


def rule(name: str, only: str) -> str:
    return f"name: {name}, when: {{keyword: hours}}, only: {{{only}}}, reply: {name}"


@pytest.mark.parametrize(
    ("only", "sender", "tags"),
    [
        ("from: '+1555{at:04}'", "+1555{at:04}999", ()),
        ("tagged: t{at}", "+15555550101", ("t{at}",)),
        ("to: '+1999{at:07}'", "+15555550101", ()),
    ],
)
def test_of_many_rules_the_one_whose_condition_holds_answers(
    only: str, sender: str, tags: tuple[str, ...]
) -> None:
    rules = [rule(f"r{at}", only.format(at=at)) for at in range(MANY)]
    rules.insert(150, "name: known, when: {keyword: hours}, only: {first_time: false}, reply: known")
    book = book_of(*rules, "name: rest, when: anything, reply: rest")
    for at in (0, 9, 10, 11, 149, 150, MANY - 1):
        state = ConversationState(tags=tuple(tag.format(at=at) for tag in tags))
        to = f"+1999{at:07}" if only.startswith("to") else "+15555550100"
        decision = hear(book, "hours", state, sender=sender.format(at=at), to=to)
        assert decision.rule == f"r{at}"
        assert len(decision.passed_by) == min(at, 10)
    assert hear(book, "hours", ConversationState(known=True), sender="+442071838750").rule == "known"
    assert hear(book, "hours", sender="+442071838750").rule == "rest"


def test_a_text_that_was_heard_before_has_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_MOST_KEPT", 3)
    book = book_of(
        "name: hours, when: {keyword: hours}, reply: We are open.",
        "name: first, when: {pattern: '^v(ote)? [0-9]+$'}, only: {first_time: true}, reply: Your first.",
        "name: vote, when: {pattern: '^v(ote)? [0-9]+$'}, reply: Counted.",
    )
    texts = {"Hours?": "hours", "vote 1": "vote", "v 2": "vote", "vote 3": "vote", "never": None}
    for _ in range(3):  # with more texts than are kept
        for text, rule_name in texts.items():
            assert hear(book, text, ConversationState(known=True)).rule == rule_name
            assert hear(book, text).rule == ("first" if rule_name == "vote" else rule_name)
    assert len(book.index._heard) <= 3


@pytest.mark.parametrize("kind", ["table", "exact_table"])
def test_a_key_whose_table_could_not_be_read_matches_nothing(kind: KeyKind) -> None:
    (known,) = book_of("when: {keyword: hours}").rules
    lost = replace(known, keys=(replace(known.keys[0], kind=kind, words=()),))
    made = index.Index([lost, known])
    assert [made.candidates((word,), word) for word in ("hours", "what")] == [[1], []]
