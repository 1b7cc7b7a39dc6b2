"""After how many rows SQLite's log is moved to the file follows how many pages the last ones made."""

import pytest

from bot.storage.log_growth import FIRST, LEAST, MOST, LogGrowth, rows_until_move


@pytest.mark.parametrize(
    ("rows", "pages", "expected"),
    [
        (1_000, 2_000, 1_000),
        (1_000, 4_000, LEAST),
        (1_000, 1_000, 2_000),
        (10_000, 400_000, LEAST),
        (1_000, 1, MOST),
        (1_000, 0, MOST),
    ],
)
def test_a_move_has_two_thousand_pages_or_so(rows: int, pages: int, expected: int) -> None:
    assert rows_until_move(rows, pages) == expected


def test_the_log_is_to_be_moved_after_so_many_rows_however_they_were_committed() -> None:
    growth = LogGrowth()
    for _ in range(3):
        growth.note_commit(FIRST // 4)
    assert not growth.is_much.is_set()
    growth.note_commit(FIRST // 4)
    assert growth.is_much.is_set()
    assert growth.begin_move() == FIRST
    assert not growth.is_much.is_set()
    growth.note_pages(FIRST, 500)
    for _ in range(3):
        growth.note_commit(FIRST)
    assert not growth.is_much.is_set(), "a row makes half a page"
    growth.note_commit(FIRST)
    assert growth.is_much.is_set()


def test_pages_are_counted_from_the_last_move_or_the_logs_new_beginning() -> None:
    growth = LogGrowth()
    growth.note_pages(1_000, 3_000)
    growth.note_pages(1_000, 5_000)
    growth.note_commit(999)
    assert not growth.is_much.is_set()
    growth.note_commit(1)
    assert growth.is_much.is_set(), "2,000 pages more"
    growth.note_pages(growth.begin_move(), 1_000)
    growth.note_commit(1_999)
    assert not growth.is_much.is_set()
    growth.note_commit(1)
    assert growth.is_much.is_set(), "1,000 pages of a new log"


def test_few_commits_are_told_from_many_once() -> None:
    growth = LogGrowth()
    assert growth.was_slow()
    for _ in range(100):
        growth.note_commit(1)
    assert not growth.was_slow()
    assert growth.was_slow()
