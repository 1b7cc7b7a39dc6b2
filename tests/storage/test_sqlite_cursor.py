"""A cursor of SQLite makes as few trips to its connection's thread as it can, and gives every row once."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.storage.database import Database
from bot.storage.sqlite_connection import SqliteConnection, open_sqlite
from bot.storage.sqlite_cursor import SqliteCursor

NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i FROM n"


async def opened(file: Path, **options: Any) -> SqliteConnection:
    connection = open_sqlite(str(file), **options)
    await connection
    return connection


class Trips:
    """Does at once what is asked of a connection's thread, and counts it."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self.made = 0
        self.cursor = SqliteCursor(self.make, file.cursor)

    async def make(self, what: Callable[[], Any]) -> Any:
        self.made += 1
        return what()


@pytest.fixture
async def trips(tmp_path: Path) -> AsyncIterator[Trips]:
    file = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    file.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, said TEXT)")
    yield Trips(file)
    file.close()


@pytest.mark.parametrize(("rows", "made"), [(0, 1), (1, 1), (63, 1), (64, 2), (1_000, 2)])
async def test_few_rows_travel_with_their_statement(trips: Trips, rows: int, made: int) -> None:
    await trips.cursor.execute(NUMBERS.format(rows) if rows else "SELECT 1 WHERE 0")
    assert [i for (i,) in await trips.cursor.fetchall()] == list(range(1, rows + 1))
    await trips.cursor.close()
    assert trips.made == made


@pytest.mark.parametrize("size", [1, 10, 63, 64, 65, 200])
async def test_every_row_comes_once_and_in_order_however_many_are_asked_for(trips: Trips, size: int) -> None:
    await trips.cursor.execute(NUMBERS.format(500))
    taken: list[int] = []
    while rows := await trips.cursor.fetchmany(size):
        assert len(rows) == min(size, 500 - len(taken))
        taken += [i for (i,) in rows]
    assert taken == list(range(1, 501))
    assert await trips.cursor.fetchone() is None


async def test_some_rows_then_the_rest(trips: Trips) -> None:
    await trips.cursor.execute(NUMBERS.format(300))
    assert await trips.cursor.fetchone() == (1,)
    assert len(await trips.cursor.fetchmany()) == trips.cursor.arraysize == 1
    assert len(await trips.cursor.fetchall()) == 298
    await trips.cursor.execute(NUMBERS.format(300))
    assert [i async for (i,) in trips.cursor] == list(range(1, 301))


async def test_what_changes_rows_says_how_many(trips: Trips) -> None:
    cursor = trips.cursor
    await cursor.executemany("INSERT INTO notes (said) VALUES (?)", [("one",), ("two",), ("three",)])
    assert (cursor.rowcount, cursor.description) == (3, None)
    await cursor.execute("UPDATE notes SET said = 'more' WHERE id > ?", (1,))
    assert cursor.rowcount == 2
    await cursor.execute("INSERT INTO notes (said) VALUES (?) RETURNING id", ("four",))
    assert (await cursor.fetchall(), cursor.lastrowid, cursor.description[0][0]) == ([(4,)], 4, "id")
    with pytest.raises(sqlite3.IntegrityError):
        await cursor.execute("INSERT INTO notes (id) VALUES (4)")
    await cursor.execute("SELECT count(*) FROM notes")
    assert await cursor.fetchall() == [(4,)]


async def test_a_cursor_that_is_closed_before_its_last_row_holds_nothing(tmp_path: Path) -> None:
    connection = await opened(tmp_path / "a.db", pragmas=("journal_mode=WAL",))
    await connection.execute_all([("CREATE TABLE notes (id INTEGER)", ())])
    await connection.execute_all([("INSERT INTO notes VALUES (?)", (i,)) for i in range(200)])
    async with connection.cursor() as cursor:
        await cursor.execute("SELECT id FROM notes")
        assert len(await cursor.fetchmany(10)) == 10
    # A statement that is still open would keep the table.
    await connection.execute_all([("DROP TABLE notes", ())])
    await connection.close()


async def test_a_statement_whose_asker_was_cancelled_holds_nothing_once_it_is_closed(tmp_path: Path) -> None:
    connection = await opened(tmp_path / "a.db")
    may_go_on, is_asked = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold() -> bool:
        loop.call_soon_threadsafe(is_asked.set)
        return may_go_on.wait()

    await connection.create_function("hold", 0, hold)
    await connection.execute_all([("CREATE TABLE notes (id INTEGER)", ())])
    await connection.execute_all([("INSERT INTO notes VALUES (?)", (i,)) for i in range(200)])
    cursor = connection.cursor()
    asking = asyncio.create_task(cursor.execute("SELECT id, hold() FROM notes"))
    await is_asked.wait()
    asking.cancel()
    loop.call_later(0.05, may_go_on.set)
    await cursor.close()
    await connection.execute_all([("DROP TABLE notes", ())])
    await connection.close()


async def test_a_stream_reads_on_while_others_read(database: Database) -> None:
    query = text(NUMBERS.format(1_000))
    async with database.reading() as connection, connection.stream(query) as stream:
        seen = 0
        async for (i,) in stream:
            seen += 1
            assert i == seen
            if i % 300 == 0:
                assert (await connection.execute(text("SELECT 1"))).scalar() == 1
    assert seen == 1_000
