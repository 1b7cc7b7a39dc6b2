"""What comes from outside is stored, shown and logged through one gate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.storable import bounded, make_storable, one_line

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=80)


@given(ANYTHING, st.integers(1, 60))
def test_a_line_is_bounded_inert_and_can_be_stored(text: str, longest: int) -> None:
    line = one_line(text, longest)
    assert len(line) <= longest
    assert line == make_storable(line)
    assert not any(each in line for each in "\x00\x1b\n\r\x7f\x85\x9b\u2028\u202e\u2066\ud800")
    assert one_line(line, longest) == line


@given(ANYTHING, st.integers(1, 60))
def test_a_text_is_cut_and_otherwise_kept(text: str, longest: int) -> None:
    kept = bounded(text, longest)
    assert len(kept) <= longest
    kept.encode()
    if len(text) <= longest:
        assert kept == make_storable(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("No error.", "No error."),
        (" two\r\n lines\t ", "two lines"),
        ("Zoë ☎ 👩‍👩‍👧", "Zoë ☎ 👩‍👩‍👧"),
        ("a\x00b\x1b[2J\u202ec", "a\ufffdb\ufffd[2J\ufffdc"),
        ("x" * 21, "x" * 19 + "…"),
        (" " * 10_000 + "x", ""),
    ],
)
def test_lines(text: str, line: str) -> None:
    assert one_line(text, 20) == line
