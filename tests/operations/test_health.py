"""Health says whether messages can be taken and answered; nobody needs a token, and nothing secret is told."""

import asyncio
import threading
from collections.abc import MutableMapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.operations import checks
from bot.rulebook.editing import live_book
from bot.rulebook.files.loader import FilesRead, read_files
from tests.support.bots import until
from tests.support.databases import Databases
from tests.support.envelopes import REPORT, REPORT_DATA, event, inbound
from tests.support.postgresql import shared_server
from tests.support.services import ADMIN, SECRET, Acs, Running, running


async def ready(bot: Running) -> tuple[int, dict[str, Any]]:
    answer = await bot.http.get("/health/ready")
    return answer.status_code, answer.json()


async def test_a_healthy_bot_is_ready(tmp_path: Path, databases: Databases, acs: Acs) -> None:
    async with running(tmp_path, databases.migrated("sqlite"), acs) as bot:
        status, body = await ready(bot)
        assert (status, body["status"]) == (200, "ok")
        assert body["checks"]["database"] == {"status": "ok"}
        assert (await bot.http.get("/health/live")).json() == {"status": "ok", "checks": {}}


async def test_a_broken_rule_file_is_told_and_takes_nobody_out_of_service(
    tmp_path: Path, databases: Databases, acs: Acs
) -> None:
    async with running(tmp_path, databases.migrated("sqlite"), acs) as bot:
        _, before = await ready(bot)
        (tmp_path / "rules" / "shop.yaml").write_text("rules: [{name: broken, whn: {keyword: x}}]\n")
        await bot.service.shelf.reload()
        status, body = await ready(bot)
        assert status == 200
        check = body["checks"]["rules"]
        assert (check["status"], check["book"]) == ("degraded", before["checks"]["rules"]["book"])
        assert any("shop.yaml:1:" in line for line in check["errors"])
        await bot.post([event()])
        (reply,) = await bot.replies()
        assert reply["text"] == "Corner Books is open Mon-Sat 9-18."


async def test_a_folder_of_rules_that_does_not_answer_is_told(
    tmp_path: Path, databases: Databases, acs: Acs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network share may hang, and the thread that looks at it with it."""
    monkeypatch.setattr(checks, "_SILENT", 0.0)
    answers = threading.Event()

    def hang(path: Path) -> FilesRead:
        answers.wait(60)
        return read_files(path)

    async with running(tmp_path, databases.migrated("sqlite"), acs) as bot:
        with monkeypatch.context() as hanging:
            hanging.setattr(live_book, "read_files", hang)
            reloading = asyncio.create_task(bot.service.shelf.reload())
            await until(lambda: bot.service.shelf.waits_for > 0.1)
            status, body = await ready(bot)
            assert (status, body["checks"]["rules"]["status"]) == (200, "degraded")
            assert "has not answered for 0 s" in body["checks"]["rules"]["reason"]
            answers.set()
            await reloading
        await until(lambda: not bot.service.shelf.waits_for)


async def test_a_full_queue_is_told_and_takes_nobody_out_of_service(
    tmp_path: Path, databases: Databases, acs: Acs
) -> None:
    """Reports must still be taken: they are what is waited for."""
    acs.answers = [lambda _request, _call: web.Response(status=503)] * 1_000
    async with running(tmp_path, databases.migrated("sqlite"), acs, BOT_QUEUE_LIMIT="2") as bot:
        assert (await bot.post([inbound(MessageId="a", Message="two")])).status_code == 200
        turned_away = await bot.post([inbound(MessageId="b", Message="hours")])
        assert turned_away.status_code == 503
        assert turned_away.headers["retry-after"] == "30"
        assert "BOT_QUEUE_LIMIT is 2" in turned_away.json()["detail"]
        assert (await bot.post([event(REPORT, REPORT_DATA)])).status_code == 200
        async with asyncio.timeout(60):
            while True:  # what was queued while the database counted may count twice, until it counts again
                status, body = await ready(bot)
                check = body["checks"]["queue"]
                assert (status, body["status"], check["status"]) == (200, "ok", "degraded")
                if check["queued"] == check["limit"] == 2:
                    break
                await asyncio.sleep(0.1)


async def test_connections_that_break_are_made_anew(tmp_path: Path, databases: Databases, acs: Acs) -> None:
    url = databases.migrated("postgresql")
    name = url.split("?")[0].rpartition("/")[2]
    async with running(tmp_path, url, acs) as bot:
        for at in range(3):
            shared_server().tell(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            )
            assert (await bot.post([inbound(MessageId=f"Incoming_{at}")])).status_code == 200
            assert (answer := await ready(bot))[0] == 200, answer[1]
        assert len(await bot.replies()) == 3


async def test_a_database_that_is_gone_is_503_everywhere_and_the_process_lives_on(
    tmp_path: Path, databases: Databases, acs: Acs
) -> None:
    url = databases.migrated("postgresql")
    name = url.split("?")[0].rpartition("/")[2]
    async with running(tmp_path, url, acs) as bot:
        bot.service.writer._hold = 0.3
        shared_server().tell(f"DROP DATABASE {name} WITH (FORCE)")
        posted = await bot.post([event()])
        listed = await bot.get("/api/conversations")
        status, body = await ready(bot)
        assert posted.status_code == 503
        assert int(posted.headers["retry-after"]) <= 30
        assert listed.status_code == 503
        assert "can't be read now" in listed.json()["detail"]
        assert (status, body["status"], body["checks"]["database"]["status"]) == (503, "failing", "failing")
        assert body["checks"]["database"]["reason"]
        assert (await bot.http.get("/health/live")).status_code == 200
        for text in (posted.text, listed.text, str(body)):
            assert ADMIN not in text
            assert SECRET not in text


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_many_may_ask_at_once(tmp_path: Path, databases: Databases, acs: Acs, path: str) -> None:
    async with running(tmp_path, databases.migrated("sqlite"), acs) as bot:
        answers = await asyncio.gather(*(bot.http.get(path) for _ in range(30)))
        assert {answer.status_code for answer in answers} == {200}


async def test_a_busy_pool_keeps_health_not_waiting_and_is_no_outage(
    tmp_path: Path, databases: Databases, acs: Acs, logs: list[MutableMapping[str, Any]]
) -> None:
    """Health said for minutes that the database could not be read, while it was read as much as it can be."""
    async with running(tmp_path, databases.migrated("sqlite"), acs) as bot, AsyncExitStack() as readers:
        database = bot.service.database
        pool: Any = database._readers.pool
        before = await database.trouble()
        pool._timeout = 0.3
        for _ in range(4):
            await readers.enter_async_context(database.reading())
        listed = await bot.get("/api/conversations")
        assert (listed.status_code, listed.headers["retry-after"]) == (503, "5")
        assert listed.json()["detail"].startswith("The bot is busy:")
        page = await bot.http.get("/console/login")
        assert page.status_code == 200
        pool._timeout = 60  # a health that waited for one of these would wait for a minute
        waiting = [asyncio.create_task(bot.get("/api/conversations")) for _ in range(8)]
        await asyncio.sleep(0.1)
        status, body = await ready(bot)
        assert not any(each.done() for each in waiting)
        assert (before, status, body["status"], body["checks"]["database"]) == (
            None,
            200,
            "ok",
            {"status": "degraded", "reason": "Reads wait: every connection to the database is in use."},
        )
        await readers.aclose()
        assert {(await each).status_code for each in waiting} == {200}
        assert not database._spoiled._is_trouble  # what there is is as good as it was
    told = [line["action"] for line in logs if line["log_level"] == "error"]
    assert told == ["database_busy"]
