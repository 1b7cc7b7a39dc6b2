"""The weight of a condition follows each letter, in a long file; an older answer changes nothing."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest_asyncio
from playwright.async_api import Locator, Page, Request, Route, expect

from tests.support.databases import Databases
from tests.support.envelopes import inbound
from tests.support.rule_files import running_book
from tests.support.services import Running
from tests.support.tabs import Tab

FILE = "10-shop.yaml"
#: So long that the text is not copied into the form with each letter.
BOOK = "timezone: Europe/Paris\n\nrules:\n" + "".join(
    f"  - name: r{at}\n    when: {{keyword: [word{at}]}}\n    reply: This is answer no. {at}.{' And so on.' * 30}\n\n"
    for at in range(76)
)
BOOK += f"# {'And so on. ' * 10}\n" * 650 + "values: {shop: Corner Books}\n"
assert len(BOOK) > 100_000
HEARD = ("d", "de", "de", "del", "del", "del", "open", "you deliver")
SPLICE = "**/rules/draft/splice"


@pytest_asyncio.fixture(loop_scope="session")
async def bot(tmp_path: Path, databases: Databases, tab: Tab) -> AsyncIterator[Running]:
    async with running_book(tmp_path, databases, {FILE: BOOK}, tab.listener) as bot:
        await bot.post([inbound(MessageId=f"m{at}", Message=text) for at, text in enumerate(HEARD)])
        yield bot


def weight(page: Page) -> Locator:
    return page.locator(".rule-card [data-weight=keyword]")


def edits_in(request: Request) -> list[Any]:
    edits: list[Any] = json.loads(parse_qs(request.post_data or "", keep_blank_values=True)["edits"][0])
    return edits


async def test_each_letter_is_weighed_by_a_small_request(tab: Tab, bot: Running) -> None:
    async with tab.at(bot, f"/console/rules/{FILE}?rule=r70") as page:
        sent: list[Request] = []
        page.on("request", lambda request: sent.append(request) if "/splice" in request.url else None)
        await expect(page.locator(".cm-content")).to_have_count(1)
        await expect(weight(page)).to_have_text(re.compile("^0 of the last 8 texts"))
        word = page.get_by_label("Words", exact=True).locator("input").first
        await word.select_text()
        for letter, count in (("d", 1), ("e", 2), ("l", 3), ("i", 0)):
            await page.keyboard.type(letter)
            await expect(weight(page)).to_have_text(re.compile(f"^{count} of the last 8 texts"))
        await page.keyboard.press("Backspace")
        await expect(weight(page)).to_have_text(re.compile("^3 of the last 8 texts"))

        # A word that is not whole yet is weighed with the others, and stands nowhere.
        new = page.get_by_placeholder("another word")
        for letter, count in (("o", 3), ("p", 3), ("e", 3), ("n", 4)):
            await new.press(letter)
            await expect(weight(page)).to_have_text(re.compile(f"^{count} of the last 8 texts"))
        await expect(weight(page)).to_have_text(re.compile("^4 of"))
        assert [edit["value"] for edit in edits_in(sent[-1])] == ["open"]
        await new.fill("")
        await expect(weight(page)).to_have_text(re.compile("^3 of the last 8 texts"))
        await new.fill("open")
        await new.press("Enter")
        await expect(page.get_by_role("button", name="Remove open", exact=True)).to_be_visible()
        await expect(weight(page)).to_have_text(re.compile("^4 of the last 8 texts"))

        # None of that read the file: what was sent could not have said what stands in it.
        assert len(sent) > 8
        assert max(len(request.post_data or "") for request in sent) < 1_000
        await page.get_by_role("button", name="Save rules").click()
        await expect(page.locator(".flash")).to_contain_text("Saved and in force")
        saved = (bot.service.shelf.folder / FILE).read_text()
        assert saved == BOOK.replace("[word70]", "[del, open]")


async def test_an_older_answer_changes_nothing_that_is_newer(tab: Tab, bot: Running) -> None:
    async with tab.at(bot, f"/console/rules/{FILE}?rule=r70") as page:
        await expect(page.locator(".cm-content")).to_have_count(1)
        held, may_go = asyncio.Queue[Request](), asyncio.Semaphore(0)

        async def hold(route: Route) -> None:
            await held.put(route.request)
            await may_go.acquire()
            await route.continue_()

        await page.route(SPLICE, hold)
        word = page.get_by_label("Words", exact=True).locator("input").first
        await word.fill("d")
        assert edits_in(await held.get())[0]["value"] == "d"
        await word.fill("de")
        await word.fill("del")
        may_go.release()
        # What was typed while an answer was on its way goes together, the newest of the field, and the field keeps it.
        assert edits_in(await held.get())[0]["value"] == "del"
        await expect(word).to_have_value("del")
        may_go.release()
        await expect(weight(page)).to_have_text(re.compile("^3 of the last 8 texts"))
        await expect(word).to_have_value("del")

        # Weighed alone, and added before the answer is there: the answer of the added word stays.
        new = page.get_by_placeholder("another word")
        await new.fill("d")
        assert edits_in(await held.get())[0]["value"] == "d"
        await new.fill("open")
        await new.press("Enter")
        first = await held.get()
        assert [edit["value"] for edit in edits_in(first)] == ["open"]
        may_go.release()
        may_go.release()
        await expect(page.get_by_role("button", name="Remove open", exact=True)).to_be_visible()
        await expect(weight(page)).to_have_text(re.compile("^4 of the last 8 texts"))
        assert held.empty()


async def test_who_writes_elsewhere_meanwhile_loses_neither(tab: Tab, bot: Running) -> None:
    async with tab.at(bot, f"/console/rules/{FILE}?rule=r2") as page:
        await page.get_by_role("button", name="Both").click()
        await expect(page.locator(".cm-line").first).to_have_text("timezone: Europe/Paris")
        held, may_go = asyncio.Queue[Request](), asyncio.Event()

        async def hold(route: Route) -> None:
            await held.put(route.request)
            await may_go.wait()
            await route.continue_()

        await page.route(SPLICE, hold)
        word = page.get_by_label("Words", exact=True).locator("input").first
        await word.fill("del")
        part = parse_qs((await held.get()).post_data or "")
        assert "r2\n" in part["text"][0]
        assert "r3\n" not in part["text"][0]
        # A rule more above it: its number is another one, and the card's places are.
        await page.locator(".cm-line", has_text="rules:").first.click()
        await page.keyboard.press("End")
        await page.keyboard.insert_text("\n  - {name: first, when: {exact: first}, reply: First.}")
        may_go.set()
        # The edit is made again in the text as it is now, which goes there whole: a part of it would not do.
        again = parse_qs((await held.get()).post_data or "")
        while "ranges" in again:
            again = parse_qs((await held.get()).post_data or "")
        assert "r3\n" in again["text"][0]
        await page.get_by_role("button", name="Save rules").click()
        await expect(page.locator(".flash")).to_contain_text("Saved and in force")
        saved = (bot.service.shelf.folder / FILE).read_text()
        assert "- {name: first," in saved
        assert "name: r2\n    when: {keyword: [del]}" in saved


async def test_the_card_of_the_file_makes_room_for_the_rule_that_is_written_in(
    tab: Tab, bot: Running
) -> None:
    async with tab.at(bot, f"/console/rules/{FILE}?card=file") as page:
        card = page.locator(".rule-card")
        zone = card.get_by_label("Time zone", exact=True)
        await zone.fill("Europe/Rome")
        await page.get_by_role("button", name="Both").click()
        await expect(page.locator(".cm-line").first).to_have_text("timezone: Europe/Rome")
        await expect(zone).to_have_value("Europe/Rome")
        # What the file says stands above its rules and below them.
        await page.locator(".cm-line", has_text="name: r1").first.click()
        await page.keyboard.press("End")
        await page.keyboard.type("x")
        await expect(card.get_by_label("Name", exact=True)).to_have_value("r1x")
        await page.keyboard.type("y")
        await expect(card.get_by_label("Name", exact=True)).to_have_value("r1xy")
