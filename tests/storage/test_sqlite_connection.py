"""An SQLite file that is opened while whoever opens it is cancelled, or asked by somebody who is gone."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from bot.storage.sqlite_connection import SqliteConnection, open_sqlite


def is_usable(file: sqlite3.Connection) -> bool:
    try:
        file.execute("SELECT 1").close()
    except sqlite3.ProgrammingError:
        return False
    return True


async def test_a_connection_reads_and_is_closed(tmp_path: Path) -> None:
    connection = await open_sqlite(str(tmp_path / "a.db"))
    async with connection.execute("SELECT 1") as cursor:
        assert await cursor.fetchall() == [(1,)]
    await connection.close()


@pytest.mark.parametrize("passes", [0, 1, 2, 3])
async def test_a_file_is_closed_whenever_its_opening_is_cancelled(tmp_path: Path, passes: int) -> None:
    """`passes` of the event loop after the file was opened in its thread, or before that."""
    loop = asyncio.get_running_loop()
    opened: list[sqlite3.Connection] = []
    is_open = asyncio.Event()

    def connector() -> sqlite3.Connection:
        opened.append(sqlite3.connect(tmp_path / "a.db", check_same_thread=False))
        loop.call_soon_threadsafe(is_open.set)
        return opened[0]

    connection = SqliteConnection(connector)

    async def connect() -> None:
        await connection
        await connection.close()

    task = asyncio.create_task(connect())
    await is_open.wait()
    for _ in range(passes):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await asyncio.to_thread(connection._thread.join)
    assert not is_usable(opened[0])


async def test_a_file_that_is_opened_after_the_cancellation_is_closed(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    opened: list[sqlite3.Connection] = []
    may_open, has_begun = asyncio.Event(), asyncio.Event()

    def connector() -> sqlite3.Connection:
        loop.call_soon_threadsafe(has_begun.set)
        asyncio.run_coroutine_threadsafe(may_open.wait(), loop).result()
        opened.append(sqlite3.connect(tmp_path / "a.db", check_same_thread=False))
        return opened[0]

    connection = SqliteConnection(connector)

    async def connect() -> None:
        await connection

    task = asyncio.create_task(connect())
    await has_begun.wait()
    task.cancel()
    await asyncio.wait([task])
    may_open.set()
    await asyncio.to_thread(connection._thread.join)
    assert not is_usable(opened[0])


@pytest.mark.parametrize("is_asked_more", [False, True])
def test_the_thread_ends_quietly_when_an_answer_comes_after_its_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_asked_more: bool
) -> None:
    uncaught: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", uncaught.append)
    may_answer = threading.Event()
    opened: list[sqlite3.Connection] = []

    def connector() -> sqlite3.Connection:
        opened.append(sqlite3.connect(tmp_path / "a.db", check_same_thread=False))
        return opened[0]

    async def leave() -> SqliteConnection:
        connection = SqliteConnection(connector)
        await connection
        connection._tx.put_nowait((None, may_answer.wait))
        if is_asked_more:
            connection._tx.put_nowait((asyncio.get_running_loop().create_future(), opened[0].commit))
        connection.stop()
        return connection

    connection = asyncio.run(leave())
    may_answer.set()
    connection._thread.join()
    connection._connection = None  # closed by the thread
    assert uncaught == []
    assert not is_usable(opened[0])
