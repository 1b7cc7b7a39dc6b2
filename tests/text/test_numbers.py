"""One person is one conversation, whichever way their number is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.numbers import digits_typed, is_phone_number, normalise_number, spaced


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("15555550101", "+15555550101"),
        ("+15555550101", "+15555550101"),
        ("+1 (555) 555-0101", "+15555550101"),
        (
            " 15555550101",
            "+15555550101",
        ),  # how "+1…" arrives in a query string that forgot to escape the plus
        ("tel:+15555550101", "+15555550101"),
        ("33612345678", "+33612345678"),
        ("+33 (0)6 12 34 56 78", "+33612345678"),
        ("+330612345678", "+33612345678"),
        ("0033612345678", "+33612345678"),
        ("+390612345678", "+390612345678"),  # Italy keeps its zero
        ("\u200e+447700900123\u200f", "+447700900123"),
        ("12345", "12345"),
        ("247365", "247365"),
        ("+99912345678", "+99912345678"),
        ("00000000", "+000000"),
        ("Corner Books", "Corner Books"),
        ("  MyBank1 ", "MyBank1"),
        ("", ""),
    ],
)
def test_each_way_to_write_a_number_gives_its_one_form(raw: str, number: str) -> None:
    assert normalise_number(raw) == number


@pytest.mark.parametrize(
    ("number", "can_be_texted"),
    [
        ("+15555550101", True), ("12345", True), ("Corner", False), ("", False), ("+", False), ("²²²²²", False),
        ("+¹⁵⁵⁵⁵⁵⁵", False), ("++15555550101", False),
    ],
)  # fmt: skip
def test_only_digits_can_be_texted(number: str, can_be_texted: bool) -> None:
    assert is_phone_number(normalise_number(number)) is can_be_texted


@given(st.text(max_size=30))
def test_any_text_has_a_form_that_is_its_own_form(raw: str) -> None:
    number = normalise_number(raw)
    assert normalise_number(number) == number


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True))
def test_the_plus_makes_no_difference(digits: str) -> None:
    assert normalise_number(digits) == normalise_number("+" + digits)


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("+15555550100", "+1 555 555 0100"),
        ("+33612345678", "+33 6 12 34 56 78"),
        ("12345", "12345"),
        ("Corner", "Corner"),
    ],
)
def test_numbers_are_written_as_people_write_them(number: str, written: str) -> None:
    assert spaced(number).replace("\u00a0", " ") == written


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("555 0101", "5550101"),
        ("+1 (555) 555-0101", "+15555550101"),
        ("0101", "0101"),
        ("06 12 34 56 78", "612345678"),
        ("0033 6 12", "33612"),
        ("\u200e+44\u00a07700", "+447700"),
        ("12", None),
        ("000 000 0000", None),
        ("555x", None),
        ("order 5", None),
        ("", None),
        ("٣٤٥٦", None),
    ],
)
def test_what_people_type_to_find_a_number(typed: str, digits: str | None) -> None:
    assert digits_typed(typed) == digits
