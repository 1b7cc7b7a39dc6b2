"""A cursor of SQLite whose statement, with its first rows, takes one trip to the connection's thread.

aiosqlite's makes a trip each to make a cursor, to execute, to fetch and to close. A trip and back takes both threads 60
to 100 µs together, more than most of the console's and the API's statements take.
"""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, Self

#: Rows that travel with their statement, and at a time after that.
_CHUNK = 64

#: Does this in the connection's thread, and tells what came of it.
Trip = Callable[[Callable[[], Any]], Awaitable[Any]]
Rows = Iterable[Sequence[Any]]


class SqliteCursor:
    """As SQLAlchemy asks it of a driver; it closes itself with the last of its rows."""

    arraysize = 1
    description: Any = None
    rowcount = -1
    lastrowid: int | None = None

    def __init__(self, trip: Trip, make: Callable[[], sqlite3.Cursor]) -> None:
        """`make`: the driver's own cursor; called in the connection's thread."""
        self._trip = trip
        self._make = make
        #: Rows that were fetched and are still to be asked for.
        self._rows: list[Any] = []
        #: Has more rows; None when there are none.
        self._open: sqlite3.Cursor | None = None
        #: Whoever waited for the last trip was cancelled: what it opens is still to be closed.
        self._is_left_alone = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def execute(self, sql: str, parameters: Any = ()) -> Self:
        """Execute a statement; raises `sqlite3.Error`."""
        await self.close()
        await self._do(lambda: self._execute(lambda cursor: cursor.execute(sql, parameters)))
        return self

    async def executemany(self, sql: str, rows: Rows) -> Self:
        """Execute a statement once for each row of parameters; raises `sqlite3.Error`."""
        await self.close()
        await self._do(lambda: self._execute(lambda cursor: cursor.executemany(sql, rows)))
        return self

    async def _do(self, what: Callable[[], Any]) -> Any:
        """One trip."""
        self._is_left_alone = True
        try:
            done = await self._trip(what)
        except sqlite3.Error:
            self._is_left_alone = False
            raise
        self._is_left_alone = False
        return done

    def _execute(self, run: Callable[[sqlite3.Cursor], sqlite3.Cursor]) -> None:
        cursor = run(self._make())
        self._open = cursor
        self._rows = self._fetch(_CHUNK)
        self.description, self.rowcount, self.lastrowid = (
            cursor.description,
            cursor.rowcount,
            cursor.lastrowid,
        )

    def _fetch(self, most: int | None) -> list[Any]:
        if self._open is None:
            return []
        rows = self._open.fetchall() if most is None else self._open.fetchmany(most)
        if most is None or len(rows) < most:
            self._close()
        return rows

    async def fetchone(self) -> Any:
        """The next row; None after the last one."""
        return next(iter(await self.fetchmany(1)), None)

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows; fewer than `size` after the last one."""
        most = self.arraysize if size is None else size
        if len(self._rows) < most and self._open is not None:
            self._rows += await self._do(lambda: self._fetch(max(most - len(self._rows), _CHUNK)))
        taken, self._rows = self._rows[:most], self._rows[most:]
        return taken

    async def fetchall(self) -> list[Any]:
        """All rows that are left."""
        if self._open is not None:
            self._rows += await self._do(lambda: self._fetch(None))
        taken, self._rows = self._rows, []
        return taken

    async def __aiter__(self) -> AsyncIterator[Any]:
        while rows := await self.fetchmany(_CHUNK):
            for row in rows:
                yield row

    async def close(self) -> None:
        """Drop the rows that are left."""
        self._rows = []
        if self._is_left_alone or self._open is not None:
            await self._do(self._close)

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None
