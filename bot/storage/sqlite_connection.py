"""aiosqlite's connection, which closes the file also where its opening is cancelled, or its event loop has ended.

Whoever is cancelled just when the file has been opened leaves it, in aiosqlite, to the garbage collector: a descriptor
stays open, and Python 3.13 warns of it. And an answer to somebody whose event loop has ended meanwhile, as after a
cancelled `close`, ends aiosqlite's thread by an exception that nobody catches.
"""

import sqlite3
from collections.abc import Callable, Generator, Sequence
from threading import Lock, Thread
from typing import Any

import aiosqlite

#: Rows that aiosqlite fetches at a time; its own default.
_CHUNK = 64


class SqliteConnection(aiosqlite.Connection):
    """Await it to open the file that `connector` opens, in a thread of the connection's own."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        self._make = connector
        self._lock = Lock()
        self._file: sqlite3.Connection | None = None
        self._is_given_up = False
        super().__init__(self._open, _CHUNK)
        #: The file once it is open; for the thread, which must not keep the connection alive.
        self._opened: list[sqlite3.Connection] = []
        # A process that ends doesn't wait for it.
        self._thread = Thread(target=_work, args=(self._thread.run, self._opened), daemon=True)

    def __await__(self) -> Generator[Any, None, aiosqlite.Connection]:
        try:
            return (yield from super().__await__())
        except BaseException:
            with self._lock:
                self._is_given_up = True
                if self._file is not None:
                    self._file.close()
            raise

    async def execute_all(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> list[int]:
        """Execute these in one trip to the thread; how many rows each has changed."""

        def execute() -> list[int]:
            return [self._conn.execute(sql, parameters).rowcount for sql, parameters in statements]

        counts: list[int] = await self._execute(execute)  # type: ignore[no-untyped-call]  # aiosqlite's own
        return counts

    def _open(self) -> sqlite3.Connection:
        file = self._make()
        with self._lock:
            if self._is_given_up:
                file.close()
            else:
                self._file = file
        self._opened.append(file)
        return file


def _work(work: Callable[[], None], opened: Sequence[sqlite3.Connection]) -> None:
    """Do what is asked of a connection, in its thread, until it is closed."""
    try:
        work()
    except RuntimeError:  # the event loop of whoever waited has ended, so nobody uses the file any more
        for file in opened:
            file.close()


def open_sqlite(database: str, **options: Any) -> SqliteConnection:
    """A connection as `sqlite3.connect` makes it, yet to be awaited.

    The driver's own transaction handling is off: we say BEGIN, and which kind.
    """
    return SqliteConnection(lambda: sqlite3.connect(database, **options, isolation_level=None))
