"""How much was written into SQLite's write-ahead log since it was last moved to the database's file."""

import asyncio

#: Commits since the last look that are little.
_FEW_COMMITS = 100
#: Pages of 4 KiB that a move is to have: syncing many at once keeps commits waiting for the disk
#: (`benchmarks/purge_hold.py`), and a page that is written again and again is moved once for each move.
WANTED = 2_000
#: Changed rows after which the log is moved: at first, and at least and at most. Only SQLite's own checkpoint says how
#: many pages there are.
FIRST, LEAST, MOST = 1_000, 500, 50_000


def rows_until_move(rows: int, pages: int) -> int:
    """How many rows the next move waits for, after so many rows made so many pages."""
    return max(LEAST, min(MOST, rows * WANTED // max(1, pages)))


class LogGrowth:
    """Counts the commits and the changed rows of this process."""

    def __init__(self) -> None:
        self._commits = 0
        self._changed = 0
        self._rows = 0
        self._wanted = FIRST
        #: Pages in the log when it was last moved.
        self._pages = 0
        #: Is set while so much has been written that it should be moved to the database's file.
        self.is_much = asyncio.Event()

    def note_commit(self, changed: int) -> None:
        """A transaction was committed; its connection has changed so many rows since it was opened."""
        self._commits += 1
        self._rows += changed - self._changed if changed >= self._changed else changed
        self._changed = changed
        if self._rows >= self._wanted:
            self.is_much.set()

    def begin_move(self) -> int:
        """What was written until now is being moved; how many rows."""
        rows, self._rows = self._rows, 0
        self.is_much.clear()
        return rows

    def note_pages(self, rows: int, pages: int) -> None:
        """So many pages are in the log, after so many rows since the last time."""
        # A log that was begun anew has fewer than last time.
        written = pages - self._pages if pages >= self._pages else pages
        self._pages = pages
        if rows:
            self._wanted = rows_until_move(rows, written)

    def was_slow(self) -> bool:
        """Whether there were few commits since the last time that this was asked."""
        commits, self._commits = self._commits, 0
        return commits < _FEW_COMMITS
