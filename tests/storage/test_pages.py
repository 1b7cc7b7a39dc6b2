"""A cursor brings back its place, and a forged one is refused."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.queries.conversations import ByPosition, NewestFirst
from bot.storage.pages import WrongCursor, decode_cursor, encode_cursor


@given(st.integers(0, 2**31 - 1))
def test_a_cursor_brings_its_place_back(position: int) -> None:
    assert decode_cursor(encode_cursor(ByPosition(position)), ByPosition) == ByPosition(position)


def forged(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "", "=", "?", "é", "AAAA", "A", forged("[]"), forged('["x"]'), forged("[-1]"), forged("[9999999999999]"),
        forged("null"), forged('{"a": 1}'), "\x00", "\ud800",
    ],
)  # fmt: skip
def test_what_no_list_gave_is_refused(cursor: str) -> None:
    with pytest.raises(WrongCursor, match="leave it out"):
        decode_cursor(cursor, ByPosition)


def test_a_naive_time_in_a_cursor_is_refused() -> None:
    with pytest.raises(WrongCursor):
        decode_cursor(forged('["2026-11-23T12:00:00", "a"]'), NewestFirst)


@given(st.text())
def test_any_text_is_a_place_or_refused(text: str) -> None:
    with suppress(WrongCursor):
        assert isinstance(decode_cursor(text, NewestFirst), NewestFirst)
