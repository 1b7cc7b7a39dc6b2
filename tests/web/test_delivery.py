"""Delivery over the API and in the console: what is shown, who may send again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from bot.queries.traffic_counter import TrafficCounter
from tests.support.console import browser, csrf_in
from tests.support.databases import Databases
from tests.support.envelopes import REPORT, REPORT_DATA, event, inbound
from tests.support.services import ADMIN, VIEWER, Acs, Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")
PEER, OTHER = "+15555550101", "+15555550102"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> AsyncIterator[Running]:
    acs = Acs()
    await acs.start()
    async with running(tmp_path_factory.mktemp("bot"), databases.migrated("sqlite"), acs) as bot:
        for number, peer in enumerate((PEER, OTHER)):
            await bot.post([inbound(MessageId=f"m{number}", From=peer, Message="hours")])
            (reply,) = await bot.replies(peer)
            failed = {"DeliveryStatus": "Failed", "DeliveryStatusDetails": "4006: <b>unreachable</b>"}
            await bot.post(
                [event(REPORT, REPORT_DATA | {"MessageId": reply["provider_message_id"]} | failed)]
            )
        await TrafficCounter(bot.service.database).count(datetime.now(UTC) + timedelta(minutes=2))
        yield bot
    await acs.stop()


async def test_the_api_and_the_csv_say_the_same(bot: Running) -> None:
    view = (await bot.get("/api/delivery", token=VIEWER)).json()
    assert (view["whole"]["messages"], view["whole"]["failed"]) == (2, 2)
    assert [each["name"] for each in view["by_code"]] == ["4006"]
    answer = await bot.get("/api/delivery.csv", params={"period": "week"}, token=VIEWER)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "\r\nall,,,2,0,2,0,0,0,1.0000,," in answer.text
    assert (await bot.http.get("/api/delivery")).status_code == 401
    assert (await bot.get("/api/delivery", params={"period": "year"})).status_code == 400


async def test_each_figure_leads_to_its_messages_and_these_are_sent_again(bot: Running) -> None:
    await bot.post([inbound(MessageId="m9", From=OTHER, Message="stop")])
    async with browser(bot, ADMIN) as http:
        page = (await http.get("/console/delivery")).text
        assert "Why messages did not arrive" in page
        (link,) = {
            each.partition('"')[0].replace("&amp;", "&")
            for each in page.split('href="')
            if "code=4006" in each.partition('"')[0] and "state=failed" in each.partition('"')[0]
        }
        listed = (await http.get(link)).text
        assert listed.count("data-row") == 2
        assert "&lt;b&gt;unreachable" in listed
        fields = {"csrf": csrf_in(listed)} | dict(
            pair.split("=", 1) for pair in ("state=failed", "code=4006")
        )
        answer = await http.post("/console/delivery/resend", data=fields)
        assert answer.status_code == 303
        told = (await http.get(answer.headers["location"])).text
        assert "1 sent again. Left alone: 1 have opted out." in told
        file = await http.get("/console/delivery?format=csv")
        assert "attachment" in file.headers["content-disposition"]
    now = datetime.now(UTC)
    times = {
        "since": (now - timedelta(hours=1)).isoformat(),
        "until": (now + timedelta(minutes=1)).isoformat(),
    }
    found = await bot.get("/api/delivery/messages", params=times | {"state": "failed"}, token=VIEWER)
    assert {each["peer"] for each in found.json()["items"]} == {PEER, OTHER}
    assert (await bot.send("POST", "/api/delivery/resend", json=times, token=VIEWER)).status_code == 403
    again = await bot.send("POST", "/api/delivery/resend", json=times)
    assert (again.json()["resent"], again.json()["opted_out"], again.json()["sent_before"]) == (0, 1, 1)
    naive = {"since": "2026-01-01T00:00:00", "until": times["until"]}
    assert (await bot.send("POST", "/api/delivery/resend", json=naive)).status_code == 400


async def test_a_viewer_looks_and_sends_nothing(bot: Running) -> None:
    async with browser(bot, VIEWER) as http:
        page = (await http.get("/console/delivery/messages?state=failed")).text
        assert "Send all of these again" not in page
        assert (await http.get("/console/opt-outs?number=555")).status_code == 200
        await bot.post([inbound(MessageId="m10", From=OTHER, Message="stop")])
        async with asyncio.timeout(60):
            while "Goodbye" not in (await http.get(f"/console/consent/{OTHER}")).text:  # noqa: ASYNC110 - what another task sends
                await asyncio.sleep(0.05)
