"""A database of a newer version, and one that is not there, is named in one sentence by every command."""

import os
import socket
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from uuid import uuid4

import pytest
from click.testing import CliRunner

from bot.cli import db, group
from bot.installed import newest_schema
from bot.storage import postgresql_hosts, sqlite_engine
from bot.storage.database import Database
from bot.storage.postgresql_tools import connection_string
from tests.support.databases import KINDS, Databases, Kind
from tests.support.postgresql import shared_server
from tests.support.processes import free_port, run_bot

COMMANDS = (
    ("serve",),
    ("db", "upgrade"),
    ("conversations", "list"),
    ("rules", "replay", "rules"),
)


def test_a_database_of_a_newer_version_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "rules.yaml").write_text("rules: [{name: any, when: anything, reply: Hello.}]\n")
    path = tmp_path / "bot.db"
    environ = {
        "BOT_DATABASE_URL": f"sqlite+aiosqlite:///{path}",
        "BOT_PORT": "0",
        "BOT_ACS_CONNECTION_STRING": "endpoint=http://127.0.0.1:9;accesskey=c2VjcmV0",
        "BOT_WEBHOOK_SECRETS": "a-secret-of-the-tests",
    }
    assert run_bot("db", "upgrade", folder=tmp_path, environ=environ).returncode == 0
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = path.read_bytes()
    with ThreadPoolExecutor(2) as threads:
        answers = list(
            threads.map(lambda command: run_bot(*command, folder=tmp_path, environ=environ), COMMANDS)
        )
    for command, done in zip(COMMANDS, answers, strict=True):
        assert done.returncode == 2, command
        assert done.stdout == "", command
        said = " ".join(done.stderr.replace("│", " ").split())
        assert "at revision 9999, of a newer version of the bot" in said, command
        assert "Start the newer version again, or restore a backup" in said, command
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "command",
    [
        "conversations list", "conversations show x", "conversations export", "answers list", "incidents list",
        "people list", "opt-outs export", "consent show +15555550101", "evidence proof --since 1d", "db backup copy",
        "db purge --older-than 90d", "db copy --to postgresql+asyncpg://x@localhost/x", "forget +15555550101",
        "rules pull folder", "events resend --since 1d",
    ],
)  # fmt: skip
def test_without_a_database_each_command_says_the_same(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOT_DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path}/none.db")
    monkeypatch.setenv("BOT_EVENTS_TO", "http://127.0.0.1:9/events")
    monkeypatch.setenv("BOT_PORT", str(free_port()))
    done = CliRunner().invoke(group, command.split())
    assert done.exit_code == 2
    said = (
        f"There is no database at {tmp_path}/none.db: `bot serve` makes it, or set BOT_DATABASE_URL to where it is;"
        " the demo's is at sqlite+aiosqlite:///data/demo.db."
    )
    assert "".join(said.split()) in "".join(done.stderr.replace("│", "").split())
    assert list(tmp_path.iterdir()) == [], "nothing was made"


def test_a_database_in_an_encoding_that_can_not_say_every_text_gets_a_sentence(
    databases: Databases, tmp_path: Path
) -> None:
    good, name = databases.migrated("postgresql"), f"bot_{uuid4().hex[:12]}"
    kept, server = tmp_path / "kept", shared_server()
    server.tell(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    dumped = [str(server.programs / "pg_dump"), "-Fc", f"--file={kept}", connection_string(good)]
    subprocess.run(dumped, check=True)
    path = f"{server.programs}{os.pathsep}{os.environ['PATH']}"
    environ = {"BOT_DATABASE_URL": server.url(name), "PATH": path}
    for command in (("db", "upgrade"), ("conversations", "list"), ("db", "restore", str(kept))):
        done = run_bot(*command, folder=tmp_path, environ=environ)
        assert done.returncode == 2, command
        said = " ".join(done.stderr.replace("│", " ").split())
        assert "The database's encoding is LATIN1, which does not hold every text" in said, command
    assert server.ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database=name) == [(0,)]


@pytest.mark.parametrize("kind", KINDS)
def test_of_upgrades_at_once_one_says_that_it_did_it(
    kind: Kind, databases: Databases, tmp_path: Path
) -> None:
    """Each said that it had upgraded from nothing: nobody could tell from a log which one had."""
    environ = {"BOT_DATABASE_URL": databases.empty(kind)}
    with ThreadPoolExecutor(4) as threads:
        runs = list(
            threads.map(lambda _: run_bot("db", "upgrade", folder=tmp_path, environ=environ), range(4))
        )
    assert [(each.returncode, each.stderr) for each in runs] == [(0, "")] * 4
    newest = newest_schema()
    assert sorted(each.stdout for each in runs) == [
        *[f"The schema is up to date, at revision {newest}.\n"] * 3,
        f"Upgraded the schema from nothing to revision {newest}.\n",
    ]


def test_a_postgresql_that_takes_connections_and_says_nothing_is_named_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minute went by, and the reason was `TimeoutError`."""
    monkeypatch.setattr(postgresql_hosts, "CONNECT_SECONDS", 0.2)
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()
        monkeypatch.setenv("BOT_DATABASE_URL", f"postgresql+asyncpg://bot:secret@{host}:{port}/bot")
        for command, done in (("db upgrade", "upgraded"), ("conversations list", "read")):
            answer = CliRunner().invoke(group, command.split())
            assert (answer.exit_code, answer.stdout) == (2, "")
            said = " ".join(answer.stderr.replace("│", " ").split())
            assert (
                f"The database at BOT_DATABASE_URL can't be {done}: {host}:{port} did not answer in 0.2 s. Check that"
                in said
            )


def test_an_upgrade_waits_for_whoever_writes_to_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_engine, "SQLITE_BUSY_SECONDS", 0.05)
    monkeypatch.setattr(db, "_TRIES", 1_000_000)
    path = tmp_path / "bot.db"
    monkeypatch.setenv("BOT_DATABASE_URL", f"sqlite+aiosqlite:///{path}")
    is_refused = Event()
    upgrade = Database.upgrade

    async def tried(database: Database) -> str | None:
        try:
            return await upgrade(database)
        finally:
            is_refused.set()

    monkeypatch.setattr(Database, "upgrade", tried)
    with closing(sqlite3.connect(path, isolation_level=None)) as another, ThreadPoolExecutor(1) as thread:
        another.execute("PRAGMA journal_mode=WAL")
        another.execute("BEGIN IMMEDIATE")
        run = thread.submit(CliRunner().invoke, group, ["db", "upgrade"])
        assert is_refused.wait(60)
        another.execute("ROLLBACK")
        done = run.result()
    assert (done.exit_code, done.output[:32]) == (0, "Upgraded the schema from nothing")
