"""How `bot serve` starts, refuses to start, and ends."""

import socket
import threading
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.support.acs import Acs, connection_string
from tests.support.events import a_number, received
from tests.support.folders import MakeBot, in_folder
from tests.support.postgresql import PostgreSQL
from tests.support.processes import ADMIN, SECRET, VIEWER, Bot, run_bot, until

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
    "an admin's token that can be guessed": (
        {"BOT_ADMIN_TOKEN": "hunter2"},
        "BOT_ADMIN_TOKEN has 7 characters",
    ),
    "a viewer's token that can be guessed": (
        {"BOT_VIEWER_TOKEN": "hunter2"},
        "BOT_VIEWER_TOKEN has 7 characters",
    ),
    "a secret that can be guessed": (
        {"BOT_FORWARD_SECRET": "hunter2"},
        "BOT_FORWARD_SECRET has 7 characters",
    ),
    "one of two secrets that can be guessed": (
        {"BOT_WEBHOOK_SECRETS": f"{SECRET},hunter2"},
        "BOT_WEBHOOK_SECRETS holds a secret of 7 characters",
    ),
    "a proxy that is no address": ({"BOT_PROXIES": "127.0.0.1,caddy"}, "BOT_PROXIES names 'caddy'"),
    "every proxy": ({"BOT_PROXIES": "0.0.0.0/0"}, "BOT_PROXIES names '0.0.0.0/0'"),
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


@pytest.mark.parametrize("shared_on", ["sqlite"], indirect=True)
def test_a_second_bot_on_the_same_sqlite_file_is_refused_and_does_no_harm(bot: Bot, peer: str) -> None:
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
    missing = run_bot(
        "serve", folder=folder, environ=GOOD | {"BOT_DATABASE_URL": empty.replace("/bot_", "/no_")}
    )
    assert missing.returncode == 2
    assert "BOT_DATABASE_URL" in missing.stderr
    assert_one_sentence(missing.stderr)


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


def test_an_admin_token_and_a_link_of_its_own_are_named_and_work_and_an_open_page_holds_up_no_end(
    make_bot: MakeBot,
) -> None:
    """The token once, and not itself; the link opens the console once."""
    bot = make_bot("sqlite", CONNECTION, BOT_ADMIN_TOKEN="", BOT_VIEWER_TOKEN="").start()
    assert bot.process
    file = bot.folder / bot.process.wait_for(r"Admin token.*: (\S+)")
    assert file.stat().st_mode & 0o777 == 0o600
    token = file.read_text().strip()
    answer = bot.http.get("/api/rules", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    link = bot.process.wait_for(r"Open the console: http://[^/]+(/\S+) \(works once\)")
    assert bot.http.get(link).status_code == 200
    form = {"key": link.partition("key=")[2]}
    assert bot.http.post("/console/login", data=form).headers["location"] == "/console"
    assert bot.http.get("/console").status_code == 200
    assert bot.http.post("/console/login", data=form).status_code == 403
    with bot.http.stream("GET", "/console/live?topics=conversations") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert bot.process.terminate(seconds=8) == 0
    assert token not in bot.process.printed(), "what is printed ends in a log"


def test_a_saved_rule_file_takes_effect_and_a_broken_one_does_not(make_bot: MakeBot, acs: Acs) -> None:
    bot = make_bot("sqlite", acs.connection_string).start()
    file = bot.folder / "rules" / "00-more.yaml"

    def rule() -> str | None:
        tried: dict[str, str | None] = bot.http.post(
            "/api/try", json={"text": "price"}, headers=VIEWER
        ).json()
        return tried["rule"]

    assert rule() == "anything-else"
    file.write_text("rules:\n  - {name: price, when: {keyword: price}, reply: Nine.}\n", "utf-8")
    until(lambda: rule() == "price", what="the new rule")
    version = bot.get("/rules")["version"]
    file.write_text("rules:\n  - {name: price, when: {keyword: price}, reply: [}\n", "utf-8")
    assert bot.process
    bot.process.wait_for(r"(00-more\.yaml:2:)")
    assert bot.get("/rules")["version"] == version
    peer = a_number()
    bot.post([received(peer, "price")])
    bot.replies_when(peer, "sent")
    assert acs.messages(peer)[0]["text"] == "Nine."


@pytest.mark.parametrize("waits", [True, False], ids=["asked", "asked and gone"])
def test_the_end_waits_for_no_check_of_rules(make_bot: MakeBot, acs: Acs, waits: bool) -> None:
    """A thread can't be stopped: the process ends without it, as soon as the grace of requests is over."""
    bot = make_bot("sqlite", acs.connection_string, grace=1, check=600).start()
    assert bot.process

    def save() -> None:
        with suppress(httpx.HTTPError):
            text = "rules:\n  - {name: price, when: {keyword: price}, reply: Nine.}\n"
            headers = {**ADMIN, "If-None-Match": "*"}
            bot.http.put("/api/rules/00-more.yaml", content=text, headers=headers, timeout=60 if waits else 1)

    asking = threading.Thread(target=save)
    asking.start()
    bot.process.wait_for("(A check has begun)")
    if not waits:
        asking.join()
    assert bot.process.terminate(30) == 0, "a check takes 600 s"
    asking.join()
    assert not (bot.folder / "rules" / "00-more.yaml").exists()
    bot.process.wait_for("(A check of rules is left unfinished)")


def assert_one_sentence(stderr: str) -> None:
    """One line, however long, that ends as a sentence does."""
    assert stderr.count("\n") == 1, stderr
    assert stderr.endswith(".\n"), stderr
