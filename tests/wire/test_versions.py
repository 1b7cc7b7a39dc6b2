"""The version of ACS's API is pinned, and a timeout of delivery reports is asked for by the version that has it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.settings import WrongSetting, load
from tests.support.acs import Acs as SignatureChecker
from tests.support.databases import Databases
from tests.support.envelopes import event
from tests.support.events import a_number, received
from tests.support.processes import until
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
    checker = SignatureChecker(tmp_path)
    peer = a_number()
    environ = {
        "BOT_ACS_REPORT_TIMEOUT": "60s",
        "BOT_ACS_CONNECTION_STRING": checker.connection_string,
    }
    try:
        async with running(tmp_path, databases.migrated("sqlite"), acs, **environ) as bot:
            await bot.post([received(peer, "hours")])
            await bot.replies(peer)
            (call,) = until(lambda: checker.calls(peer))
    finally:
        checker.close()
    assert call["trouble"] is None
    assert call["body"]["smsSendOptions"]["deliveryReportTimeoutInSeconds"] == 60


@pytest.mark.parametrize("text", ["59s", "13h", "soon"])
def test_azure_takes_60_seconds_to_12_hours(text: str) -> None:
    with pytest.raises(WrongSetting, match="BOT_ACS_REPORT_TIMEOUT is"):
        load({"BOT_ACS_REPORT_TIMEOUT": text})
    assert load({"BOT_ACS_REPORT_TIMEOUT": "60s"}).acs_report_timeout == timedelta(minutes=1)
