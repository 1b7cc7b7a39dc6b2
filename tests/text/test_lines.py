"""Texts are cut into lines where an editor ends one."""

from hypothesis import given
from hypothesis import strategies as st

from bot.text.lines import split_lines


def test_lines_end_where_editors_end_them() -> None:
    text = "a\nb\r\n\nc\rd\u2028e\x85f\x0cg\n"
    assert split_lines(text) == ["a", "b", "", "c", "d\u2028e\x85f\x0cg"]
    assert split_lines(text, keepends=True) == ["a\n", "b\r\n", "\n", "c\r", "d\u2028e\x85f\x0cg\n"]
    assert split_lines("") == []


@given(st.text("a \r\n"))
def test_of_other_texts_they_are_those_of_python(text: str) -> None:
    assert split_lines(text) == text.splitlines()
    assert split_lines(text, keepends=True) == text.splitlines(keepends=True)
