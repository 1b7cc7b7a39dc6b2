"""aiosqlite's connection, with fewer trips to its thread, and whose file is closed whatever becomes of its opening.

A trip and back takes both threads 60 to 100 µs together, more than most statements. What gives no result therefore
travels with the next statement that does, or with the COMMIT: a transaction of messages makes 7 trips, not 15.

Of these, six are spared: up to its COMMIT, which waits for the disk, a transaction reads and writes pages that are
nearly always in memory, and its BEGIN finds that nobody else writes. On the event loop's own thread that takes less
than a trip does, and nobody waits for Python's lock, which Python's driver lets go of at each row: on a busy machine
500 texts a second were answered in 18 ms in the place of 31 (the median, `benchmarks/HISTORY.md`). Many rows are
written a part at a time, and whatever else the loop has to do is done in between.

Whoever is cancelled just when the file has been opened leaves it, in aiosqlite, to the garbage collector: a descriptor
stays open, and Python 3.13 warns of it. And an answer to somebody whose event loop has ended meanwhile, as after a
cancelled `close`, ends aiosqlite's thread by an exception that nobody catches.
"""

import asyncio
import math
import sqlite3
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from functools import partial
from threading import Lock, Thread
from time import monotonic, perf_counter, sleep
from typing import Any

import aiosqlite

from bot.storage.sqlite_cursor import SqliteCursor

#: Begins a transaction that writes.
BEGIN = "BEGIN IMMEDIATE"
#: Begins one that reads.
BEGIN_READING = "BEGIN"
#: Rows that aiosqlite fetches at a time; its own default.
_CHUNK = 64
#: Keys to look up, and rows to write in one go, that the event loop has time for: some 5 µs each.
_FEW = 256
#: Seconds. Statements that took longer than the first, and for which something was read from the disk, wait for it; so
#: do those that took longer than the second, whatever the system says of the disk. Without a look at what was read, a
#: loop that had to wait for a processor went to the thread all the same, and took 8 % more of it.
_LONG = 0.005
_LONG_IN_ANY_CASE = 0.05
#: How many times as long the next ones are the thread's, and for how many seconds at most: so the event loop waits for
#: the disk for a fortieth of its time. With 10 s from the first time on, one page that was read cost batches of 500 a
#: quarter (`benchmarks/HISTORY.md`).
_TIMES_AS_LONG = 40
_LONGEST_IN_THREAD = 10.0
#: Seconds between two tries to set a pragma while another connection holds the file.
_AGAIN = 0.01

if sys.platform == "linux":
    from resource import RUSAGE_THREAD, getrusage

    def _blocks_read() -> int | None:
        """Blocks that the calling thread has had read from a disk so far."""
        return getrusage(RUSAGE_THREAD).ru_inblock

else:

    def _blocks_read() -> int | None:
        """Nobody knows here."""
        return None


class SqliteConnection(aiosqlite.Connection):
    """Await it to open the file that `connector` opens, in a thread of the connection's own."""

    def __init__(
        self,
        connector: Callable[[], sqlite3.Connection],
        timer: Callable[[], float] = perf_counter,
        blocks_read: Callable[[], int | None] = _blocks_read,
        busy_seconds: float = 5.0,
    ) -> None:
        """`timer`: what statements on the event loop's thread are timed by, in seconds.

        `blocks_read`: how many blocks that thread has had read from a disk so far; None where nobody knows.
        `busy_seconds`: for how long the file that `connector` opens waits for another connection's lock.
        """
        self._wait_for_locks = f"PRAGMA busy_timeout={busy_seconds * 1_000:.0f}"
        self._make = connector
        self._timer = timer
        self._blocks_read = blocks_read
        self._blocks_before = blocks_read()
        self._in_thread_until = -math.inf
        self._lock = Lock()
        self._file: sqlite3.Connection | None = None
        self._is_given_up = False
        #: Statements that are yet to be executed, in their order, with the rows of each; None: without parameters.
        self._postponed: list[tuple[str, Sequence[Sequence[Any]] | None]] = []
        #: Whether the transaction that was begun last only reads: to end it takes less than a trip.
        self._only_reads = False
        #: Whoever waited for the last statement has given up: the thread may still be at it.
        self._is_left_alone = False
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

    async def create_function(self, *args: Any, **kwargs: Any) -> None:
        """Give the file a function of SQL's; SQLAlchemy does, twice for each connection, before it is used."""
        self._conn.create_function(*args, **kwargs)

    def cursor(self) -> SqliteCursor:  # type: ignore[override]  # as SQLAlchemy asks it of a driver
        """A cursor for SQLAlchemy."""
        return SqliteCursor(self._execute, self._new_cursor)

    def postpone(self, sql: str, rows: Sequence[Sequence[Any]] | None = None) -> None:
        """Execute a statement, once for each row, before whatever comes next; its errors are raised there.

        They bear the statement as a note. A rollback drops what is postponed.
        """
        if sql in (BEGIN, BEGIN_READING):
            self._only_reads = sql == BEGIN_READING
        self._postponed.append((sql, rows))

    async def flush(self) -> None:
        """Execute what is postponed now."""
        if self._postponed:
            await self._execute(_nothing)

    async def look_up(self, sql: str, parameters: Sequence[Any], *, keys: int) -> Sequence[Any]:
        """All rows of a SELECT that finds each of so many keys by an index."""
        rows: Sequence[Any]
        await self._catch_up_here()
        if keys <= _FEW and not self._postponed and self._may_run_here():
            rows = self._run_here(partial(self._execute_fetchall, sql, parameters))
        else:
            rows = await self._execute(self._execute_fetchall, sql, parameters)
        return rows

    async def commit(self) -> None:
        """Commit, with all that is postponed; where either fails the transaction is rolled back."""
        try:
            await self._catch_up_here()
        except BaseException:
            self._postponed.clear()
            await self._travel(self._roll_back)
            raise
        postponed, self._postponed = self._postponed, []
        await self._travel(self._commit, postponed)

    async def rollback(self) -> None:
        """Roll back, if there is anything to roll back."""
        self._postponed.clear()
        if self._only_reads and not self._is_left_alone:
            self._conn.rollback()
        elif self._is_left_alone or self._conn.in_transaction:
            await self._travel(self._conn.rollback)

    async def execute_all(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> list[int]:
        """Execute these in one trip to the thread; how many rows each has changed."""

        def execute() -> list[int]:
            return [self._conn.execute(sql, parameters).rowcount for sql, parameters in statements]

        counts: list[int] = await self._execute(execute)
        return counts

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not self._postponed:
            return await self._travel(fn, *args, **kwargs)
        postponed, self._postponed = self._postponed, []
        return await self._travel(self._catch_up, postponed, partial(fn, *args, **kwargs))

    def _may_run_here(self) -> bool:
        """Whether a short statement may be executed on the event loop's own thread."""
        return self._conn.in_transaction and self._is_warm()

    def _is_warm(self) -> bool:
        return not self._is_left_alone and self._timer() >= self._in_thread_until

    async def _catch_up_here(self) -> None:
        """Execute what is postponed on the event loop's own thread, as far as it may be, a few rows at a time."""
        if self._postponed and self._postponed[0] == (BEGIN, None) and self._is_warm():
            self._run_here(self._begin)
        while self._postponed and self._may_run_here():
            self._run_here(partial(self._catch_up, self._take_few(), _nothing))
            if self._postponed:
                await asyncio.sleep(0)

    def _begin(self) -> None:
        """Begin the transaction that is postponed, unless another connection writes: the thread waits for that."""
        self._conn.execute("PRAGMA busy_timeout=0").close()
        try:
            self._conn.execute(BEGIN).close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                error.add_note(f"while executing {BEGIN}")
                raise
        else:
            del self._postponed[0]
        finally:
            self._conn.execute(self._wait_for_locks).close()

    def _take_few(self) -> list[tuple[str, Sequence[Sequence[Any]] | None]]:
        """What is postponed first, no more than a few rows of it."""
        taken: list[tuple[str, Sequence[Sequence[Any]] | None]] = []
        room = _FEW
        while self._postponed and room > 0:
            sql, rows = self._postponed[0]
            if rows is not None and len(rows) > room:
                taken.append((sql, rows[:room]))
                self._postponed[0] = sql, rows[room:]
                break
            taken.append(self._postponed.pop(0))
            room -= 1 if rows is None else len(rows)
        return taken

    def _run_here(self, fn: Callable[[], Any]) -> Any:
        """Do this without a trip."""
        began = self._timer()
        try:
            return fn()
        finally:
            ended = self._timer()
            if ended - began > _LONG and self._has_waited_for_disk(ended - began):
                self._in_thread_until = ended + min((ended - began) * _TIMES_AS_LONG, _LONGEST_IN_THREAD)

    def _has_waited_for_disk(self, seconds: float) -> bool:
        """Whether statements that took so long have; what the thread has read for others since the last look counts."""
        before, self._blocks_before = self._blocks_before, self._blocks_read()
        return seconds > _LONG_IN_ANY_CASE or before is None or before != self._blocks_before

    async def _travel(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """One trip to the thread."""
        self._is_left_alone = True
        result = await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]  # aiosqlite's own
        self._is_left_alone = False
        return result

    def _catch_up(
        self, postponed: Sequence[tuple[str, Sequence[Sequence[Any]] | None]], fn: Callable[[], Any]
    ) -> Any:
        """Execute what was postponed, then this."""
        for sql, rows in postponed:
            try:
                if rows is None:
                    self._conn.execute(sql)
                else:
                    self._conn.executemany(sql, rows)
            except sqlite3.Error as error:
                error.add_note(f"while executing {sql}")
                raise
        return fn()

    def _commit(self, postponed: Sequence[tuple[str, Sequence[Sequence[Any]] | None]]) -> None:
        try:
            self._catch_up(postponed, self._conn.commit)
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        """SQLAlchemy takes a transaction whose COMMIT failed for ended."""
        with suppress(sqlite3.Error):
            self._conn.rollback()

    def _new_cursor(self) -> sqlite3.Cursor:
        return self._conn.cursor()

    def _open(self) -> sqlite3.Connection:
        file = self._make()
        with self._lock:
            if self._is_given_up:
                file.close()
            else:
                self._file = file
        self._opened.append(file)
        return file


def _nothing() -> None:
    pass


def _work(work: Callable[[], None], opened: Sequence[sqlite3.Connection]) -> None:
    """Do what is asked of a connection, in its thread, until it is closed."""
    try:
        work()
    except RuntimeError:  # the event loop of whoever waited has ended, so nobody uses the file any more
        for file in opened:
            file.close()


def _set(file: sqlite3.Connection, pragma: str, until: float) -> None:
    """Set a pragma. SQLite's own timeout does not hold for `journal_mode=WAL`: two that set it at once get "locked"."""
    while True:
        try:
            file.execute(f"PRAGMA {pragma}").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() >= until:
                raise
            sleep(_AGAIN)
        else:
            return


def open_sqlite(database: str, pragmas: Sequence[str] = (), **options: Any) -> SqliteConnection:
    """A connection as `sqlite3.connect` makes it, yet to be awaited; each of `pragmas` is set when it is open.

    The driver's own transaction handling is off: we say BEGIN, and which kind. So is its check that one thread alone
    uses it: two do, in turn.
    """
    given = options | {"isolation_level": None, "check_same_thread": False}
    seconds = options.get("timeout", 5.0)  # as sqlite3 has it

    def connect() -> sqlite3.Connection:
        file: sqlite3.Connection = sqlite3.connect(database, **given)
        try:
            for pragma in pragmas:
                _set(file, pragma, until=monotonic() + seconds)
        except BaseException:
            file.close()
            raise
        return file

    return SqliteConnection(connect, busy_seconds=seconds)
