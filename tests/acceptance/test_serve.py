"""How `bot serve` starts, refuses to start, and ends."""

import signal
import socket
import time
from pathlib import Path

import pytest

from tests.acceptance.acs import Acs, connection_string
from tests.acceptance.conftest import MakeBot, in_folder
from tests.acceptance.events import received
from tests.processes import SECRET, Bot, PostgreSQL, run_bot

CONNECTION = connection_string(1)
GOOD = {"BOT_PORT": "0", "BOT_ACS_CONNECTION_STRING": CONNECTION, "BOT_WEBHOOK_SECRETS": SECRET}
KEY = CONNECTION.partition("accesskey=")[2]

REFUSALS = {
    "no way to send": ({"BOT_ACS_CONNECTION_STRING": ""}, "set BOT_ACS_CONNECTION_STRING"),
    "no way to trust": ({"BOT_WEBHOOK_SECRETS": ""}, "set BOT_WEBHOOK_SECRETS"),
    "a connection string without a key": (
        {"BOT_ACS_CONNECTION_STRING": "endpoint=https://x.communication.azure.com"},
        "BOT_ACS_CONNECTION_STRING has no accesskey=",
    ),
    "plain http to elsewhere": (
        {"BOT_ACS_CONNECTION_STRING": f"endpoint=http://example.com/;accesskey={KEY}"},
        "BOT_ACS_CONNECTION_STRING has an http:// endpoint",
    ),
    "a host that is none": ({"BOT_HOST": "no.such.host.invalid"}, "BOT_HOST"),
    "a database that is not there": (
        {"BOT_DATABASE_URL": "postgresql+asyncpg://u:hunter2@127.0.0.1:1/d"},
        "BOT_DATABASE_URL",
    ),
    "a folder where a file is": (
        {"BOT_DATABASE_URL": "sqlite+aiosqlite:///rules/rules.yaml/x/bot.db"},
        "rules.yaml",
    ),
    "a file that is no database": (
        {"BOT_DATABASE_URL": "sqlite+aiosqlite:///rules/rules.yaml"},
        "BOT_DATABASE_URL",
    ),
    "a folder as the database": ({"BOT_DATABASE_URL": "sqlite+aiosqlite:///rules"}, "BOT_DATABASE_URL"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_wrong_setting_is_one_sentence_and_exit_status_2(case: str, tmp_path: Path) -> None:
    environ, words = REFUSALS[case]
    done = run_bot("serve", folder=in_folder(tmp_path / "bot"), environ=GOOD | environ)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert_one_sentence(done.stderr)
    assert KEY not in done.stderr
    assert "hunter2" not in done.stderr
    assert SECRET not in done.stderr


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_bot("serve", folder=in_folder(tmp_path / "bot"), environ=GOOD | {"BOT_PORT": port})
    assert done.returncode == 2
    assert f"BOT_PORT={port}" in done.stderr
    assert_one_sentence(done.stderr)


def test_a_folder_of_rules_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run_bot("serve", folder=in_folder(tmp_path / "bot"), environ=GOOD | {"BOT_RULES": "elsewhere"})
    assert done.returncode == 2
    assert "The folder elsewhere does not exist" in done.stderr


def test_a_rule_book_with_an_error_is_refused_with_its_place(tmp_path: Path) -> None:
    folder = in_folder(tmp_path / "bot")
    (folder / "rules" / "wrong.yaml").write_text("rules:\n  - name: x\n    when: {kewyord: x}\n", "utf-8")
    done = run_bot("serve", folder=folder, environ=GOOD)
    assert done.returncode == 2
    assert "wrong.yaml:3:" in done.stderr


def test_a_second_bot_on_the_same_sqlite_file_is_refused_and_does_no_harm(bot: Bot, peer: str) -> None:
    if "sqlite" not in bot.environ["BOT_DATABASE_URL"]:
        pytest.skip("PostgreSQL is for many")
    done = bot.run("serve")
    assert done.returncode == 2
    assert "Another `bot serve` is using" in done.stderr
    assert "BOT_DATABASE_URL" in done.stderr
    assert_one_sentence(done.stderr)
    bot.post([received(peer, "hours")])
    bot.replies_when(peer, "sent")


def test_postgresql_with_an_old_schema_names_the_upgrade(postgresql: PostgreSQL, tmp_path: Path) -> None:
    folder = in_folder(tmp_path / "bot")
    empty = postgresql.database()
    environ = GOOD | {"BOT_DATABASE_URL": empty}
    done = run_bot("serve", folder=folder, environ=environ)
    assert done.returncode == 2
    assert "`bot db upgrade`" in done.stderr
    assert_one_sentence(done.stderr)
    listed = run_bot("conversations", "list", folder=folder, environ=environ)
    assert listed.returncode == 2
    assert "`bot db upgrade`" in listed.stderr
    missing = run_bot(
        "serve", folder=folder, environ=GOOD | {"BOT_DATABASE_URL": empty.replace("/bot_", "/no_")}
    )
    assert missing.returncode == 2
    assert "BOT_DATABASE_URL" in missing.stderr
    assert_one_sentence(missing.stderr)
    upgraded = run_bot("db", "upgrade", folder=folder, environ=environ)
    assert (upgraded.returncode, upgraded.stderr) == (0, "")


@pytest.mark.parametrize(
    ("number_of_signal", "database"),
    [(signal.SIGTERM, "sqlite"), (signal.SIGTERM, "postgresql"), (signal.SIGINT, "sqlite")],
)
def test_it_ends_cleanly_and_soon_when_told_to(
    number_of_signal: signal.Signals, database: str, make_bot: MakeBot, acs: Acs, peer: str
) -> None:
    """With an open connection and a message that waits for ACS."""
    bot = make_bot(database, connection_string(1)).start()
    bot.post([received(peer, "hours")])
    assert bot.process
    started = time.monotonic()
    assert bot.process.terminate(number=number_of_signal) == 0
    assert time.monotonic() - started < 10
    # What waited is there for the next one.
    bot.environ["BOT_ACS_CONNECTION_STRING"] = acs.connection_string
    bot.start()
    bot.replies_when(peer, "sent", seconds=20)
    assert len(acs.messages(peer)) == 1


def test_a_send_under_way_is_settled_before_the_end(
    make_bot: MakeBot, acs: Acs, peer: str, number: str
) -> None:
    bot = make_bot("sqlite", acs.connection_string).start()
    acs.plan(number, {"hold": True})
    bot.post([received(peer, "hours", number=number)])
    acs.calls_when(peer, 1)
    assert bot.process
    bot.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    acs.release()
    assert bot.process.wait() == 0
    bot.start()
    (reply,) = bot.replies(peer)
    assert reply["status"] == "sent"
    assert len(acs.calls(peer)) == 1


def test_no_secret_is_ever_logged(bot: Bot, acs: Acs, peer: str, number: str) -> None:
    acs.plan(number, {"status": 401})
    bot.post([received(peer, "hours", number=number)], secret="a-secret-that-was-guessed")
    bot.post([received(peer, "hours", number=number)])
    acs.calls_when(peer, 1)
    assert bot.process
    printed = bot.process.printed()
    for secret in (
        *bot.environ["BOT_WEBHOOK_SECRETS"].split(","),
        KEY,
        "guessed",
        bot.environ["BOT_ADMIN_TOKEN"],
    ):
        assert secret not in printed


def test_an_admin_token_of_its_own_is_named_once_and_works(make_bot: MakeBot) -> None:
    bot = make_bot("sqlite", CONNECTION, BOT_ADMIN_TOKEN="", BOT_VIEWER_TOKEN="").start()
    assert bot.process
    token = bot.process.wait_for(r"Admin token.*: (\S+)")
    answer = bot.http.get("/api/rules", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert bot.process.printed().count(token) == 1


def assert_one_sentence(stderr: str) -> None:
    """One line, however long, that ends as a sentence does."""
    assert stderr.count("\n") == 1, stderr
    assert stderr.endswith(".\n"), stderr
