"""A PostgreSQL with a standby that follows it commit by commit, and takes its place when it dies."""

import asyncio
import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.support.postgresql import PostgreSQL, ask_over
from tests.support.processes import free_port, until

#: The standby asks the primary often whether it is there, so that a test need not wait for it.
_QUICK = "wal_retrieve_retry_interval = '100ms'\n"


class Member:
    """One of the two servers, on a port of its own."""

    def __init__(self, folder: Path, programs: Path, owner: str | None) -> None:
        """`owner`: the system user whose files these are; None: whoever runs this."""
        self.folder, self.port = folder, free_port()
        self._programs, self._owner = programs, owner

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs as the owner of its files."""
        command = [str(self._programs / program), *arguments]
        with tempfile.TemporaryFile() as printed:  # a pipe would be held by the server that is started
            done = subprocess.run(
                command, user=self._owner, cwd="/", stdout=printed, stderr=printed, check=False
            )
            printed.seek(0)
            assert done.returncode == 0, printed.read().decode()

    def start(self) -> None:
        """Have it run; when this returns it can be asked."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder}"
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.folder), "-w", "-l", log, "-o", options, "start")

    def kill(self) -> None:
        """End it at once, as a crash would, with its connections."""
        if (self.folder / "postmaster.pid").exists():
            self.run("pg_ctl", "-D", str(self.folder), "-m", "immediate", "stop")

    def ask(self, *statements: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Give orders as the administrator; the rows of the last one's answer."""
        return asyncio.run(
            ask_over(statements, host="127.0.0.1", port=self.port, user="postgres", database=database)
        )


class FailoverPair:
    """A primary and its synchronous standby: what is committed is on both."""

    def __init__(self, folder: Path) -> None:
        made = PostgreSQL(folder, starts=False)  # which knows how to make one
        owner = made.owner
        self.primary = Member(made.folder, made.programs, owner)
        self.primary.start()
        self.standby = Member(folder / "standby", made.programs, owner)
        if owner is not None:
            shutil.chown(folder, owner)
        self.standby.run(
            "pg_basebackup", "-h", "127.0.0.1", "-p", str(self.primary.port), "-U", "postgres",
            "-D", str(self.standby.folder), "--write-recovery-conf", "--checkpoint=fast",
        )  # fmt: skip
        with (self.standby.folder / "postgresql.conf").open("a") as conf:
            conf.write(_QUICK)
        self.standby.start()
        self.primary.ask("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        followers = "SELECT sync_state FROM pg_stat_replication"
        until(lambda: self.primary.ask(followers) == [("sync",)], what="the synchronous standby")

    def database(self) -> str:
        """The URL of a new database, which names both servers: a bot takes the one that can be written to."""
        name = f"bot_{uuid4().hex[:12]}"
        self.primary.ask(f"CREATE DATABASE {name}")
        hosts = "&".join(f"host=127.0.0.1:{member.port}" for member in (self.primary, self.standby))
        return f"postgresql+asyncpg://postgres:@/{name}?{hosts}&target_session_attrs=read-write"

    def fail_over(self, gone: float = 0.0) -> None:
        """The primary dies; after so many seconds the standby takes its place."""
        self.primary.kill()
        time.sleep(gone)
        self.standby.ask("SELECT pg_promote()")

    def close(self) -> None:
        """End both."""
        self.primary.kill()
        self.standby.kill()


@contextlib.contextmanager
def failover_pair() -> Iterator[FailoverPair]:
    """Both live as long as the block."""
    folder = Path(tempfile.mkdtemp(prefix="bot-pg-"))
    pair: FailoverPair | None = None
    try:
        pair = FailoverPair(folder)
        yield pair
    finally:
        if pair is not None:
            pair.close()
        shutil.rmtree(folder, ignore_errors=True)
