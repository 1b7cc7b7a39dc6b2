"""Of each of our numbers it is known how much Azure takes of it, unless the rule book says otherwise."""

import pytest

from bot.rulebook.sender_numbers import OurNumber, messages_per_minute

TOLL_FREE = "+18885550100"


@pytest.mark.parametrize(
    ("number", "per_minute"),
    [
        (TOLL_FREE, 200),
        ("12345", 6_000),
        ("CONTOSO", 600),
        ("+12065550100", None),
        ("+33700555010", None),
    ],
)
def test_a_number_nobody_speaks_of_has_the_pace_of_its_kind(number: str, per_minute: int | None) -> None:
    assert messages_per_minute({}, number) == per_minute


def test_the_rule_book_has_the_last_word_on_kind_and_pace() -> None:
    numbers = {
        TOLL_FREE: OurNumber(kind="toll-free", opt_out="carrier", per_minute=30),
        "+33700555010": OurNumber(kind="short-code", opt_out="bot"),
    }
    assert messages_per_minute(numbers, TOLL_FREE) == 30
    assert messages_per_minute(numbers, "+33700555010") == 6_000
