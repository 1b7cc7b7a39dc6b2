"""Overview and rejected events in a real browser: what they say, where they lead, live, with and without scripts."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.support.databases import Databases
from tests.support.envelopes import REPORT, REPORT_DATA, event, inbound
from tests.support.pages import (
    A_LAPTOP,
    A_PHONE,
    OpenPages,
    console,
    sideways,
    violations,
    violations_in_the_dark,
)
from tests.support.services import Acs, Running, running

EVIL = "<img src=x onerror=alert(1)> \u202egnp.exe"
#: Paths, and the window in which axe looks at the page in the light; in the dark it does so in the other one.
PAGES = {"/console": A_LAPTOP, "/console?period=hour": A_PHONE, "/console/rejected": A_PHONE}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bot(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> AsyncIterator[Running]:
    acs = Acs()
    await acs.start()
    async with running(tmp_path_factory.mktemp("bot"), databases.migrated("sqlite"), acs) as bot:
        await bot.post([inbound(MessageId="a", From="15555550101", Message="hours")])
        await bot.post([inbound(MessageId="b", From="15555550102", Message="adress?")])
        await bot.post([inbound(MessageId="c", From="15555550103", Message="address")])
        await bot.post([inbound(MessageId="d", From="15555550104", Message=EVIL)])
        (reply,) = await bot.replies("+15555550101")
        failed = {"DeliveryStatus": "Failed", "DeliveryStatusDetails": "4004: no such number"}
        await bot.post([event(REPORT, REPORT_DATA | {"MessageId": reply["provider_message_id"]} | failed)])
        await bot.post([{"odd": EVIL}, inbound(From="15555550109")])
        yield bot
    await acs.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(browser: Browser, bot: Running) -> AsyncIterator[OpenPages]:
    async with OpenPages(browser, bot) as pages:
        yield pages


async def rejected_for_our_fault(bot: Running, message_id: str) -> None:
    """An event that could not be processed for a fault that is mended now."""
    book, bot.service.inbox._book = bot.service.inbox._book, lambda: 1 / 0  # type: ignore[assignment, return-value]
    await bot.post([inbound(MessageId=message_id, From="15555550105", Message="hours")])
    bot.service.inbox._book = book


async def test_nothing_to_do_is_said(browser: Browser, idle_bot: Running) -> None:
    async with console(browser, idle_bot, "/console") as page:
        await expect(page.get_by_role("heading", level=1)).to_have_text("✓ Everything is fine")
        await expect(page.get_by_role("region", name="Needs you")).to_contain_text("Nothing. Nobody waits")
        await expect(page.locator(".needs .count")).to_have_count(0)


@pytest.mark.parametrize("scripts", [True, False])
async def test_what_needs_somebody_leads_to_it_periods_are_links_and_the_figures_a_table(
    desk: OpenPages, scripts: bool
) -> None:
    async with desk.at("/console", java_script_enabled=scripts) as page:
        todo = page.get_by_role("region", name="Needs you")
        await expect(todo).to_contain_text("messages matched no rule")
        await expect(todo).to_contain_text(re.compile(r"“ad+ress\??”\s*×2"))
        await expect(todo).to_contain_text("the number doesn't exist (4004)")
        await todo.get_by_role("link", name="1", exact=True).first.click()
        await page.wait_for_url("**/console/conversations?delivery=failed")
        await expect(page.locator("[data-row]")).to_have_count(1)
        await page.go_back()
        await page.wait_for_url("**/console")
        await page.get_by_role("navigation", name="Period").get_by_role("link", name="hour").click()
        await page.wait_for_url("**/console?period=hour")
        await expect(page.get_by_role("heading", name="Messages, last hour")).to_be_visible()
        await expect(
            page.get_by_role("img", name=re.compile(r"In the last hour: \d+ in, \d+ out"))
        ).to_be_visible()
        await page.get_by_text("The figures as a table").click()
        await expect(page.get_by_role("table")).to_be_visible()
        assert await page.get_by_role("row").count() >= 30
        await page.get_by_role("link", name=re.compile("Draft a rule for .*res")).first.click()
        await page.wait_for_url("**/console/rules/draft?message=*")


async def test_an_open_overview_changes_by_itself_and_its_chart_says_what_is_under_the_pointer(
    desk: OpenPages, bot: Running
) -> None:
    async with desk.at("/console?period=hour") as page:
        await expect(page.locator("#live")).to_have_text("live")
        await page.get_by_text("The figures as a table").click()
        await bot.post([inbound(MessageId="live", From="15555550106", Message="is there parking")])
        await expect(page.get_by_text("is there parking")).to_be_visible()
        await expect(page.get_by_role("table")).to_be_visible()  # what was opened stays open
        await expect(page.locator("#chart[data-mounted]")).to_be_visible()
        box = await page.locator("#chart").bounding_box()
        assert box is not None
        for step in range(50):  # the page may be laid out anew under a pointer that rests
            await page.mouse.move(box["x"] + box["width"] / 2 + step % 2, box["y"] + 40)
            if await page.locator("#chart .reading").is_visible():
                break
            await page.wait_for_timeout(100)
        await expect(page.locator("#chart .reading")).to_have_text(
            re.compile(r".+ · 0 in · 0 out · 0 failed")
        )
        await page.mouse.move(0, 0)
        await expect(page.locator("#chart .reading")).to_be_hidden()


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_rejected_event_is_tried_again_and_leaves_or_stays_until_it_is_dismissed(
    desk: OpenPages, bot: Running, scripts: bool
) -> None:
    await bot.post([{"odd": f"stays {scripts}"}, inbound(From="15555550109")])
    await rejected_for_our_fault(bot, f"again {scripts}")
    async with desk.at("/console/rejected", java_script_enabled=scripts) as page:
        first = page.locator(".rejected > li").first
        await expect(first).to_contain_text("It could not be processed")
        await expect(first.locator("pre")).to_contain_text(f'"again {scripts}"')
        await first.get_by_role("button", name="Try again").click()
        await expect(page.get_by_text("The event is accepted.")).to_be_visible()
        await expect(page.get_by_text(f'"again {scripts}"')).to_have_count(0)
        # One that still can't be read.
        mine = page.locator(".rejected > li", has_text=f"stays {scripts}")
        await mine.get_by_role("button", name="Try again").click()
        await expect(page.get_by_text("It still can't be taken")).to_be_visible()
        await expect(mine).to_have_count(1)
        await mine.get_by_role("button", name="Dismiss").click()
        await expect(page.get_by_text("The event is dismissed.")).to_be_visible()
        await expect(mine).to_have_count(0)


async def test_axe_finds_nothing_and_a_phone_has_no_sideways_scroll(desk: OpenPages) -> None:
    for path, lit in PAGES.items():
        async with desk.at(path, viewport=lit) as page:
            assert await violations(page) == [], path
            if lit == A_PHONE:
                assert await sideways(page) <= 0, path
            await page.set_viewport_size(A_LAPTOP if lit == A_PHONE else A_PHONE)
            assert await violations_in_the_dark(page) == [], path
            if lit != A_PHONE:
                assert await sideways(page) <= 0, path
