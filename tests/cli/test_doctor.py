"""`bot doctor` finds what is wrong, says the mend, sends nothing, and shows no secret."""

import asyncio
import json
import re
import shutil
import socket
import sqlite3
import sys
from collections.abc import MutableMapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from click.exceptions import Exit
from sqlalchemy.engine import make_url

from bot.cli.doctor import doctor, examine
from bot.cli.doctor_checks import queue_finding
from bot.cli.doctor_findings import DoctorFinding
from bot.storage.database import Database
from bot.storage.rule_books import KeptBook, keep_books
from tests.support.bots import until
from tests.support.databases import Databases, change_beside, sqlite_in
from tests.support.services import ACCESS_KEY, BASE64_SECRET, OLD_SECRET, SECRET, Running, running


@pytest.fixture(autouse=True)
def quiet(logs: list[MutableMapping[str, Any]]) -> None:
    """What is logged is not printed."""


@pytest.fixture
async def environ(bot: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The settings of the running bot, which has sent what it had to."""

    async def is_idle() -> bool:
        (reply,) = [
            each for each in await bot.items("/api/conversations") if each["delivery"]["latest"] == "sent"
        ] or [None]
        return reply is not None

    await until(is_idle)
    monkeypatch.setenv("BOT_RULES", str(tmp_path / "rules"))
    monkeypatch.setenv("BOT_WEBHOOK_SECRETS", SECRET)
    monkeypatch.setenv("BOT_ACS_CONNECTION_STRING", f"endpoint={bot.acs.address};accesskey={ACCESS_KEY}")
    return monkeypatch


async def look(url: str | None = None) -> list[DoctorFinding]:
    return await asyncio.to_thread(examine, url)


def of(findings: list[DoctorFinding], check: str) -> DoctorFinding:
    """The worst finding of a check."""
    return max(
        (each for each in findings if each.check == check),
        key=lambda each: ["ok", "warning", "error"].index(each.status),
    )


def refuse(status: int) -> Any:
    def answer(_request: web.Request, _call: dict[str, Any]) -> web.Response:
        return web.json_response({"error": {"code": "x", "message": "y"}}, status=status)

    return answer


async def test_a_healthy_bot_has_nothing_to_mend(bot: Running, environ: pytest.MonkeyPatch) -> None:
    before = len(bot.acs.calls)
    bot.acs.answers = [refuse(400)]  # what ACS says to a call without a recipient
    findings = await look(bot.address)
    wrong = [each for each in findings if each.status != "ok"]
    assert [each.found for each in wrong] == [f"{bot.address} is no https:// address."]
    assert {each.check for each in findings} >= {
        "configuration", "database", "disk", "clock", "rules", "numbers", "acs", "webhook", "queue", "retention",
    }  # fmt: skip
    assert [call["smsRecipients"] for call in bot.acs.calls[before:]] == [[]], "it sends nothing"
    assert len(await bot.items("/api/rejected")) == 0


async def test_what_is_wrong_is_found_with_its_mend(
    bot: Running, environ: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environ.setenv("BOT_WEBHOOK_SECRETS", OLD_SECRET + "-and-more")
    environ.setenv("BOT_KEEP_MESAGES", "90d")
    bot.acs.answers = [refuse(401)]
    (tmp_path / "rules" / "broken.yaml").write_text("rules: [{name: x, when: {keyward: y}}]")
    findings = await look(bot.address)
    misspelt = of(findings, "configuration")
    assert misspelt.found.endswith("did you mean BOT_KEEP_MESSAGES?")
    assert misspelt.mend == "correct or remove it."
    assert of(findings, "rules").status == "error"
    assert of(findings, "acs").status == "error"
    assert "takes other secrets" in of(findings, "webhook").found
    assert queue_finding(3, 3_600).status == "warning"
    assert queue_finding(3, 30).status == "ok"
    assert all(each.mend for each in findings if each.status != "ok")
    said = json.dumps([each.found + (each.mend or "") for each in findings])
    for secret in (SECRET, OLD_SECRET, ACCESS_KEY):
        assert secret not in said


async def test_the_secret_is_shown_in_the_url_as_event_grid_shows_it(
    bot: Running, environ: pytest.MonkeyPatch
) -> None:
    environ.setenv("BOT_WEBHOOK_SECRETS", BASE64_SECRET)
    assert [each.status for each in await look(bot.address) if each.check == "webhook"] == [
        "warning", "ok", "ok", "ok",
    ]  # fmt: skip
    asked: list[str] = []

    async def without_query(request: web.Request) -> web.Response:
        """A proxy before the bot that takes the query string away."""
        asked.append(request.raw_path)
        answer = await bot.http.request(
            request.method, request.path, content=await request.read(), headers=request.headers.items()
        )
        kept = {name: value for name, value in answer.headers.items() if name.startswith("webhook-")}
        return web.Response(body=answer.content, status=answer.status_code, headers=kept)

    proxy = web.Application()
    proxy.router.add_route("*", "/events", without_query)
    runner = web.AppRunner(proxy)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    findings = await look(f"http://127.0.0.1:{runner.addresses[0][1]}")
    await runner.cleanup()
    assert f"/events?code={BASE64_SECRET}" in asked
    found = [each.found for each in findings if each.check == "webhook"]
    assert found[2] == "The secret is taken as the header X-Bot-Secret and refused as ?code= in the URL."


@pytest.mark.parametrize("sign", ["&", "#", "%", " "])
def test_a_secret_that_is_another_one_in_a_url_is_a_warning(
    sign: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is none where Event Grid sends it as a header."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOT_WEBHOOK_SECRETS", f"{BASE64_SECRET},half-of-it{sign}the-rest")
    (look,) = [each for each in examine(None) if "Secret " in each.found]
    assert look.status == "warning"
    assert "Secret 2 of BOT_WEBHOOK_SECRETS" in look.found
    assert "half-of-it" not in look.found


async def test_a_secret_that_can_not_stand_in_a_url_is_shown_as_a_header(
    bot: Running, environ: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environ.setenv("BOT_WEBHOOK_SECRETS", "half-of-it&the-rest")
    assert of(await look(bot.address), "webhook").found == "The bot there takes other secrets."
    (tmp_path / "other").mkdir()
    url = sqlite_in(tmp_path / "other")
    async with running(tmp_path / "other", url, bot.acs, BOT_WEBHOOK_SECRETS="half-of-it&the-rest") as other:
        found = [each.found for each in await look(other.address) if each.check == "webhook"]
    assert "Event Grid's handshake is answered, and the secret is the bot's, as X-Bot-Secret." in found


async def test_a_wrong_clock_and_an_old_schema_are_found(
    bot: Running, environ: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def late(_request: web.Request, _call: dict[str, Any]) -> web.Response:
        date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
        return web.json_response({}, status=400, headers={"Date": date})

    bot.acs.answers = [late]
    await change_beside(tmp_path / "bot.db", "UPDATE alembic_version SET version_num = '9999'")
    findings = await look()
    assert "3,6" in of(findings, "clock").found.replace("3,599", "3,600")
    assert "NTP" in (of(findings, "clock").mend or "")
    assert "newer version" in of(findings, "schema").found
    assert of(findings, "schema").status == "error"


async def test_the_status_says_whether_something_must_be_mended(
    bot: Running, environ: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bot.acs.answers = [refuse(400), refuse(401)]
    await asyncio.to_thread(doctor, None, as_json=True)
    assert json.loads(capsys.readouterr().out)["ok"] is True
    with pytest.raises(Exit) as ending:
        await asyncio.to_thread(doctor, None, as_json=False)
    assert ending.value.exit_code == 1
    assert "MEND  acs" in capsys.readouterr().out


def test_without_settings_it_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    findings = examine(None)
    assert "BOT_ACS_CONNECTION_STRING" in (of(findings, "configuration").mend or "")
    assert of(findings, "rules").status == "error"
    assert of(findings, "database").status == "ok"
    monkeypatch.setenv("BOT_PORT", "many")
    (only,) = examine(None)
    assert only.status == "error"
    assert "BOT_PORT" in only.found


@pytest.mark.parametrize(
    ("name", "value", "check", "status", "words"),
    [
        ("BOT_DATABASE_URL", "sqlite+aiosqlite:///garbage.db", "database", "error", "file is not a database"),
        (
            "BOT_DATABASE_URL",
            "sqlite+aiosqlite:///old.db",
            "schema",
            "warning",
            "at revision 0011 and this version",
        ),
        ("BOT_DATABASE_URL", "sqlite+aiosqlite:///erased.db", "retention", "error", "their key is missing"),
        ("BOT_NOTIFY", "nonsense://x", "notify", "error", "BOT_NOTIFY"),
        ("BOT_REPLY_TTL", "soon", "configuration", "error", "no duration"),
    ],
)
def test_each_fault_has_a_line_with_its_mend(
    name: str, value: str, check: str, status: str, words: str, tmp_path: Path, databases: Databases,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "garbage.db").write_text("This is no database, however it is called. " * 9)
    for file, statement in (
        ("old.db", "UPDATE alembic_version SET version_num = '0011'"),
        (
            "erased.db",
            "INSERT INTO erasure_marks (digest, kind, key_id, at) VALUES ('x', 'opt-out', 'lost', '2026-11-26')",
        ),
    ):
        shutil.copy(str(make_url(databases.migrated("sqlite")).database), file)
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(statement)
    monkeypatch.setenv(name, value)
    findings = examine(None)
    worst = of(findings, check)
    assert worst.status == status
    assert words in worst.found
    assert worst.mend
    if check in {"database", "schema"}:
        assert of(findings, "disk").status == "ok", "a full disk may be why"


def test_the_disk_is_that_of_the_file_that_a_link_leads_to(
    tmp_path: Path, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    real, link = tmp_path / "disk" / "real.db", tmp_path / "bot.db"
    real.parent.mkdir()
    shutil.copy(str(make_url(databases.migrated("sqlite")).database), real)
    link.symlink_to(real)
    monkeypatch.setenv("BOT_DATABASE_URL", sqlite_in(tmp_path))
    assert of(examine(None), "disk").found.endswith(f" bytes are free in {real.parent}.")


def test_an_address_that_nobody_answers_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        findings = examine(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert "can't be reached" in of(findings, "webhook").found


def test_a_postgresql_that_gives_no_connection_more_is_not_said_to_be_down(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = f"role_{uuid4().hex[:12]}"
    name, url = databases.with_role(role, "secret")
    databases.tell(name, f"ALTER ROLE {role} CONNECTION LIMIT 0")
    monkeypatch.setenv("BOT_DATABASE_URL", url)
    found = of(examine(None), "database")
    assert found.found == f'It can\'t be read: too many connections for role "{role}".'
    assert found.mend is not None
    assert found.mend.startswith("end some of its connections, or raise `max_connections`")


@pytest.mark.usefixtures("environ")
async def test_the_databases_size_is_told_with_its_log(tmp_path: Path) -> None:
    size, log = ((tmp_path / f"bot.db{end}").stat().st_size for end in ("", "-wal"))
    assert log
    detail = of(await look(), "database").found
    told = re.search(r"bot\.db has ([\d,]+) bytes and its write-ahead log ([\d,]+); its schema", detail)
    assert told, detail
    assert int(told[1].replace(",", "")) == size
    assert int(told[2].replace(",", "")) >= log, "it may grow meanwhile"


@pytest.mark.parametrize(
    ("texts", "status", "words"),
    [
        (None, "error", "there are none yet."),
        ({"a.yaml": "rules: [{name: x, when: {keyward: y}}]"}, "error", "They have errors: a.yaml:1:"),
        ({"a.yaml": "rules: [{name: any, when: anything, reply: Hi.}]"}, "ok", "1 rules are in force, book "),
    ],
    ids=["none", "broken", "good"],
)
async def test_rules_in_the_database_are_looked_at(
    texts: dict[str, str] | None, status: str, words: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_RULES", "database:")
    monkeypatch.setenv("BOT_DATABASE_URL", database_url)
    if texts is not None:
        database = Database(database_url)
        async with database.writing() as connection:
            await keep_books(connection, [KeptBook(version="a-version", texts=texts)])
        await database.close()
    findings = await look()
    rules = of(findings, "rules")
    assert rules.status == status
    assert words in rules.found
    assert ("bot rules push DIR" in (rules.mend or "")) == (status == "error")
    assert any(each.check == "numbers" for each in findings) == (status == "ok")


def test_rules_in_a_database_that_is_not_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOT_RULES", "database:")
    assert of(examine(None), "rules").status == "error"
    assert not list(tmp_path.iterdir()), "it changes nothing"


@pytest.mark.parametrize(
    ("name", "value", "module"),
    [
        (
            "BOT_EVENTS_QUEUE",
            f"storage:DefaultEndpointsProtocol=https;AccountName=a;AccountKey={ACCESS_KEY};queue=texts",
            "bot.wire.storage_queue",
        ),
        ("BOT_OIDC_ISSUER", "https://login.example.com", "bot.wire.openid"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9", "bot.operations.traces"),
    ],
    ids=["queue", "openid", "traces"],
)
def test_a_setting_without_its_extra_is_found(
    name: str, value: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOT_WEBHOOK_SECRETS", SECRET)
    monkeypatch.setenv("BOT_ACS_CONNECTION_STRING", f"endpoint=http://127.0.0.1:9;accesskey={ACCESS_KEY}")
    if name == "BOT_OIDC_ISSUER":
        monkeypatch.setenv("BOT_OIDC_CLIENT_ID", "a-client")
    monkeypatch.setenv(name, value)
    assert of(examine(None), "configuration").status == "warning", "that BOT_ADMIN_TOKEN is not set"
    monkeypatch.setitem(sys.modules, module, None)
    findings = examine(None)
    worst = of(findings, "configuration")
    assert worst.status == "error"
    assert worst.found.startswith(f"{name} needs ")
    assert 'run `pip install "sms-keyword-bot[' in (worst.mend or "")
    assert "What the bot needs is set." not in [each.found for each in findings]
