"""The database: connections to SQLite or PostgreSQL, and its schema."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import structlog
from filelock import FileLock
from sqlalchemy.engine import make_url
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.outage import Outage
from bot.storage.background_readers import BackgroundReaders
from bot.storage.bulk import driver_of
from bot.storage.database_errors import (
    DATABASE_ERRORS,
    CommitInDoubt,
    DatabaseBusy,
    DatabaseInUse,
    DatabaseUnavailable,
    cause_of,
    is_broken_connection,
    is_trouble,
    spoils_connections,
    trouble_of,
)
from bot.storage.log_growth import LogGrowth
from bot.storage.pooler import check_sessions
from bot.storage.postgresql_engine import connection_of, postgresql_engine
from bot.storage.schema import check_encoding, check_newest, check_rights, revision_of, upgrade
from bot.storage.spoiled_connections import SpoiledConnections
from bot.storage.sqlite_connection import BEGIN
from bot.storage.sqlite_engine import (
    LOG_AT_REST,
    LONGEST_LOG,
    LOOKER_CACHE,
    READER_CACHE,
    SQLITE_BUSY_SECONDS,
    WRITER_CACHE,
    read_one_state,
    sqlite_engine,
)
from bot.storage.sqlite_file import LogLost, SqliteFile
from bot.storage.unfinished_restore import check_finished

#: Seconds without a failed read before a successful one ends the outage.
QUIET = 5.0
#: Seconds that a look whether it can be read may take.
LONGEST_LOOK = 10.0
#: Seconds of failing reads that pass without being shown in health.
_PASSING = 10.0

#: What `Database.reading` gives, for callers that only hand it on.
DatabaseConnection = AsyncConnection

__all__ = [
    "DATABASE_ERRORS", "Database", "DatabaseBusy", "DatabaseConnection", "DatabaseInUse", "DatabaseUnavailable",
    "cause_of",
]  # fmt: skip

log = structlog.get_logger(__name__)


class Database:
    """Connections for one writer and many readers. Open it with `open`, end with `close`."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self.path: Path | None = None
        self._lock: FileLock | None = None
        self._file: SqliteFile | None = None
        #: Transactions that are open, and whether all connections are being made anew.
        self._active = 0
        self._is_renewing = False
        self._spoiled = SpoiledConnections()
        #: The look of `trouble` that is under way: whoever asks meanwhile gets the same answer.
        self._looking: asyncio.Task[str | None] | None = None
        self.log_growth = LogGrowth()
        #: Reads that fail; logged only after `tell_outages`: a command reports them itself.
        self.reads = Outage(
            "The database can't be read",
            "The database can be read again",
            action="database_unreadable",
            quiet=QUIET,
            is_told=False,
        )
        #: Reads that found no connection free: the database is well, and has more to do than it can.
        self.busy = Outage(
            "Reads wait too long: every connection to the database is in use",
            "There are connections to the database for every read again",
            action="database_busy",
            quiet=QUIET,
            is_told=False,
        )
        if self.is_sqlite:
            self.path = Path(self._url.database or "data/bot.db")
            self._file = SqliteFile(self.path)
            self._writer = sqlite_engine(
                self._url, self._file, WRITER_CACHE, pool_size=1, pool_reset_on_return=None
            )
            self._readers = read_one_state(sqlite_engine(self._url, self._file, READER_CACHE, pool_size=4))
            self._looker = read_one_state(sqlite_engine(self._url, self._file, LOOKER_CACHE, pool_size=1))
        else:
            self._writer = postgresql_engine(self._url, pool_size=4, reads=False)
            # Three are sessions that last: that this process lives, its duties, its notices.
            self._readers = postgresql_engine(self._url, pool_size=10, reads=True)
            self._looker = postgresql_engine(self._url, pool_size=1, reads=True)
        for engine in self._engines:
            self._spoiled.replace_on(engine)
        #: For parts that look again and again.
        self.background = BackgroundReaders(self)
        #: On PostgreSQL a question of one statement needs no BEGIN and no ROLLBACK: two trips less.
        self._askers = (
            self._readers if self.is_sqlite else self._readers.execution_options(isolation_level="AUTOCOMMIT")
        )

    @property
    def _engines(self) -> tuple[AsyncEngine, AsyncEngine, AsyncEngine]:
        """For what is written, for what is read, and for whoever asks whether that can be."""
        return self._writer, self._readers, self._looker

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction that may change things. It commits at the end, or rolls back on an error.

        Raises `DatabaseUnavailable` for whatever is the database's trouble, and the driver's errors for the data's.
        """
        try:
            await self._enter()
            driver: Any = None  # SQLite's
            try:
                async with self._connected(self._writer) as connection, connection.begin():
                    if self.is_sqlite:
                        # Straight to the driver: with the first statement, in the place of a trip to its thread.
                        driver = driver_of(connection)
                        driver.postpone(BEGIN)
                    yield connection
                    self._check_file()
                if driver is None:
                    self._spoiled.end_trouble()
                else:
                    self.log_growth.note_commit(driver.total_changes)
                    self._check_commit()
            finally:
                self._active -= 1
        except Exception as error:
            if is_trouble(error) and not isinstance(error, DatabaseUnavailable):
                raise trouble_of(error) from error
            raise

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that sees one state of the database and changes nothing. Raises as `writing` does."""
        return self._reading(self._readers)

    def asking(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """The same for one question, or several that need not see the same state."""
        return self._reading(self._askers)

    def looking(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """As `reading`, over the connection of whoever asks how the bot is: it waits for nobody who reads much."""
        return self._reading(self._looker)

    @asynccontextmanager
    async def _reading(self, engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
        try:
            await self._enter()
            try:
                async with self._connected(engine) as connection:
                    yield connection
            finally:
                self._active -= 1
        except Exception as error:
            if not is_trouble(error):
                raise
            (self.busy if isinstance(error, PoolTimeout | DatabaseBusy) else self.reads).fail(cause_of(error))
            if isinstance(error, DatabaseUnavailable):
                raise
            raise trouble_of(error) from error
        self.reads.succeed()
        self.busy.succeed()

    def tell_outages(self) -> None:
        """Log from now on when reads begin to fail and when they succeed again."""
        self.reads.is_told = self.busy.is_told = True

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
        for engine in self._engines:
            await engine.dispose()
        if self._file is not None:
            self._file.close()
        if self._lock is not None:
            self._lock.release()

    def claim(self) -> None:
        """Take the SQLite file for this process; raises `DatabaseInUse`. PostgreSQL is for many: nothing to do."""
        if self._file is not None:
            self._lock = self._file.claim()

    async def upgrade(self) -> str | None:
        """Apply the migrations that are pending; the revision before them."""
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        async with self.writing() as connection:
            if not self.is_sqlite:  # a migration may think for long
                await connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            return await connection.run_sync(upgrade)

    async def revision(self) -> str | None:
        """The revision of the schema; None before the first migration."""
        if self.path is not None and not self.path.exists():
            return None
        async with self.reading() as connection:
            return await connection.run_sync(revision_of)

    async def check_schema(self) -> None:
        """Raise one of `SCHEMA_ERRORS` unless exactly the migrations of this version have been applied."""
        await check_sessions(self)
        if not self.is_sqlite:
            async with self.reading() as connection:
                await connection.run_sync(check_encoding)
        await check_finished(self)
        check_newest(await self.revision())

    async def trouble(self) -> str | None:
        """Why the database can't be read, or PostgreSQL can't be written, just now; None when it can.

        It is asked over a connection that nobody else uses, so that whoever reads much keeps no answer back.
        """
        if self._looking is None:
            self._looking = asyncio.create_task(self._find_trouble_in_time(), name="look at the database")
            self._looking.add_done_callback(self._end_look)
        return await asyncio.shield(self._looking)

    def _end_look(self, _ended: asyncio.Task[str | None]) -> None:
        self._looking = None

    async def _find_trouble_in_time(self) -> str | None:
        """The same for all that ask: a connection whose other end says nothing any more is given up for a new one."""
        try:
            async with asyncio.timeout(LONGEST_LOOK):
                return await self._find_trouble()
        except TimeoutError:
            return "the database does not answer"

    async def _find_trouble(self) -> str | None:
        try:
            try:
                await self._look()
            except DatabaseUnavailable as error:
                if not is_broken_connection(error.__cause__):
                    raise
                await self._look()  # over a new one, which says whether there is more to it
        except DATABASE_ERRORS as error:
            return cause_of(error)
        # Connections that broke all at once are made anew; a damaged page is met again and again, by some reads alone.
        return self.reads.cause if self.reads.length > _PASSING else None

    async def _look(self) -> None:
        async with self.looking() as connection:
            if self.is_sqlite:
                await connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")
            else:
                await check_rights(connection)

    async def probe(self) -> None:
        """Write something that changes nothing; raises `DatabaseUnavailable` when that is not possible."""
        async with self.writing() as connection:
            if self.is_sqlite:
                version = (await connection.exec_driver_sql("PRAGMA user_version")).scalar_one()
                await connection.exec_driver_sql(f"PRAGMA user_version = {version:d}")
            else:
                await check_rights(connection)
                await connection.exec_driver_sql("SELECT pg_current_xact_id()")  # so that there is a commit

    async def cut_log(self) -> bool:
        """Cut SQLite's write-ahead log, unless it has the usual length while much is written; whether it was cut."""
        if self._file is None or not self._file.is_open:
            return False
        longest = LOG_AT_REST if self.log_growth.was_slow() else LONGEST_LOG
        try:
            size = self._file.log.stat().st_size
        except OSError:
            return False
        if size <= longest:
            return False
        # Most of it is moved beside the writer; only the rest, and the cut, hold it up.
        await self.checkpoint(beside=True)
        busy, _, _ = await self.checkpoint("TRUNCATE")
        return not busy

    async def checkpoint(self, how: str = "PASSIVE", *, beside: bool = False) -> tuple[int, int, int]:
        """Move SQLite's log to the file while this process doesn't write, or `beside` its writer: see `_checkpoint`."""
        ((busy, pages, moved),) = await self.order(f"PRAGMA wal_checkpoint({how})", beside=beside)
        return busy, pages, moved

    async def order(self, statement: str, *, beside: bool = False) -> list[tuple[Any, ...]]:
        """Have SQLite do what is no part of a transaction, over the writer's connection, or over one `beside` it."""
        await self._enter()
        try:
            return await self._order(self._readers if beside else self._writer, statement)
        finally:
            self._active -= 1

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
        """A connection that is thrown away, with all that were made before, after an error that may stick to it."""
        try:
            async with AsyncExitStack() as stack:
                connection = await connection_of(engine, waits=engine is not self._looker)
                stack.push_async_exit(connection)
                try:
                    yield connection
                except Exception as error:
                    if is_trouble(error) and spoils_connections(error):
                        with suppress(Exception):
                            await connection.invalidate()
                    raise
        except Exception as error:
            if is_trouble(error) and spoils_connections(error):
                self._spoiled.spoil()
            raise

    async def _enter(self) -> None:
        """Count a transaction in; raises `DatabaseUnavailable` when the SQLite file is not what it was."""
        if self._file is not None:
            if self._is_renewing:
                raise DatabaseUnavailable("all connections are being made anew")
            try:
                self._file.check()
            except LogLost as lost:
                if self._active:
                    raise
                await self._renew(lost)
        self._active += 1

    def _check_file(self) -> None:
        if self._file is not None:
            self._file.check()

    def _check_commit(self) -> None:
        """What was committed into a file that is not in its place any more must not be taken for stored."""
        try:
            self._check_file()
        except DatabaseUnavailable as error:
            raise CommitInDoubt(str(error)) from error

    async def _renew(self, lost: LogLost) -> None:
        """Save a log that has lost its name: its content goes to the database's file, then all is opened anew.

        Nobody may use a connection meanwhile: an old one and a new one would each have a log of its own.
        """
        self._is_renewing = True
        try:
            for engine in self._engines:
                if engine.pool.checkedin():  # type: ignore[attr-defined]  # SQLAlchemy's base class has no such method
                    busy, frames, done = await self._checkpoint(engine, "PASSIVE")
                    if busy or frames != done:
                        raise DatabaseUnavailable(f"{lost}; another program still reads from it")
                    break
            for engine in self._engines:
                await engine.dispose()
        finally:
            self._is_renewing = False
        log.error(
            "SQLite's log was deleted or replaced; its content was saved to the database",
            action="sqlite_log_saved",
            cause=str(lost),
        )

    async def _checkpoint(self, engine: AsyncEngine, how: str) -> tuple[int, int, int]:
        """Move SQLite's log to the database's file, waiting for nobody: was it kept, frames in it, frames moved."""
        ((busy, frames, done),) = await self._order(engine, f"PRAGMA wal_checkpoint({how})")
        return busy, frames, done

    async def _order(self, engine: AsyncEngine, statement: str) -> list[tuple[Any, ...]]:
        async with self._connected(engine) as connection:
            # To the driver: SQLAlchemy would begin a transaction, in which there is no checkpoint.
            driver: Any = (await connection.get_raw_connection()).driver_connection
            # All that it answers is fetched: a statement in progress would be in the way.
            await driver.execute_fetchall("PRAGMA busy_timeout=0")
            try:
                return list(await driver.execute_fetchall(statement))
            finally:
                await driver.execute_fetchall(f"PRAGMA busy_timeout={SQLITE_BUSY_SECONDS * 1_000:.0f}")
