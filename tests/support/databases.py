"""Databases to test on: migrated files of SQLite, and databases of a real PostgreSQL."""

import asyncio
import contextlib
import functools
import itertools
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, TypeVar

import pytest
from filelock import FileLock
from sqlalchemy.engine import make_url

from bot.storage.database import Database
from tests.support.postgresql import housekeeper, shared_server
from tests.support.properties import in_turn
from tests.support.runs import run_folder

Kind = Literal["sqlite", "postgresql"]
Test = TypeVar("Test", bound=Callable[..., Any])
KINDS: tuple[Kind, ...] = ("sqlite", "postgresql")

TEMPLATE = "template_bot"
#: What a test may change of a database beside its rows. One that is no longer as it was made is not lent again, and
#: neither is one that has grown: its dead rows would slow down whoever has it next.
FINGERPRINT = """
SELECT CASE WHEN pg_database_size(current_database()) < 30e6 THEN md5(string_agg(fact, ',' ORDER BY fact)) END FROM (
    SELECT concat_ws(' ', relname, relkind, relnatts, relacl) AS fact
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', tgname, tgenabled) FROM pg_trigger
    UNION ALL SELECT concat_ws(' ', conname, contype, conkey, confrelid, conbin) FROM pg_constraint
    UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT setconfig::text FROM pg_db_role_setting AS setting, pg_database AS one
        WHERE setdatabase = one.oid AND datname = current_database()
    UNION ALL SELECT 'revision ' || version_num FROM alembic_version
) AS facts
"""
#: All rows but the number of the schema, and whoever is still connected.
#: `notes` is what the tests of the writer make beside the bot's tables: without it, theirs are as they were made.
EMPTY = """
SET client_min_messages = error;
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
SET session_replication_role = replica;
DROP TABLE IF EXISTS notes;
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
        AND pg_relation_size(oid) > 0
    LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
END $$;
SELECT count(setval(oid::regclass, 1, false)) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'S';
"""


def kinds_for(test: Callable[..., Any]) -> list[Kind]:
    """One kind of database: SQLite for about every second test, PostgreSQL for the others; in `make search` both.

    For tests of what is said or decided over statements that others try on both kinds.
    """
    return list(in_turn(KINDS, zlib.crc32(f"{test.__module__}.{test.__name__}".encode()), len(KINDS)))


def kinds_in_turn(test: Test) -> Test:
    """Mark a test to have a `database_url` of one kind."""
    marked: Test = pytest.mark.hypothesis(test)
    meeting: Test = pytest.mark.parametrize("database_url", kinds_for(test), indirect=True)(marked)
    return meeting


class Databases:
    """Gives out databases, each its own; what is slow is done once in a run of the tests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        #: Names of databases of PostgreSQL that were lent, and are empty again.
        self._free: list[str] = []
        self._fingerprint = ""

    def empty(self, kind: Kind) -> str:
        """The address of a database without a table."""
        return shared_server().database() if kind == "postgresql" else self._sqlite()

    def migrated(self, kind: Kind) -> str:
        """The address of a database with every table."""
        template = template_of(kind)
        if kind == "postgresql":
            return shared_server().database(like=template)
        address = self._sqlite()
        shutil.copy(str(make_url(template).database), str(make_url(address).database))
        return address

    @contextlib.contextmanager
    def lent(self, kind: Kind) -> Iterator[str]:
        """The same for as long as the block: one of PostgreSQL takes a quarter of a second, and is used again."""
        if kind == "sqlite":
            address = self.migrated(kind)
            yield address
            file = Path(str(make_url(address).database))
            for each in file.parent.glob(f"{file.name}*"):
                each.unlink(missing_ok=True)  # a connection that nobody waited for may just have closed
            return
        address = shared_server().url(self._free.pop()) if self._free else self.migrated(kind)
        yield address
        name = str(make_url(address).database)
        self._fingerprint = self._fingerprint or _fingerprint_of_template()
        if self._fingerprint == housekeeper().ask(EMPTY, FINGERPRINT, database=name)[0][0]:
            self._free.append(name)
        else:
            housekeeper().leave(name)
            shared_server().tell(f"DROP DATABASE {name} WITH (FORCE)")

    def with_role(self, role: str, password: str) -> tuple[str, str]:
        """A migrated PostgreSQL database, and its address for a role of its own, which needs this password."""
        url = self.migrated("postgresql")
        name = str(make_url(url).database)
        server = shared_server()
        with FileLock(run_folder() / "pg_hba.lock"):
            hba = server.folder / "pg_hba.conf"
            hba.write_text(f"local all {role} scram-sha-256\n" + hba.read_text())
        server.tell("SELECT pg_reload_conf()", f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
        self.tell(
            name,
            f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
            f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}",
        )
        return name, url.replace("//postgres:@", f"//{role}:{password}@")

    def tell(self, name: str, *statements: str) -> None:
        """Give orders to a database of PostgreSQL, as its administrator."""
        shared_server().tell(*statements, database=name)

    def _sqlite(self) -> str:
        return f"sqlite+aiosqlite:///{self._folder / f'bot_{next(self._numbers)}'}.db"


def sqlite_in(folder: Path) -> str:
    """The address of `bot.db` in this folder, a file with every table: a bot need not make them at its start."""
    shutil.copy(str(make_url(template_of("sqlite")).database), folder / "bot.db")
    return f"sqlite+aiosqlite:///{folder / 'bot.db'}"


async def change_beside(file: Path, statement: str) -> None:
    """Change an SQLite file beside the bot that runs in this process.

    In a thread of its own: a bot in the middle of a write has to go on for the file to become free.
    """

    def change() -> None:
        connection = sqlite3.connect(file, timeout=60)
        try:
            with connection:
                connection.execute(statement)
        finally:
            connection.close()

    await asyncio.to_thread(change)


@functools.cache
def template_of(kind: Kind) -> str:
    """The address of a database with every table that nobody uses; it is made once in a run of the tests."""
    with FileLock(run_folder() / f"template_{kind}.lock"):
        if kind == "sqlite":
            file = run_folder() / "template.db"
            address = f"sqlite+aiosqlite:///{file}"
            if not file.exists():
                _upgrade(address)
            return address
        server = shared_server()
        address = server.url(TEMPLATE)
        if not server.ask(f"SELECT 1 FROM pg_database WHERE datname = '{TEMPLATE}' AND datistemplate"):
            server.tell(f"CREATE DATABASE {TEMPLATE}")
            _upgrade(address)
            server.tell(f"ALTER DATABASE {TEMPLATE} IS_TEMPLATE true")
        return address


def _fingerprint_of_template() -> str:
    """Over a connection that is closed again: a database is copied while nobody is connected to it."""
    fingerprint: str = shared_server().ask(FINGERPRINT, database=TEMPLATE)[0][0]
    return fingerprint


def _upgrade(address: str) -> None:
    async def upgrade() -> None:
        database = Database(address)
        await database.upgrade()
        await database.close()

    # In a thread of its own: who asks may be in an event loop already.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, upgrade()).result()
