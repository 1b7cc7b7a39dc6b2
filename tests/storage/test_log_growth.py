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


class Commits:
    """A connection that commits."""

    def __init__(self) -> None:
        self.growth = LogGrowth()
        self._changed = 0

    def is_much_after(self, rows: int) -> bool:
        """Whether the log is to be moved after a transaction of so many rows."""
        self._changed += rows
        self.growth.note_commit(self._changed)
        return self.growth.is_much.is_set()

    def open_anew(self) -> None:
        """What the old connection had changed is no longer counted by SQLite."""
        self._changed = 0


def test_the_log_is_to_be_moved_after_so_many_rows_however_they_were_committed() -> None:
    commits = Commits()
    assert [commits.is_much_after(FIRST // 4) for _ in range(4)] == [False, False, False, True]
    assert commits.growth.begin_move() == FIRST
    assert not commits.growth.is_much.is_set()
    commits.growth.note_pages(FIRST, 500)
    assert [commits.is_much_after(FIRST) for _ in range(4)] == [False, False, False, True], "half a page each"


def test_a_new_connection_counts_from_nothing() -> None:
    commits = Commits()
    assert not commits.is_much_after(FIRST - 10)
    commits.open_anew()
    assert not commits.is_much_after(9)
    assert commits.is_much_after(1)


def test_pages_are_counted_from_the_last_move_or_the_logs_new_beginning() -> None:
    commits = Commits()
    commits.growth.note_pages(1_000, 3_000)
    commits.growth.note_pages(1_000, 5_000)
    assert not commits.is_much_after(999)
    assert commits.is_much_after(1), "2,000 pages more"
    commits.growth.note_pages(commits.growth.begin_move(), 1_000)
    assert not commits.is_much_after(1_999)
    assert commits.is_much_after(1), "1,000 pages of a new log"


def test_few_commits_are_told_from_many_once() -> None:
    growth = LogGrowth()
    assert growth.was_slow()
    for changed in range(100):
        growth.note_commit(changed)
    assert not growth.was_slow()
    assert growth.was_slow()
