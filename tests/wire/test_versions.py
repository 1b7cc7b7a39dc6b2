"""The version of ACS's API is pinned, and a timeout of delivery reports is asked for by the version that has it."""

from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiohttp import web

from bot.settings import WrongSetting, load
from tests.support import acs_server
from tests.support.acs import connection_string
from tests.support.databases import Databases
from tests.support.envelopes import event
from tests.support.events import a_number, received
from tests.support.services import Acs, accept, running


def sent_to(paths: list[str]) -> Any:
    def answer(request: web.Request, call: dict[str, Any]) -> web.Response:
        paths.append(request.path_qs)
        return accept(request, call)

    return answer


@pytest.mark.parametrize(
    ("environ", "version", "seconds"),
    [({}, "2021-03-07", None), ({"BOT_ACS_REPORT_TIMEOUT": "90m"}, "2026-01-23", 5_400)],
)
async def test_the_version_is_pinned_and_the_timeout_asked_for(
    tmp_path: Path,
    databases: Databases,
    acs: Acs,
    environ: dict[str, str],
    version: str,
    seconds: int | None,
) -> None:
    paths: list[str] = []
    acs.answers = [sent_to(paths)]
    async with running(tmp_path, databases.migrated("sqlite"), acs, **environ) as bot:
        await bot.post([event()])
        await bot.replies()
    assert paths == [f"/sms?api-version={version}"]
    options = acs.calls[0]["smsSendOptions"]
    assert options.get("deliveryReportTimeoutInSeconds") == seconds
    assert options["enableDeliveryReport"] is True


async def test_the_signature_is_of_what_is_sent(tmp_path: Path, databases: Databases, acs: Acs) -> None:
    """By a stand-in for ACS that checks it by Azure's documentation alone."""
    checker = acs_server.Server(("127.0.0.1", 0), acs_server.Handler)
    Thread(target=checker.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    peer = a_number()
    environ = {
        "BOT_ACS_REPORT_TIMEOUT": "60s",
        "BOT_ACS_CONNECTION_STRING": connection_string(checker.server_port),
    }
    try:
        async with running(tmp_path, databases.migrated("sqlite"), acs, **environ) as bot:
            await bot.post([received(peer, "hours")])
            await bot.replies(peer)
    finally:
        checker.shutdown()
        checker.server_close()
    (call,) = (each for each in acs_server.calls if acs_server.is_for(peer, each["body"]))
    assert call["trouble"] is None
    assert call["body"]["smsSendOptions"]["deliveryReportTimeoutInSeconds"] == 60


@pytest.mark.parametrize("text", ["59s", "13h", "soon"])
def test_azure_takes_60_seconds_to_12_hours(text: str) -> None:
    with pytest.raises(WrongSetting, match="BOT_ACS_REPORT_TIMEOUT is"):
        load({"BOT_ACS_REPORT_TIMEOUT": text})
    assert load({"BOT_ACS_REPORT_TIMEOUT": "60s"}).acs_report_timeout == timedelta(minutes=1)
