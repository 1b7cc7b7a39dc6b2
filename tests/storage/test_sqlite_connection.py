"""An SQLite file that is opened while whoever opens it is cancelled, or asked by somebody who is gone."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest

from bot.storage.sqlite_connection import SqliteConnection, _blocks_read, open_sqlite


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


@pytest.fixture
async def notes(tmp_path: Path) -> AsyncIterator[SqliteConnection]:
    """A connection to a file with a table."""
    connection = open_sqlite(str(tmp_path / "a.db"))
    await connection
    await connection.execute("CREATE TABLE notes (n INTEGER PRIMARY KEY)")
    yield connection
    await connection.close()


async def kept(tmp_path: Path) -> list[int]:
    """What another connection sees."""
    with closing(sqlite3.connect(tmp_path / "a.db")) as other:
        return [n for (n,) in other.execute("SELECT n FROM notes ORDER BY n")]


async def test_what_is_postponed_comes_before_what_follows(notes: SqliteConnection, tmp_path: Path) -> None:
    notes.postpone("BEGIN IMMEDIATE")
    notes.postpone("INSERT INTO notes VALUES (?)", [(1,), (2,)])
    notes.postpone("UPDATE notes SET n = n + ? WHERE n = ?", [(10, 1)])
    assert await kept(tmp_path) == []
    assert list(await notes.execute_fetchall("SELECT n FROM notes ORDER BY n")) == [(2,), (11,)]
    notes.postpone("INSERT INTO notes VALUES (?)", [(3,)])
    await notes.commit()
    assert await kept(tmp_path) == [2, 3, 11]


async def test_a_rollback_drops_what_is_postponed(notes: SqliteConnection, tmp_path: Path) -> None:
    notes.postpone("BEGIN IMMEDIATE")
    notes.postpone("INSERT INTO notes VALUES (?)", [(1,)])
    await notes.flush()
    notes.postpone("INSERT INTO notes VALUES (?)", [(2,)])
    await notes.rollback()
    await notes.commit()
    assert await kept(tmp_path) == []


async def test_all_but_long_look_ups_and_the_commit_is_done_on_the_event_loop(
    notes: SqliteConnection,
) -> None:
    threads: list[int] = []

    def note() -> int:
        threads.append(threading.get_ident())
        return 1

    await notes.create_function("thread", 0, note)
    assert list(await notes.look_up("SELECT thread()", (), keys=1)) == [(1,)]
    notes.postpone("BEGIN IMMEDIATE")
    for keys in (1, 1, 1_000):
        assert list(await notes.look_up("SELECT thread()", (), keys=keys)) == [(1,)]
    notes.postpone("INSERT INTO notes VALUES (thread())")
    await notes.look_up("SELECT thread()", (), keys=1_000)
    notes.postpone("INSERT INTO notes VALUES (1 + thread())")
    await notes.commit()
    here = threading.get_ident()
    assert [each == here for each in threads] == [False, True, True, False, True, False, True]


async def test_the_thread_waits_where_somebody_else_writes(notes: SqliteConnection, tmp_path: Path) -> None:
    """Nobody else of the event loop does, and what is waited for is as long as before."""
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        notes.postpone("BEGIN IMMEDIATE")
        notes.postpone("INSERT INTO notes VALUES (?)", [(1,)])
        commit = asyncio.create_task(notes.commit())
        for _ in range(10):
            await asyncio.sleep(0)
        assert not commit.done()
        assert not notes.in_transaction
        other.execute("COMMIT")
        await commit
    assert await kept(tmp_path) == [1]
    assert list(await notes.execute_fetchall("PRAGMA busy_timeout")) == [(5_000,)]


async def test_who_waits_too_long_for_another_is_told(tmp_path: Path) -> None:
    notes = await open_sqlite(str(tmp_path / "a.db"), timeout=0.05)
    await notes.execute("CREATE TABLE notes (n INTEGER PRIMARY KEY)")
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(2):
            notes.postpone("BEGIN IMMEDIATE")  # type: ignore[attr-defined]
            with pytest.raises(sqlite3.OperationalError, match="locked") as caught:
                await notes.look_up("SELECT 1", (), keys=1)  # type: ignore[attr-defined]
            assert caught.value.__notes__ == ["while executing BEGIN IMMEDIATE"]
            assert not notes.in_transaction
    await notes.close()


async def test_connections_that_open_a_file_without_a_log_at_once_wait_for_each_other(tmp_path: Path) -> None:
    """Each gives it one, and SQLite waits for nobody then: in one of some twenty rounds it refused one of eight."""
    for number in range(80):
        path = str(tmp_path / f"{number}.db")
        with closing(sqlite3.connect(path)) as file:
            file.execute("CREATE TABLE notes (n INTEGER PRIMARY KEY)")
        opening = [open_sqlite(path, ["journal_mode=WAL"]) for _ in range(8)]
        for connection in await asyncio.gather(*opening):
            assert list(await connection.execute_fetchall("SELECT n FROM notes")) == []
            await connection.close()


@pytest.mark.parametrize("at_commit", [False, True])
async def test_many_rows_are_written_on_the_event_loop_with_turns_for_others(
    notes: SqliteConnection, tmp_path: Path, *, at_commit: bool
) -> None:
    done: list[int | str] = []

    def note(n: int) -> int:
        done.append(n if threading.get_ident() == here else "in the thread")
        return n

    here = threading.get_ident()
    await notes.create_function("noted", 1, note)
    notes.postpone("BEGIN IMMEDIATE")
    await notes.flush()
    notes.postpone("INSERT INTO notes VALUES (noted(?))", [(n,) for n in range(600)])
    notes.postpone("INSERT INTO notes VALUES (noted(600))")
    asyncio.get_running_loop().call_soon(done.append, "another's turn")
    if not at_commit:
        assert list(await notes.look_up("SELECT max(n) FROM notes", (), keys=1)) == [(600,)]
    await notes.commit()
    turn = done.index("another's turn")
    assert 0 < turn < 600
    assert done[:turn] + done[turn + 1 :] == list(range(601))
    assert await kept(tmp_path) == list(range(601))


async def test_rows_are_left_to_the_thread_once_some_have_waited_for_the_disk(tmp_path: Path) -> None:
    now = 100.0
    here = threading.get_ident()
    are_here: list[bool] = []

    def note(n: int) -> int:
        nonlocal now
        now += 0.06 if n == 300 else 0.0
        are_here.append(threading.get_ident() == here)
        return n

    notes = SqliteConnection(
        partial(sqlite3.connect, tmp_path / "a.db", isolation_level=None, check_same_thread=False),
        timer=lambda: now,
    )
    await notes
    await notes.execute("CREATE TABLE notes (n INTEGER PRIMARY KEY)")
    await notes.create_function("noted", 1, note)
    notes.postpone("BEGIN IMMEDIATE")
    await notes.flush()
    notes.postpone("INSERT INTO notes VALUES (noted(?))", [(n,) for n in range(1_000)])
    await notes.commit()
    assert await kept(tmp_path) == list(range(1_000))
    await notes.close()
    assert are_here[:301] == [True] * 301
    assert are_here[-200:] == [False] * 200


async def test_a_commit_whose_rows_fail_leaves_nothing_to_be_executed_later(
    notes: SqliteConnection, tmp_path: Path
) -> None:
    notes.postpone("BEGIN IMMEDIATE")
    await notes.flush()
    notes.postpone("INSERT INTO notes VALUES (?)", [(1,), (1,)])
    notes.postpone("INSERT INTO notes VALUES (?)", [(n,) for n in range(2, 1_000)])
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        await notes.commit()
    notes.postpone("BEGIN IMMEDIATE")
    notes.postpone("INSERT INTO notes VALUES (?)", [(7,)])
    await notes.commit()
    assert await kept(tmp_path) == [7]


@pytest.mark.parametrize(
    ("took", "read", "is_left_to_the_thread"),
    [
        (0.006, 1, True),  # it waited for the disk
        (0.006, 0, False),  # it waited for a processor, or for Python's lock
        (0.06, 0, True),  # whatever it was
        (0.006, None, True),  # nobody knows
        (0.004, 1, False),
    ],
)
async def test_what_waited_for_the_disk_on_the_event_loop_is_left_to_the_thread_for_a_while(
    tmp_path: Path, took: float, read: int | None, *, is_left_to_the_thread: bool
) -> None:
    now, blocks = 100.0, None if read is None else 8
    threads: list[int] = []

    def note() -> int:
        nonlocal now, blocks
        now += took
        blocks = None if blocks is None else blocks + (read or 0)
        threads.append(threading.get_ident())
        return 1

    notes = SqliteConnection(
        partial(sqlite3.connect, tmp_path / "a.db", isolation_level=None, check_same_thread=False),
        timer=lambda: now,
        blocks_read=lambda: blocks,
    )
    await notes
    await notes.create_function("note", 0, note)
    notes.postpone("BEGIN")
    await notes.flush()
    for wait in (0.0, 0.0, 35 * took, 5 * took, 0.0):
        now += wait
        await notes.look_up("SELECT note()", (), keys=1)
    await notes.close()
    here = threading.get_ident()
    away = not is_left_to_the_thread
    assert [each == here for each in threads] == [True, away, away, True, away]


def test_what_is_read_from_the_disk_is_seen() -> None:
    before = _blocks_read()
    if before is None:
        pytest.skip("this system does not say what was read from the disk")
    with Path(sqlite3.__file__).open("rb") as file:  # the tests' own files may lie in memory
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        try:
            os.preadv(file.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT)
        except BlockingIOError:  # it has to come from the disk
            file.read()
            assert (_blocks_read() or 0) > before
        else:
            pytest.skip("this file stays in memory")


@pytest.mark.parametrize("at_commit", [False, True])
async def test_what_fails_is_named_and_leaves_no_transaction(
    notes: SqliteConnection, tmp_path: Path, *, at_commit: bool
) -> None:
    notes.postpone("BEGIN IMMEDIATE")
    notes.postpone("INSERT INTO notes VALUES (?)", [(1,)])
    notes.postpone("INSERT INTO notes VALUES (?) --  the second", [(2,), (1,)])
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE") as caught:
        await (notes.commit() if at_commit else notes.flush())
    assert caught.value.__notes__ == ["while executing INSERT INTO notes VALUES (?) --  the second"]
    if not at_commit:
        await notes.rollback()
    assert not notes.in_transaction
    assert await kept(tmp_path) == []


async def test_a_commit_that_fails_itself_leaves_no_transaction(
    notes: SqliteConnection, tmp_path: Path
) -> None:
    """SQLAlchemy, which takes the transaction for ended, would roll nothing back."""
    for statement in (
        "PRAGMA foreign_keys=ON",
        "CREATE TABLE others (n INTEGER REFERENCES notes DEFERRABLE INITIALLY DEFERRED)",
    ):
        await notes.execute(statement)
    notes.postpone("BEGIN IMMEDIATE")
    notes.postpone("INSERT INTO others VALUES (?)", [(7,)])
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        await notes.commit()
    assert not notes.in_transaction


async def test_who_gives_up_while_a_statement_runs_rolls_it_back(notes: SqliteConnection) -> None:
    """The thread may begin the transaction only after whoever wanted it has gone."""
    may_go_on = threading.Event()
    notes._tx.put_nowait((None, may_go_on.wait))
    notes.postpone("BEGIN IMMEDIATE")
    statement = asyncio.create_task(notes.flush())
    await asyncio.sleep(0)
    statement.cancel()
    with suppress(asyncio.CancelledError):
        await statement
    assert not notes.in_transaction
    rollback = asyncio.create_task(notes.rollback())
    may_go_on.set()
    await rollback
    assert not notes.in_transaction
    notes.postpone("BEGIN IMMEDIATE")
    await notes.commit()


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
