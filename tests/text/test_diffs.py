"""What changed between two texts is told line by line, with a little around it."""

import time

from hypothesis import given
from hypothesis import strategies as st

from bot.text.diffs import Line, compare_lines

TEXTS = st.lists(st.sampled_from("abcd"), max_size=12).map("\n".join)


def shown(lines: list[Line]) -> list[str]:
    signs = {"same": " ", "added": "+", "removed": "-", "left out": "…"}
    return [signs[line.kind] + line.text for line in lines]


def test_a_change_is_shown_with_the_lines_around_it() -> None:
    before = "\n".join(f"line {number}" for number in range(1, 11))
    lines = compare_lines(before, before.replace("line 5", "another"), context=2)
    assert shown(lines) == [
        "…2 more", " line 3", " line 4", "-line 5", "+another", " line 6", " line 7", "…3 more",
    ]  # fmt: skip
    assert [(line.old, line.new) for line in lines[1:5]] == [(3, 3), (4, 4), (5, None), (None, 5)]


def test_texts_that_are_the_same_have_nothing_to_show() -> None:
    assert compare_lines("a\nb", "a\nb") == []
    assert compare_lines("", "") == []


def test_a_new_text_is_all_added_and_a_removed_one_all_removed() -> None:
    assert shown(compare_lines("", "a\nb")) == ["+a", "+b"]
    assert shown(compare_lines("a\nb", "")) == ["-a", "-b"]


def test_long_texts_with_nothing_in_common_take_no_time() -> None:
    started = time.process_time()
    lines = compare_lines("\n".join(map(str, range(20_000))), "\n".join(f"x{at}" for at in range(20_000)))
    assert len(lines) == 40_000
    assert time.process_time() - started < 2


@given(before=TEXTS, after=TEXTS)
def test_both_texts_can_be_read_off_a_comparison(before: str, after: str) -> None:
    lines = compare_lines(before, after, context=100)
    if before.splitlines() == after.splitlines():
        assert lines == []
    else:
        assert [line.text for line in lines if line.kind != "added"] == before.splitlines()
        assert [line.text for line in lines if line.kind != "removed"] == after.splitlines()
        assert all(line.text == before.splitlines()[line.old - 1] for line in lines if line.old)
        assert all(line.text == after.splitlines()[line.new - 1] for line in lines if line.new)
