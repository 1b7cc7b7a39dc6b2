"""Rules as cards in a real browser: every edit of a field changes only the lines of the text that had to change."""

import asyncio
import difflib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.support.databases import Databases
from tests.support.envelopes import inbound
from tests.support.pages import console, sideways, violations
from tests.support.rule_files import running_book
from tests.support.services import Running
from tests.support.tabs import Tab

A_PHONE = {"width": 390, "height": 844}
SHOP = """\
# What the shop says.
timezone: Europe/Paris
hours: {shop: "Mon-Sat 9-18"}

rules:
  # The one that is asked most.
  - name: hours      # of the shop
    when: {keyword: [hours, open]}
    reply: Open 9-18.   # until spring

  - name: book
    when:
      keyword: book   # and nothing else
    ask:
      - save: people
        question: How many?
        expect: {number: {min: 1, max: 8}}
    reply: "A table for {{ people }}."
    tag: [booked]

  - name: tale
    when: {contains: tale}
    reply: &tale Once upon a time.

tests:
  - {hear: hours, say: Open 9-18.}
"""
#: A rule with a box for what no field can show.
CODE = """\
rules:
  - name: ping
    when: {exact: [ping]}
    reply: Pong.
    fetch: {url: "https://example.com/x", save: found, method: POST, json: {a: [1, {b: c}]}}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def bot(tmp_path: Path, databases: Databases, tab: Tab) -> AsyncIterator[Running]:
    async with running_book(
        tmp_path, databases, {"10-shop.yaml": SHOP, "20-code.yaml": CODE}, tab.listener
    ) as bot:
        yield bot


def changed(before: str, after: str) -> list[str]:
    """The lines that differ."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[:1] in "+-"]


async def text_of(page: Page) -> str:
    return str(await page.locator("#text").input_value())


async def becomes(page: Page, *parts: str) -> str:
    """The text, once it has these parts."""
    for part in parts:
        await expect(page.locator("#text")).to_have_value(re.compile(re.escape(part)))
    return await text_of(page)


async def test_a_rule_is_changed_by_its_form_alone(tab: Tab, bot: Running) -> None:
    await bot.post(
        [inbound(MessageId=f"m{at}", Message=text) for at, text in enumerate(["hours", "your hours?"])]
    )
    async with tab.at(bot, "/console/rules/10-shop.yaml?rule=hours") as page:
        card = page.locator(".rule-card")
        await expect(page.locator(".paper")).to_be_hidden()
        await expect(card).to_contain_text("Whoever texts hours or open hears “Open 9-18”")
        await expect(card).to_contain_text("1 of the last 2 texts")
        await expect(card).to_contain_text("1 more have it further on")
        await expect(card).to_contain_text("until spring")

        word = card.get_by_placeholder("another word")
        await word.click()
        await page.keyboard.type("opening times,")
        text = await becomes(page, "[hours, open, opening times]")
        assert len(changed(SHOP, text)) == 2
        await expect(word).to_be_focused()

        before, answer = text, card.get_by_label("Answer", exact=True)
        await answer.click()
        await page.keyboard.press("End")
        await page.keyboard.type(" Closed: Sundays 🛑", delay=5)
        text = await becomes(page, '"Open 9-18. Closed: Sundays 🛑"   # until spring')
        assert len(changed(before, text)) == 2
        await expect(answer).to_be_focused()
        await expect(answer).to_have_value("Open 9-18. Closed: Sundays 🛑")
        await expect(card.locator("[data-cost]")).to_contain_text("🛑 makes it an SMS of 70")

        before = text
        await card.get_by_role("button", name="Remove open", exact=True).click()
        text = await becomes(page, "[hours, opening times]")
        assert len(changed(before, text)) == 2

        before = text
        await card.get_by_text("+ only", exact=True).click()
        await card.get_by_role("button", name="while we are open").click()
        text = await becomes(page, "only: {open: shop}")
        assert changed(before, text) == ["+     only: {open: shop}"]

        await page.keyboard.press("Control+s")
        await expect(page.locator(".flash")).to_contain_text("Saved and in force")
        assert (bot.service.shelf.folder / "10-shop.yaml").read_text() == text


async def test_form_and_text_follow_each_other_and_undo_knows_both(tab: Tab, bot: Running) -> None:
    async with tab.at(bot, "/console/rules/10-shop.yaml?rule=book") as page:
        card = page.locator(".rule-card")
        await page.get_by_role("button", name="Both").click()
        await expect(page.locator("#paper .cm-content")).to_be_visible()
        await card.get_by_label("at most", exact=True).fill("12")
        text = await becomes(page, "{min: 1, max: 12}")
        assert len(changed(SHOP, text)) == 2
        await expect(page.locator(".cm-lit")).to_have_text("12")
        await page.locator(".cm-line", has_text="Open 9-18.").first.click()
        await expect(card.get_by_label("Answer", exact=True)).to_have_value("Open 9-18.")
        await page.keyboard.press("Home")
        await expect(card.locator(".lit")).to_have_count(0)
        for _ in range(16):
            await page.keyboard.press("ArrowRight")
        await expect(card.locator(".lit textarea")).to_have_value("Open 9-18.")
        await page.keyboard.type("X")
        await expect(card.get_by_label("Answer", exact=True)).to_have_value(re.compile("X"))
        # The card has followed, and left the caret where it was.
        await page.keyboard.type("Y")
        await expect(card.get_by_label("Answer", exact=True)).to_have_value(re.compile("XY"))
        for _ in range(3):  # two keys that come slowly are two steps
            await page.keyboard.press("Control+z")
        await expect(page.locator("#text")).to_have_value(SHOP)

        # One rule is broken: its card is its text, and the others stay cards.
        await page.locator(".cm-line", has_text="{keyword: [hours, open]}").click()
        await page.keyboard.press("End")
        await page.keyboard.press("Backspace")
        await expect(card.get_by_label("The text of this rule")).to_be_visible()
        await card.locator("summary").first.click()
        await card.get_by_role("button", name="tale", exact=True).click()
        answer = card.get_by_label("Answer", exact=True)
        await expect(answer).to_have_value("Once upon a time.")
        await answer.fill("Once.")
        await becomes(page, "reply: &tale Once.\n")
        await card.locator("summary").first.click()
        await card.get_by_role("button", name="hours", exact=True).click()
        await card.get_by_role("button", name="Add }", exact=True).click()
        await expect(card.get_by_label("Answer", exact=True)).to_have_value("Open 9-18.")
        assert await text_of(page) == SHOP.replace("Once upon a time.", "Once.")


async def test_a_card_works_without_scripts(browser: Browser, bot: Running) -> None:
    path = "/console/rules/10-shop.yaml?rule=hours"
    async with console(browser, bot, path, java_script_enabled=False) as page:
        card = page.locator(".rule-card")
        await card.get_by_label("Answer", exact=True).fill("Open: 9-19.")
        await card.get_by_placeholder("another word").fill("opening")
        await card.get_by_role("button", name="Take these changes into the text").click()
        text = SHOP.replace("Open 9-18.   #", '"Open: 9-19."   #').replace(
            "[hours, open]", "[hours, open, opening]"
        )
        await expect(page.locator("#text")).to_have_value(text)
        await card.get_by_role("button", name="Remove open", exact=True).click()
        text = text.replace("[hours, open, opening]", "[hours, opening]")
        await expect(page.locator("#text")).to_have_value(text)
        await card.get_by_label("Answer", exact=True).fill("Open 9-20.")
        await page.get_by_role("button", name="Save rules").click()
        await expect(page.locator(".flash")).to_contain_text("in force")
        saved = (bot.service.shelf.folder / "10-shop.yaml").read_text()
        assert saved == text.replace('"Open: 9-19."', '"Open 9-20."')
        await page.get_by_role("button", name="Both").click()
        await expect(page.locator("#text")).to_be_visible()


async def unanswered(route: Route) -> None:
    """As a proxy answers whose bot is gone; the browser complains of no such status."""
    await route.fulfill(status=404)


async def test_a_save_takes_all_that_was_typed_into_the_card_or_says_why_not(tab: Tab, bot: Running) -> None:
    def saved() -> str:
        return (bot.service.shelf.folder / "20-code.yaml").read_text()

    async with tab.at(bot, "/console/rules/20-code.yaml?rule=ping") as page:
        card, said, etag = (page.locator(each) for each in (".rule-card", "#said", "[name=etag]"))

        async def save() -> None:
            before = await etag.input_value()
            await page.keyboard.press("Control+s")
            await expect(etag).not_to_have_value(before)

        # A word that nobody has left yet.
        await card.get_by_placeholder("another word").click()
        await page.keyboard.type("zebra")
        await save()
        assert "{exact: [ping, zebra]}" in saved()
        await expect(card.get_by_placeholder("another word")).to_have_value("")

        # An edit that the bot does not answer.
        answer = card.get_by_label("Answer", exact=True)
        await page.route("**/draft/splice", unanswered)
        await answer.fill("Pong. Pong.")
        await page.get_by_role("button", name="Save rules").click()
        await expect(said).to_contain_text("Not saved: the bot does not answer")
        await expect(answer).to_have_value("Pong. Pong.")
        assert "Pong. Pong." not in saved()
        await page.unroute("**/draft/splice")
        await save()
        assert "Pong. Pong." in saved()

        # An edit that can't be made, and one that can at the same time.
        box, before = card.locator("textarea.code").first, saved()
        right = await box.input_value()
        await box.fill("{a: [broken")
        await answer.fill("Pung.")
        await expect(card.locator(".notice.bad")).to_be_visible()
        await expect(page.locator("#text")).to_have_value(re.compile("Pung"))
        await page.get_by_role("button", name="Save rules").click()
        await expect(said).to_contain_text("Not saved: ")
        await expect(box).to_have_value("{a: [broken")
        assert saved() == before
        await box.fill(right.replace("1", "2"))
        await save()
        assert "reply: Pung." in saved()
        assert "[2, {b: c}]" in saved()


async def test_what_is_typed_last_is_kept_although_its_page_is_left_at_once(tab: Tab, bot: Running) -> None:
    here = "/console/rules/20-code.yaml?rule=ping"
    async with tab.at(bot, "/console/rules") as page:

        async def kept() -> str:
            return await (await page.context.request.get(here)).text()

        answered = asyncio.Event()

        async def late(route: Route) -> None:
            await asyncio.wait_for(answered.wait(), 20)  # else a test that fails would never end
            await route.continue_()

        await page.get_by_role("link", name=re.compile("^ping")).click()
        answer = page.locator(".rule-card").get_by_label("Answer", exact=True)
        await expect(page.locator("#paper")).to_have_attribute("data-mounted", "here")
        await page.route("**/draft/splice", late)
        async with page.expect_response("**/draft/keep"):
            async with page.expect_request("**/draft/splice"):
                await answer.fill("Pong. A link.")
            await page.get_by_role("link", name="Overview", exact=True).click()
            answered.set()
        await expect(page).to_have_url(re.compile("/console$"))
        assert "Pong. A link." in await kept()

        await page.go_back()
        await expect(answer).to_have_value("Pong. A link.")
        await expect(page.locator("#paper")).to_have_attribute("data-mounted", "here")
        answered.clear()
        async with page.expect_response("**/draft/keep"):
            async with page.expect_request("**/draft/splice"):
                await answer.fill("Pong. Back.")
            await page.go_back()
            await expect(page.locator("#list")).to_be_visible()
            answered.set()
        assert "Pong. Back." in await kept()


async def test_a_card_on_a_phone_fits_and_axe_finds_nothing(browser: Browser, bot: Running) -> None:
    path = "/console/rules/10-shop.yaml?rule=book"
    async with console(browser, bot, path, viewport=A_PHONE, has_touch=True, color_scheme="dark") as page:
        await expect(page.locator(".rule-card")).to_contain_text("Whoever texts book is asked a question")
        assert await sideways(page) == 0
        assert await violations(page, ".rule-card") == []
        await page.locator(".rule-card").get_by_text("+ then", exact=True).click()
        assert await sideways(page) == 0
