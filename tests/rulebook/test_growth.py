"""Checking a book is work in proportion to its rules, of whatever kind; counted in lines run, not in seconds."""

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rulebook.lint.check import check_texts
from bot.rulebook.word_sets import WordSets

WORDS = [f"word{at}" for at in range(20)]


def some(at: int, many: int) -> str:
    return " ".join(random.Random(at).sample(WORDS, many))


KINDS: dict[str, Callable[[int], str]] = {
    "exact": lambda at: f"{{exact: word {at}}}",
    "the same exact": lambda _: "{exact: hours}",
    "keyword": lambda at: f"{{keyword: word{at}}}",
    "the same keyword": lambda _: "{keyword: hours}",
    "contains": lambda at: f"{{contains: my word{at}}}",
    "the same contains": lambda _: "{contains: hours}",
    "all_words": lambda at: f"{{all_words: the word{at}}}",
    "the same all_words": lambda _: "{all_words: big order}",
    "all_words of a few words": lambda at: f"{{all_words: {some(at, 5)}}}",
    "all_words in each other": lambda at: f"{{all_words: {' '.join(WORDS[: 1 + at % 19])}}}",
    "all_words with symbols": lambda _: "{all_words: c++ course}",
    "pattern": lambda at: f"{{pattern: 'order {at}'}}",
    "the same pattern": lambda _: "{pattern: 'order'}",
    "fuzzy": lambda at: f"{{fuzzy: keyword{at}}}",
    "the same fuzzy": lambda _: "{fuzzy: keyword}",
    "anything": lambda _: "anything",
    "a long list": lambda at: f"{{keyword: [{', '.join(f'k{at}x{each}' for each in range(10))}]}}",
}


def book(kind: str, count: int) -> str:
    rules = "".join(
        f"  - {{name: r{at}, when: {KINDS[kind](at)}, reply: Answer {at} of the hours word{at}.}}\n"
        for at in range(count)
    )
    tests = "tests:\n" + "".join(f"  - {{hear: {some(at, 4)}}}\n" for at in range(count))
    return f"rules:\n{rules}" + tests


@contextmanager
def counting() -> Iterator[list[int]]:
    """Counts the lines of Python that run."""
    lines = [0]

    def on_line(_frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            lines[0] += 1
        return on_line

    def on_call(frame: FrameType, _event: str, _argument: Any) -> Any:
        return on_line if "/rulebook/" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        yield lines
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("kind", KINDS)
def test_four_times_the_rules_take_about_four_times_the_work(kind: str) -> None:
    work = []
    for count in (50, 200):
        text = book(kind, count)
        with counting() as lines:
            check_texts({"f.yaml": text})
        work.append(lines[0])
    assert work[1] < work[0] * 4 * 1.5, "it grows faster than the book"


SETS = st.lists(st.frozensets(st.sampled_from(WORDS[:7]), min_size=1), min_size=1, max_size=40)


@given(SETS, st.frozensets(st.sampled_from(WORDS[:8])))
def test_the_sets_within_a_message_are_those_that_it_holds_whole(
    sets: list[frozenset[str]], heard: frozenset[str]
) -> None:
    entries: dict[frozenset[str], list[int]] = {}
    for at, words in enumerate(sets):
        entries.setdefault(words, []).append(at)
    expected = sorted(at for at, words in enumerate(sets) if words <= heard)
    assert sorted(WordSets(entries).within(tuple(heard))) == expected
    first = WordSets(entries).first_within(tuple(heard), before=20, most=1_000)
    assert sorted(at for at in first if at < 20) == [at for at in expected if at < 20]


@given(SETS, st.frozensets(st.sampled_from(WORDS[:8])), st.sets(st.integers(0, 39)))
def test_what_comes_before_the_first_final_set_is_never_missing(
    sets: list[frozenset[str]], heard: frozenset[str], final: set[int]
) -> None:
    entries = {words: [at] for at, words in reversed(list(enumerate(sets)))}
    expected = sorted(at for words, (at,) in entries.items() if words <= heard)
    found = sorted(WordSets(entries, final).within(tuple(heard)))
    end = next((at for at in expected if at in final), None)
    needed = [at for at in expected if end is None or at <= end]
    assert found[: len(needed)] == needed
    assert set(found) <= set(expected)
