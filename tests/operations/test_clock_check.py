"""A wrong clock stops all sending, and a background task that ends whatever it did: both are said everywhere."""

import asyncio
from collections.abc import MutableMapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.sending.backoff import Backoff
from bot.sending.circuit_breaker import BreakerLimits
from bot.sending.limits import SendingLimits
from tests.support.console import browser
from tests.support.databases import Databases
from tests.support.envelopes import inbound
from tests.support.services import VIEWER, Acs, Running, accept, running


def at_another_time(behind: timedelta) -> Any:
    """ACS by a clock that ours is ahead of: like it, it refuses what was signed more than 5 minutes away."""

    def answer(request: web.Request, call: dict[str, Any]) -> web.Response:
        theirs = datetime.now(UTC) - behind
        signed = parsedate_to_datetime(request.headers["x-ms-date"])
        if abs(signed - theirs) > timedelta(minutes=5):
            response = web.json_response({"error": {"code": "Denied", "message": "Too old."}}, status=401)
        else:
            response = accept(request, call)
        response.headers["Date"] = format_datetime(theirs, usegmt=True)
        return response

    return answer


async def check(bot: Running) -> dict[str, Any]:
    answer = await bot.http.get("/health/ready")
    assert answer.status_code == 200, "events can be taken all the same"
    checked: dict[str, Any] = answer.json()["checks"]["clock"]
    return checked


@pytest.mark.parametrize("behind", [timedelta(minutes=10), timedelta(minutes=-10), timedelta(minutes=2)])
async def test_a_wrong_clock_is_said_everywhere_and_so_is_its_end(
    tmp_path: Path,
    databases: Databases,
    acs: Acs,
    logs: list[MutableMapping[str, Any]],
    behind: timedelta,
) -> None:
    sending = SendingLimits(backoff=Backoff(first=0.01), breaker=BreakerLimits(first_pause=0.05))
    seconds = behind.total_seconds()
    acs.answers = [at_another_time(behind)] * 1_000
    async with running(tmp_path, databases.migrated("sqlite"), acs, sending=sending) as bot:
        assert await check(bot) == {"status": "ok"}
        await bot.post([inbound()])
        async with asyncio.timeout(60):
            while (told := await check(bot))["status"] == "ok":  # noqa: ASYNC110 - it has no event for it
                await asyncio.sleep(0.02)
        assert told["status"] == "degraded"
        assert abs(told["offset_seconds"] - seconds) < 10
        assert "Mend: set the machine's clock" in told["reason"]
        metrics = (await bot.get("/metrics")).text
        (line,) = [line for line in metrics.splitlines() if line.startswith("bot_clock_offset_seconds ")]
        assert abs(float(line.split()[1]) - seconds) < 10
        overview = (await bot.get("/api/overview")).json()
        assert "The clock is" in overview["alarms"][0]["reason"]
        async with browser(bot, VIEWER) as http:
            assert "Mend: set the machine&#39;s clock" in (await http.get("/console")).text
        acs.answers = []
        await bot.post([inbound(MessageId="again", Message="two")])
        await bot.replies()
        assert (await check(bot))["status"] == "ok"
        lines = [(line["log_level"], line["event"]) for line in logs if "clock" in line["event"]]
        assert lines == [
            ("error", "The clock of this machine is wrong"),
            ("info", "The clock of this machine is right again"),
        ]


async def test_an_answer_without_a_good_date_says_nothing(
    tmp_path: Path, databases: Databases, acs: Acs
) -> None:
    def no_date(request: web.Request, call: dict[str, Any]) -> web.Response:
        response = accept(request, call)
        response.headers["Date"] = "yesterday"
        return response

    acs.answers = [no_date] * 5
    async with running(tmp_path, databases.migrated("sqlite"), acs) as bot:
        await bot.post([inbound()])
        await bot.replies()
        assert await check(bot) == {"status": "ok"}
        assert "bot_clock_offset_seconds" not in (await bot.get("/metrics")).text


async def test_a_background_task_that_ends_is_seen_and_started_again(
    tmp_path: Path, databases: Databases, acs: Acs, logs: list[MutableMapping[str, Any]]
) -> None:
    async with running(tmp_path, databases.migrated("sqlite"), acs) as bot:
        supervisor = bot.service.supervisor
        supervisor._pause, supervisor._well_after = 0.05, 0.05
        forwarder = bot.service.forwarder
        good, forwarder._readers = forwarder._readers, None  # type: ignore[assignment]
        forwarder.wake()
        async with asyncio.timeout(60):
            while not supervisor.ended():  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        answer = await bot.http.get("/health/ready")
        background = answer.json()["checks"]["background"]
        assert (answer.status_code, background["status"]) == (200, "degraded")
        assert background["tasks"][0]["task"] == "forwarder"
        assert "“forwarder”, ended" in (await bot.get("/api/overview")).json()["alarms"][0]["reason"]
        assert "bot_background_ended 1.0" in (await bot.get("/metrics")).text
        forwarder._readers = good
        async with asyncio.timeout(60):
            while supervisor.ended():  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        assert "bot_background_restarts_total 0.0" not in (await bot.get("/metrics")).text
        told = [line["event"] for line in logs if "background" in line["event"]]
        assert told == ["A background task has ended; it is started again", "A background task runs again"]


async def test_every_task_of_the_service_is_watched(tmp_path: Path, databases: Databases, acs: Acs) -> None:
    async with running(tmp_path, databases.migrated("sqlite"), acs) as bot:
        await bot.post([inbound()])
        await bot.replies()
        watched = {
            task.get_name()
            for task in asyncio.all_tasks()
            if getattr(task.get_coro(), "__qualname__", "") == "Supervisor._keep"
        }
        assert watched == {
            "writer", "rules", "rules, looked at", "sender", "retention",
            "sender: reports that never came", "lane", "forwarder", "fetcher", "follow-ups", "traffic", "log",
            "alarms", "handovers", "planned replies", "testers of drafts", "old events",
        }  # fmt: skip
