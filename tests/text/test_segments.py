"""Segments are counted as networks count them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.segments import BASIC, EXTENDED, Segments, measure


@pytest.mark.parametrize(
    ("text", "encoding", "segments", "units"),
    [
        ("", "GSM-7", 1, 0),
        ("Hello", "GSM-7", 1, 5),
        ("a" * 160, "GSM-7", 1, 160),
        ("a" * 161, "GSM-7", 2, 161),
        ("a" * 306, "GSM-7", 2, 306),
        ("a" * 307, "GSM-7", 3, 307),
        ("€" * 80, "GSM-7", 1, 160),
        ("€" * 81, "GSM-7", 2, 162),
        ("a" * 152 + "€" * 8, "GSM-7", 2, 168),
        ("€" * 153, "GSM-7", 3, 306),  # 153 is odd: one septet of each segment stays empty
        ("äöüßÆ@£\n", "GSM-7", 1, 8),
        ("a`", "UCS-2", 1, 2),
        ("a\tb", "UCS-2", 1, 3),
        ("é" * 160, "GSM-7", 1, 160),
        ("ê", "UCS-2", 1, 1),
        ("“" + "a" * 69, "UCS-2", 1, 70),
        ("“" + "a" * 70, "UCS-2", 2, 71),
        ("👍" * 35, "UCS-2", 1, 70),
        ("👍" * 36, "UCS-2", 2, 72),
        ("👍" * 67, "UCS-2", 3, 134),  # 67 is odd: one unit of each segment stays empty
        ("\ud800", "UCS-2", 1, 1),
    ],
)
def test_a_text_costs(text: str, encoding: str, segments: int, units: int) -> None:
    assert measure(text) == Segments(encoding=encoding, segments=segments, units=units)


def test_the_alphabet_has_its_127_characters_and_10_extensions() -> None:
    """128 positions, one of them the escape to the extension table."""
    assert (len(BASIC), len(EXTENDED), len(BASIC & EXTENDED)) == (127, 10, 0)


@given(st.text())
def test_measuring_never_raises_and_segments_hold_the_units(text: str) -> None:
    cost = measure(text)
    assert cost.units <= cost.segments * (160 if cost.encoding == "GSM-7" else 70)
