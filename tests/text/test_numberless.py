"""A phone number is left out of what outlives people, however it is written; Azure's codes stay."""

import pytest

from bot.text.numberless import without_numbers


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("The number +15555550101 is not provisioned.", "The number … is not provisioned."),
        ("To 1 (555) 555-0101: blocked", "To …: blocked"),
        ("4001: unreachable, 555.5550101 and 15555550101", "4001: unreachable, … and …"),
        ("The call was answered 503 after 10000 ms.", "The call was answered 503 after 10000 ms."),
        ("", ""),
    ],
)
def test_numbers_are_left_out(said: str, kept: str) -> None:
    assert without_numbers(said) == kept
