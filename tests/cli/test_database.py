"""A database of a newer version is named in one sentence by every command, and left as it is."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from tests.support.processes import run_bot

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
