"""The editor's save bar, its phone and its recipes in a real browser."""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Page, expect

from tests.support.databases import Databases
from tests.support.envelopes import inbound
from tests.support.pages import sideways, violations
from tests.support.rule_files import SHOP, running_book
from tests.support.services import Running
from tests.support.tabs import Tab

HERE = "/console/rules/10-shop.yaml"
WHO = SHOP.replace(
    "\ntests:",
    """
  - name: order
    when: {pattern: 'order (?P<order>\\w+)'}
    set: {order: "{{ order }}"}
    tag: [buyer]
    reply: Noted.

  - name: mine
    when: {keyword: mine}
    only: {dates: 2026-12-24, tagged: buyer}
    reply: "On Christmas Eve: {{ order }}."

tests:""",
)


@pytest_asyncio.fixture(loop_scope="session")
async def bot(tmp_path: Path, databases: Databases, tab: Tab) -> AsyncIterator[Running]:
    async with running_book(tmp_path, databases, {"10-shop.yaml": WHO}, tab.listener) as bot:
        yield bot


def saved(bot: Running) -> str:
    return (bot.service.shelf.folder / "10-shop.yaml").read_text()


async def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("SHOTS"):
        await page.screenshot(path=f"{folder}/{name}.png")


async def write_after(page: Page, line: str, more: str) -> None:
    await page.locator(".cm-line", has_text=line).first.click()
    await page.keyboard.press("End")
    await page.keyboard.type(more)


async def test_the_bar_says_what_changes_takes_the_tests_along_and_a_save_is_undone(
    tab: Tab, bot: Running
) -> None:
    for number, text in enumerate(["hours", "Hours?", "hours", "mine"]):
        await bot.post([inbound(MessageId=f"m{number}", From=f"+1555555010{number}", Message=text)])
    async with tab.at(bot, HERE) as page:
        await write_after(page, "reply: Open", " Closed on Sundays.")
        bar = page.locator("#changes")
        await expect(bar).to_contain_text("You changed hours: the answer.")
        await expect(bar).to_contain_text(
            "3 of the last 4 messages would be answered otherwise, all by hours"
        )
        await bar.locator("summary").press("Enter")
        await expect(bar.locator(".changed li")).to_have_count(1)
        await expect(bar.locator(".changed li")).to_contain_text("3×")
        await picture(page, "bar")
        await expect(bar).to_contain_text("1 test expects the old wording")
        assert await violations(page, "#changes") == []
        await page.get_by_role("button", name="Take the new answer into it").press("Enter")
        await expect(page.locator("#said")).to_contain_text("expect the new answer now")
        await expect(page.locator("#findings .good")).to_be_visible()
        await expect(bar.locator(".tests-say")).to_have_count(0)
        wanted = WHO.replace("Open 9-18.", "Open 9-18. Closed on Sundays.", 2)
        await expect(page.locator("#text")).to_have_value(wanted)
        await page.locator("#drop").click()
        await expect(page.locator("#text")).to_have_value(WHO)
        await expect(bar).to_contain_text("Nothing is changed.")
        await page.keyboard.press("Control+z")
        await expect(page.locator("#text")).to_have_value(wanted)
        await page.keyboard.press("Control+s")
        toast = page.locator(".flash")
        await expect(toast).to_contain_text("Saved and in force.")
        assert saved(bot) == wanted
        await picture(page, "toast")
        await toast.get_by_role("button", name="Undo").press("Enter")
        await expect(toast).to_contain_text("Undone")
        assert saved(bot) == WHO


async def test_two_tabs_with_a_new_file_each_keep_both(tab: Tab, bot: Running) -> None:
    new = "/console/rules/new"
    async with tab.at(bot, new) as first:
        second = await first.context.new_page()
        await second.goto(new)
        for page, name, text in ((first, "30-one", "# one\n"), (second, "40-two", "# two\n")):
            await page.bring_to_front()
            await page.locator("#name").fill(name)
            await page.get_by_role("button", name="Text", exact=True).click()
            async with page.expect_response("**/draft/keep"):
                await page.locator(".cm-content").press_sequentially(text)
        for page, text in ((first, "# one"), (second, "# two")):
            await page.reload()
            await expect(page.locator("#text")).to_have_value(re.compile(text))
            await expect(page.locator("#back")).to_contain_text("Not saved yet")
            await expect(page.locator("#parked")).to_contain_text("another new file")
        await first.goto("/console/rules")
        await expect(first.get_by_role("link", name=re.compile("30-one|40-two"))).to_have_count(2)
        # Whoever comes back to it goes on with it; also in a tab that went elsewhere in between.
        await second.close()
        await first.goto(new)
        await first.get_by_role("link", name="Overview", exact=True).click()
        await expect(first).to_have_url(re.compile("/console$"))
        await first.go_back()
        await expect(first.locator("#text")).to_have_value(re.compile("# one"))
        await expect(first.locator("#said")).not_to_contain_text("Another tab")


async def test_the_phone_has_a_clock_a_person_and_keeps_a_talk_as_a_test(tab: Tab, bot: Running) -> None:
    async with tab.at(bot, HERE) as page:
        await page.locator("#say").fill("mine")
        await page.keyboard.press("Enter")
        await expect(page.locator("#phone")).to_contain_text("no rule")
        await page.locator(".as-if summary").press("Enter")
        await page.get_by_label("When").fill("2026-12-24T10:00")
        await page.get_by_label("Tags").fill("buyer")
        await page.get_by_label("Saved").fill("order: A7")
        await page.keyboard.press("Tab")
        await expect(page.locator("#phone .message.in")).to_have_text("The bot says:On Christmas Eve: A7.")
        await expect(page.locator("#phone .knows")).to_contain_text("tag buyer. order: A7.")
        await expect(page.locator("#as-if-said")).to_contain_text("tagged buyer, order: A7")
        await picture(page, "phone")
        assert await violations(page, ".as-if", "#phone") == []
        await page.get_by_role("button", name="Keep as a test").click()
        await expect(page.locator("#said")).to_contain_text("a person whom the bot doesn't know")
        await page.get_by_label("Tags").fill("")
        await page.get_by_label("Saved").fill("")
        await page.get_by_role("button", name="Start again").click()
        for text in ("order A7", "mine"):
            await page.locator("#say").fill(text)
            await page.keyboard.press("Enter")
            await expect(page.locator("#phone .message.out").last).to_contain_text(text)
        await expect(page.locator("#phone .message.in").last).to_contain_text("On Christmas Eve: A7.")
        await page.get_by_role("button", name="Keep as a test").click()
        test = (
            "  - {at: 2026-12-24 10:00, talk: [{hear: order A7, say: Noted.},"
            ' {hear: mine, say: "On Christmas Eve: A7."}]}\n'
        )
        await expect(page.locator("#text")).to_have_value(WHO + test)
        await expect(page.locator("#findings .good")).to_contain_text("Tests 2 of 2")


async def test_a_recipe_is_found_and_added_and_a_link_carries_a_rule(tab: Tab, bot: Running) -> None:
    async with tab.at(bot, HERE, viewport={"width": 390, "height": 800}) as page:
        await page.get_by_role("button", name="Recipes").click()
        await page.get_by_label("Find a recipe").fill("coupon")
        await expect(page.locator("#recipe-list > li")).to_have_count(1)
        await picture(page, "recipes")
        assert await violations(page, "dialog[open]") == []
        await page.get_by_role("button", name="Add to 10-shop.yaml").press("Enter")
        await expect(page.locator("#said")).to_contain_text(
            "Added coupon-again, coupon, coupon-over, with tests."
        )
        await expect(page.locator("#changes")).to_contain_text("coupon: added")
        await picture(page, "narrow")
        assert await sideways(page) == 0
        await page.locator("#say").fill("coupon")
        await page.keyboard.press("Enter")
        await expect(page.locator("#phone .message.in")).to_be_visible()
        await page.get_by_role("button", name="Link to it").click()
        await expect(page.locator("#linked-to")).to_have_value(re.compile("/console/rules/try#rule="))
        address = await page.locator("#linked-to").input_value()
        await page.locator("#drop").click()
        kept: list[str] = []
        await page.goto(address)
        page.on("request", lambda request: kept.append(request.url) if "/draft/keep" in request.url else None)
        await expect(page.locator("#phone .message.out")).to_contain_text("coupon")
        await expect(page.locator("#phone .message.in")).to_be_visible()
        await expect(page.locator(".cm-content")).to_contain_text("name: coupon")
        # What the link brought is nobody's draft before somebody writes; a field that is left keeps what waits.
        for field in ("#say", "#name"):
            await page.locator(field).focus()
        assert kept == []
        async with page.expect_request("**/draft/keep"):
            await page.locator(".cm-content").press_sequentially("#")
