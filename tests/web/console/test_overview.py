"""The overview and the rejected events as pages and over the API: who sees what, who may do what, all of it inert."""

import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from bot.web.console.rejected import pretty
from tests.support.console import browser, csrf_in
from tests.support.databases import Databases, Kind
from tests.support.envelopes import REPORT, REPORT_DATA, event, inbound
from tests.support.services import ADMIN, VIEWER, Acs, Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVIL = '<script>alert(1)</script>\u202egnp.exe"\x1b[31m'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(
    database_kind: Kind, tmp_path_factory: pytest.TempPathFactory, databases: Databases
) -> AsyncIterator[Running]:
    acs = Acs()
    await acs.start()
    async with running(tmp_path_factory.mktemp("bot"), databases.migrated(database_kind), acs) as bot:
        await bot.post([inbound(MessageId="a", From="15555550101", Message="hours")])
        await bot.post([inbound(MessageId="b", From="15555550102", Message=EVIL)])
        await bot.post([inbound(MessageId="c", From="15555550103", Message="hours")])
        (reply,) = await bot.replies("+15555550103")
        failed = {"DeliveryStatus": "Failed", "DeliveryStatusDetails": "4004: no such number"}
        await bot.post([event(REPORT, REPORT_DATA | {"MessageId": reply["provider_message_id"]} | failed)])
        await bot.replies("+15555550101")
        yield bot
    await acs.stop()


def rejected_event(**changes: str) -> dict[str, object]:
    """An inbound message that lacks its sender."""
    whole = inbound(**changes)
    data = whole["data"]
    assert isinstance(data, dict)
    return whole | {"data": {name: value for name, value in data.items() if name.lower() != "from"}}


async def page_of(bot: Running, path: str, token: str = VIEWER) -> httpx.Response:
    async with browser(bot, token) as http:
        answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    return answer


# The overview


async def test_the_api_says_what_the_page_says(bot: Running) -> None:
    view = (await bot.get("/api/overview", token=VIEWER, params={"period": "hour"})).json()
    assert view["period"] == "hour"
    assert view["counts"]["inbound"] == 3
    assert view["counts"]["states"] == {"sent": 1, "failed": 1}
    assert view["needs"]["failures"] == [
        {"reason": {"words": "the number doesn't exist", "code": 4004}, "count": 1}
    ]
    assert [group["newest"]["text"] for group in view["needs"]["unmatched"]] == [EVIL]
    assert len(view["points"]) in (60, 61)
    html = (await page_of(bot, "/console?period=hour")).text
    assert "the number doesn&#39;t exist" in html
    assert 'href="/console/conversations?delivery=failed"' in html
    assert 'href="/console/conversations?unmatched=1"' in html


@pytest.mark.parametrize("period", ["hour", "day", "month"])
async def test_every_period_is_a_page_under_30_kb(bot: Running, period: str) -> None:
    answer = await page_of(bot, f"/console?period={period}")
    assert len(answer.content) < 30_000
    assert f'href="/console?period={period}" aria-current="true"' in answer.text


@pytest.mark.parametrize("asked", ["", "?period=", "?period=year", "?period=%00", "?period=hour&period=day"])
async def test_a_period_that_is_none_is_the_day(bot: Running, asked: str) -> None:
    answer = await page_of(bot, f"/console{asked}")
    assert "Messages, last" in answer.text


async def test_the_api_refuses_a_period_that_is_none(bot: Running) -> None:
    assert (await bot.get("/api/overview", params={"period": "year"})).status_code == 400
    assert (await bot.http.get("/api/overview")).status_code == 401


async def test_texts_of_strangers_are_inert(bot: Running) -> None:
    html = (await page_of(bot, "/console")).text
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "\x1b" not in html
    assert "\u202e" not in html


async def test_only_who_may_edit_is_offered_a_draft(bot: Running) -> None:
    assert "/console/rules/draft?message=" in (await page_of(bot, "/console", ADMIN)).text
    assert "/console/rules/draft" not in (await page_of(bot, "/console", VIEWER)).text


# Rejected events


async def test_a_rejected_event_is_shown_raw_and_inert(bot: Running) -> None:
    await bot.post([rejected_event(MessageId="r1", Message=EVIL)])
    html = (await page_of(bot, "/console/rejected")).text
    assert "The event has no From" in html or "From" in html
    assert "<script>alert" not in html
    assert r"\u202egnp.exe\&#34;\u001b[31m" in html
    assert "Try again" not in html, "a viewer may only look"
    assert "Try again" in (await page_of(bot, "/console/rejected", ADMIN)).text


async def test_trying_again_says_what_came_of_it(bot: Running) -> None:
    await bot.post([rejected_event(MessageId="r2")])
    event_id = (await bot.items("/api/rejected"))[0]["id"]
    refused = await bot.send("POST", f"/api/rejected/{event_id}/retry")
    assert refused.status_code == 409
    assert "It still can't be taken" in refused.json()["detail"]
    async with browser(bot, ADMIN) as http:
        form = {"csrf": csrf_in((await http.get("/console/rejected")).text)}
        answer = await http.post(f"/console/rejected/{event_id}/retry", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/rejected")
        assert "It still can&#39;t be taken" in (await http.get("/console/rejected")).text
        answer = await http.post(f"/console/rejected/{event_id}/dismiss", data=form)
        assert "The event is dismissed." in (await http.get("/console/rejected")).text
        answer = await http.post(f"/console/rejected/{event_id}/dismiss", data=form)
        assert "There is no rejected event" in (await http.get("/console/rejected")).text
    html = (await page_of(bot, "/console/rejected")).text
    assert "<strong>admin</strong> dismissed an event: " in html, "a viewer sees who it was"
    assert (await bot.items("/api/rejected/settled"))[0]["id"] == event_id
    assert event_id not in [one["id"] for one in await bot.items("/api/rejected")]


async def test_an_event_that_could_not_be_processed_is_taken_once_it_can(bot: Running) -> None:
    """A fault of ours, mended meanwhile: the event was kept as we had read it."""
    inbox = bot.service.inbox
    book, inbox._book = inbox._book, lambda: 1 / 0  # type: ignore[assignment, return-value]
    await bot.post([inbound(MessageId="r3", From="15555550177", Message="hours")])
    inbox._book = book
    (event, *_) = await bot.items("/api/rejected")
    assert "It could not be processed" in event["reason"]
    answer = await bot.send("POST", f"/api/rejected/{event['id']}/retry")
    assert (answer.status_code, answer.json()) == (200, {"outcome": "accepted"})
    assert len(await bot.replies("+15555550177")) == 1


async def test_a_viewer_may_not_do_anything_about_them(bot: Running) -> None:
    await bot.post([rejected_event(MessageId="r4")])
    event_id = (await bot.items("/api/rejected"))[0]["id"]
    assert (await bot.send("POST", f"/api/rejected/{event_id}/retry", token=VIEWER)).status_code == 403
    assert (await bot.send("DELETE", f"/api/rejected/{event_id}", token=VIEWER)).status_code == 403
    async with browser(bot, VIEWER) as http:
        html = (await http.get("/console/rejected")).text
        assert "&#34;r4&#34;" in html
        assert re.findall("Try again|Dismiss", html) == []
        form = {"csrf": csrf_in(html)}
        for deed in ("retry", "dismiss"):
            assert (await http.post(f"/console/rejected/{event_id}/{deed}", data=form)).status_code == 403
    assert (await bot.send("DELETE", f"/api/rejected/{event_id}")).status_code == 204
    assert (await bot.send("DELETE", f"/api/rejected/{event_id}")).status_code == 404
    assert (await bot.send("POST", "/api/rejected/%00/retry")).status_code == 404


async def test_rejected_events_come_in_pages(bot: Running) -> None:
    await bot.post([rejected_event(MessageId=f"p{at}") for at in range(25)])
    first = (await page_of(bot, "/console/rejected")).text
    older = re.search(r'href="(/console/rejected\?cursor=[^"]+)"', first)
    assert older
    second = (await page_of(bot, older[1])).text
    shown = re.findall(r'id="(e-[^"]+)"', first) + re.findall(r'id="(e-[^"]+)"', second)
    assert len(shown) == len(set(shown)) >= 25
    async with browser(bot, VIEWER) as http:
        assert (await http.get("/console/rejected?cursor=x")).status_code == 400


async def test_a_raw_event_is_laid_out_in_ascii_and_cut_when_it_is_long() -> None:
    assert pretty('{"a":"\u202e"}') == '{\n  "a": "\\u202e"\n}'
    assert pretty("not JSON \u202e\x1b") == "not JSON \\u202e\u241b"
    assert pretty("[" * 100_000).startswith("[[[")
    assert "more characters" in pretty(json.dumps(["x" * 10_000]))
