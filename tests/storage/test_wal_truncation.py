"""SQLite's log is moved to the database's file beside the writer, so that no COMMIT has to do it."""

import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from bot.storage.database import Database
from bot.storage.log_growth import FIRST
from bot.storage.sqlite_engine import LOG_PAGES
from bot.storage.tables import rejected_events
from bot.storage.wal_truncation import LogCutter
from bot.supervisor import Supervisor
from tests.support.bots import until

#: Pages of 4 KiB that make a log worth beginning anew.
LONG = LOG_PAGES // 4


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """One on SQLite, with its schema."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'bot.db'}")
    await database.upgrade()
    database.log_growth.begin_move()
    yield database
    await database.close()


async def write(database: Database, first: int, rows: int, pages: int) -> None:
    """One transaction of so many rows, which have so many pages together."""
    given = {"arrived_at": datetime.now(UTC), "reason": "", "raw": "x" * (pages * 4_096 // rows)}
    numbers = range(first, first + rows)
    async with database.writing() as connection:
        await connection.execute(
            insert(rejected_events), [given | {"id": f"{at}", "digest": f"{at}"} for at in numbers]
        )


async def test_a_long_log_is_begun_anew_once_it_was_moved(database: Database) -> None:
    await write(database, 0, 2, LONG)
    await LogCutter(database).move()
    await write(database, 2, 1, 100)
    _, pages, moved = await database.checkpoint(beside=True)
    assert moved == pages < 200, "the pages of one transaction"


async def test_a_log_never_gets_so_long_that_a_commit_moves_it(database: Database, tmp_path: Path) -> None:
    """What is written is twice what a COMMIT would move."""
    cutter = LogCutter(database)
    for at in range(8):
        await write(database, at, 1, LONG)
        await cutter.move()
    assert (tmp_path / "bot.db-wal").stat().st_size < 2 * LONG * 4_096


async def test_a_log_that_a_reader_needs_goes_on_and_is_begun_anew_later(
    database: Database, tmp_path: Path
) -> None:
    cutter = LogCutter(database)
    await write(database, 0, 1, 10)
    reader = sqlite3.connect(tmp_path / "bot.db", isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM rejected_events").fetchone() == (1,)
    await write(database, 1, 1, LONG)
    await cutter.move()
    assert reader.execute("SELECT count(*) FROM rejected_events").fetchone() == (1,), "what it saw"
    await write(database, 2, 1, 10)
    _, pages, moved = await database.checkpoint(beside=True)
    assert moved < LONG < pages
    reader.close()
    await cutter.move()
    await write(database, 3, 1, 10)
    _, pages, _ = await database.checkpoint(beside=True)
    assert pages < 100


async def test_what_commits_change_sets_the_cutter_going(database: Database, tmp_path: Path) -> None:
    cutter = LogCutter(database)
    cutter.start(Supervisor())
    file = tmp_path / "bot.db"
    before = file.stat().st_size
    await write(database, 0, FIRST, LONG // 4)
    await until(lambda: file.stat().st_size - before >= LONG // 4 * 4_096)
    await cutter.stop()


async def test_few_rows_wait(database: Database) -> None:
    await write(database, 0, FIRST - 1, 100)
    assert not database.log_growth.is_much.is_set()
    await write(database, FIRST, 1, 1)
    assert database.log_growth.is_much.is_set()
