"""Connections to SQLite: for the one that writes, for those that read, and for whoever asks whether it can be read."""

from typing import Any

from sqlalchemy import URL, Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.storage.sql import ENGINE_OPTIONS
from bot.storage.sqlite_connection import BEGIN_READING, open_sqlite
from bot.storage.sqlite_file import SqliteFile

#: How long SQLite waits for another process's lock before it says so; `bot.storage.writer` then tries again.
SQLITE_BUSY_SECONDS = 2.0
#: KiB of an SQLite file in memory: for the connection that writes, and for each of the four that read. Together they
#: bound what a backlog costs in memory (`benchmarks/storm.py`); behind them there is the system's own cache.
WRITER_CACHE = 32 * 1024
READER_CACHE = 16 * 1024
#: The same for the one that asks only whether the file can be read.
LOOKER_CACHE = 64
#: Pages of SQLite's write-ahead log, 64 MiB, after which it is begun anew, unless a reader still needs it.
LOG_PAGES = 16_000
#: Bytes. A longer log is cut as soon as no reader needs it, one longer than `LOG_AT_REST` when little is written.
LONGEST_LOG = (LOG_PAGES + LOG_PAGES // 4) * 4096
LOG_AT_REST = 4 * 1024 * 1024
#: Seconds that a read waits for a connection.
POOL_SECONDS = 10.0


def sqlite_engine(url: URL, file: SqliteFile, cache: int, **pool: Any) -> AsyncEngine:
    """A pool of connections to the file of `url`, each with a cache of so many KiB; `pool` is for SQLAlchemy."""
    pragmas = (
        "journal_mode=WAL",
        # A commit is on the disk before Event Grid hears 200.
        "synchronous=FULL",
        f"cache_size=-{cache}",
        f"wal_autocheckpoint={LOG_PAGES}",
        f"journal_size_limit={LONGEST_LOG}",
        # What is deleted or overwritten is not left in the file: `bot forget` promises it.
        "secure_delete=ON",
    )
    engine = create_async_engine(
        url.set(database=str(file.path)),
        **pool,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        connect_args={"timeout": SQLITE_BUSY_SECONDS, "pragmas": pragmas, "async_creator_fn": open_sqlite},
        **ENGINE_OPTIONS,
    )

    @event.listens_for(engine.sync_engine, "do_connect")
    def find(_dialect: Any, _record: Any, arguments: list[Any], named: dict[str, Any]) -> None:
        if file.is_open:
            file.check()
            # Never make a file in the place of one that is gone.
            arguments[:] = [f"{file.path.resolve().as_uri()}?mode=rw"]
            named["uri"] = True

    @event.listens_for(engine.sync_engine, "connect")
    def note_open(_connection: Any, _record: Any) -> None:
        file.note_open()
        file.check()

    @event.listens_for(engine.sync_engine, "close")
    def note_close(_connection: Any, _record: Any) -> None:
        file.note_close()

    return engine


def read_one_state(engine: AsyncEngine) -> AsyncEngine:
    """The same engine, whose transactions see the file as it was at their first statement."""

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        driver.postpone(BEGIN_READING)

    return engine
