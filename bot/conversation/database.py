"""The database: connections to SQLite or PostgreSQL, and its schema."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock, Timeout
from sqlalchemy import Connection, event, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.installed import migrations_folder

#: How long SQLite waits for another process's lock before it says so; `bot.conversation.writer` then tries again.
SQLITE_BUSY_SECONDS = 2.0
#: The same for PostgreSQL, which would wait without end.
POSTGRESQL_LOCK_SECONDS = 5.0
#: KiB of an SQLite file in memory: for the connection that writes, and for each of the four that read. Together they
#: bound what a backlog costs in memory (`benchmarks/storm.py`); behind them there is the system's own cache.
WRITER_CACHE = 64 * 1024
READER_CACHE = 16 * 1024


#: What any use of the database may raise when it can't be reached, read or written. SQLite's driver is also spoken to
#: without SQLAlchemy, which would have put an error of its own around the driver's.
DATABASE_ERRORS = (DBAPIError, sqlite3.Error, OSError, TimeoutError)

#: What `Database.reading` gives, for those who only hand it on.
DatabaseConnection = AsyncConnection


def cause_of(error: BaseException) -> str:
    """What the driver said, without SQLAlchemy's words around it."""
    return str(getattr(error, "orig", None) or error)


class DatabaseInUse(Exception):
    """Another bot has this SQLite file open."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"Another `bot serve` is using {path}. Stop it first, or give this one its own BOT_DATABASE_URL;"
            " for several at once use PostgreSQL."
        )


class OldSchema(Exception):
    """The database's tables are not those that this version of the bot expects."""

    def __init__(self, found: str | None, expected: str | None) -> None:
        super().__init__(
            f"The database's schema is at revision {found or 'nothing'} and this version of the bot needs {expected}."
            " Run `bot db upgrade`, then start again."
        )


class Database:
    """Connections for one writer and many readers. Open it with `open`, end with `close`."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self.path: Path | None = None
        self._lock: FileLock | None = None
        if self.is_sqlite:
            self.path = Path(self._url.database or "data/bot.db")
            self._writer = self._sqlite_engine(WRITER_CACHE, pool_size=1, pool_reset_on_return=None)
            self._readers = self._sqlite_engine(READER_CACHE, pool_size=4)

            @event.listens_for(self._readers.sync_engine, "begin")
            def begin(connection: Connection) -> None:
                connection.exec_driver_sql("BEGIN")

        else:
            self._writer = self._readers = self._postgresql_engine()

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction that may change things. It commits at the end, or rolls back on an error."""
        async with self._writer.connect() as connection, connection.begin():
            if self.is_sqlite:
                # Straight to the driver: one trip to its thread in the place of three.
                driver: Any = (await connection.get_raw_connection()).driver_connection
                await driver.execute("BEGIN IMMEDIATE")
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction that sees one state of the database and changes nothing."""
        async with self._readers.connect() as connection:
            yield connection

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[AsyncConnection]:
        """A PostgreSQL session of its own, without a transaction: what it holds is free when it ends."""
        async with self._readers.connect() as connection:
            try:
                yield await connection.execution_options(isolation_level="AUTOCOMMIT")
            finally:
                await connection.invalidate()

    async def close(self) -> None:
        """Close every connection and let another process have the file."""
        await self._readers.dispose()
        await self._writer.dispose()
        if self._lock is not None:
            self._lock.release()

    def claim(self) -> None:
        """Take the SQLite file for this process; raises `DatabaseInUse`. PostgreSQL is for many: nothing to do."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{self.path}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise DatabaseInUse(self.path) from None
        self._lock = lock

    async def upgrade(self) -> None:
        """Apply the migrations that are pending."""
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        async with self.writing() as connection:
            await connection.run_sync(_upgrade)

    async def revision(self) -> str | None:
        """The revision of the schema; None before the first migration."""
        if self.path is not None and not self.path.exists():
            return None
        async with self.reading() as connection:
            return await connection.run_sync(lambda c: MigrationContext.configure(c).get_current_revision())

    async def check_schema(self) -> None:
        """Raise `OldSchema` unless every migration has been applied."""
        found = await self.revision()
        expected = ScriptDirectory.from_config(alembic_config()).get_current_head()
        if found != expected:
            raise OldSchema(found, expected)

    async def trouble(self) -> str | None:
        """Why the database can't be read just now; None when it can."""
        try:
            async with self.reading() as connection:
                await connection.execute(select(1))
        except DATABASE_ERRORS as error:
            return cause_of(error)
        return None

    def _sqlite_engine(self, cache: int, **pool: Any) -> AsyncEngine:
        url = self._url.set(database=str(self.path))
        engine = create_async_engine(
            url,
            **pool,
            max_overflow=0,
            # The driver's own transaction handling is off: we say BEGIN, and which kind.
            connect_args={"isolation_level": None, "timeout": SQLITE_BUSY_SECONDS},
            **_json(),
        )

        @event.listens_for(engine.sync_engine, "connect")
        def prepare(connection: Any, _record: Any) -> None:
            cursor = connection.cursor()
            # FULL: a commit is on the disk before Event Grid hears 200.
            for pragma in (
                "journal_mode=WAL",
                "synchronous=FULL",
                f"cache_size=-{cache}",
                "wal_autocheckpoint=16000",
            ):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        return engine

    def _postgresql_engine(self) -> AsyncEngine:
        return create_async_engine(
            self._url,
            pool_size=9,  # one is the session by which others see that this process lives
            max_overflow=4,
            pool_pre_ping=True,
            connect_args={"server_settings": {"lock_timeout": f"{POSTGRESQL_LOCK_SECONDS * 1_000:.0f}"}},
            **_json(),
        )


def alembic_config() -> Config:
    """Alembic's configuration, the same from a checkout and from an installed wheel."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config


def _upgrade(connection: Connection) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _json() -> dict[str, Any]:
    return {
        "json_serializer": lambda value: msgspec.json.encode(value).decode(),
        "json_deserializer": msgspec.json.decode,
    }
