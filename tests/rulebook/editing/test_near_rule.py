"""A message with a typing error leads to the rule that it was meant for, and that rule is made to take it."""

from datetime import UTC, datetime

import pytest

from bot.rulebook.editing.near_rule import near_rule, widened
from bot.rulebook.simulate.try_message import play
from tests.support.books import book_from

BOOK = """\
rules:
  - name: address   # where we are
    when: {keyword: address}
    reply: 12 Mill Lane.
  - name: deliver
    when:
      contains:
        - deliver
        - delivery
    reply: Yes.
  - {name: bus, when: {keyword: bus}, reply: Line 4.}
"""
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("heard", "name", "ways"),
    [
        ("adress", "address", ("fuzzy", "word")),
        ("Adress please", "address", ("fuzzy", "word")),
        ("addresss?", "address", ("fuzzy", "word")),
        ("do you delivr", "deliver", ("word",)),
        ("bux", None, ()),
        ("the adress", None, ()),
        ("parking", None, ()),
        ("", None, ()),
    ],
)
def test_the_rule_that_is_one_letter_away_is_found(
    heard: str, name: str | None, ways: tuple[str, ...]
) -> None:
    near = near_rule(book_from(BOOK), heard)
    assert (near.name if near else None) == name
    assert (near.ways if near else ()) == ways


@pytest.mark.parametrize(
    ("heard", "way", "line"),
    [
        ("adress", "fuzzy", "when: {keyword: address, fuzzy: address}"),
        ("adress", "word", "when: {keyword: [address, adress]}"),
        ("do you delivr", "word", "- delivr"),
    ],
)
def test_the_rule_takes_the_message_and_nothing_else_changes(heard: str, way: str, line: str) -> None:
    near = near_rule(book_from(BOOK), heard)
    assert near is not None
    text = widened(BOOK, near, "fuzzy" if way == "fuzzy" else "word")
    assert line in text
    assert len(set(BOOK.splitlines()) - set(text.splitlines())) <= 1
    (turn,) = play(book_from(text), [heard], at=NOW)
    assert turn.rule == near.name
