"""The phone page in a real browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.support.sandboxes import Scripted

A_PHONE: ViewportSize = {"width": 360, "height": 740}
A_SMALL_PHONE: ViewportSize = {"width": 320, "height": 568}
A_LAPTOP: ViewportSize = {"width": 1280, "height": 860}


class Pages:
    """Pages that stay open for all tests: one that runs scripts, and one that runs none."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._open: dict[bool, tuple[Page, list[str]]] = {}

    async def _page(self, scripts: bool) -> tuple[Page, list[str]]:
        context = await self._browser.new_context(java_script_enabled=scripts)
        page = await context.new_page()
        complaints: list[str] = []
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        return page, complaints

    @asynccontextmanager
    async def at(
        self, scripted: Scripted, *, scripts: bool = True, viewport: ViewportSize = A_LAPTOP
    ) -> AsyncIterator[Page]:
        """The phone's page, on which no script may fail and nothing may be refused by the security policy."""
        page, complaints = self._open.pop(scripts, None) or await self._page(scripts)
        await page.set_viewport_size(viewport)
        await page.goto(scripted.address + "/sandbox/phone")
        complaints.clear()  # of the sandbox of the test before, which is gone
        yield page
        assert complaints == []
        await page.mouse.move(0, 0)
        self._open[scripts] = page, complaints

    async def close(self) -> None:
        for page, _ in self._open.values():
            await page.context.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pages(browser: Browser) -> AsyncIterator[Pages]:
    pages = Pages(browser)
    yield pages
    await pages.close()


async def test_a_text_is_answered_and_shown_delivered_without_a_reload(
    pages: Pages, scripted: Scripted
) -> None:
    async with pages.at(scripted) as page:
        await expect(page.get_by_text("· live")).to_be_visible()
        await page.evaluate("window.sameDocument = true")
        text = page.get_by_label("Your text message")
        await expect(text).to_be_focused()
        await text.fill("ORDER 12345")
        await text.press("Enter")
        first, second = page.locator("#talk .theirs").nth(0), page.locator("#talk .theirs").nth(1)
        await expect(first).to_contain_text("Order 12345: we are looking it up.")
        await expect(first).to_contain_text("✓✓ delivered")
        await expect(second).to_contain_text("✓✓ delivered")
        await expect(page.locator("#talk .mine")).to_contain_text("✓ received by the bot")
        await expect(text).to_be_focused()
        await expect(text).to_have_value("")
        await expect(page.locator("#nothing-yet")).to_be_hidden()
        assert await page.evaluate("window.sameDocument")


async def test_without_javascript_forms_and_refresh_do_it_all(pages: Pages, scripted: Scripted) -> None:
    async with pages.at(scripted, scripts=False) as page:
        await page.get_by_role("button", name="HOURS").click()
        await expect(page.locator("#talk .mine")).to_contain_text("HOURS")
        # The page looks again by itself while an answer is due.
        await expect(page.locator("#talk .theirs")).to_contain_text("✓✓ delivered")
        await page.get_by_label("Your text message").fill("thanks")
        await page.get_by_role("button", name="Send").click()
        await page.get_by_role("link", name="Refresh").click()
        await expect(page.locator("#talk")).to_contain_text("You said: thanks")
        await expect(page.locator("#talk .theirs").last).to_be_in_viewport()


@pytest.mark.parametrize("javascript", [True, False])
async def test_a_phone_has_no_sideways_scroll(javascript: bool, pages: Pages, scripted: Scripted) -> None:
    phone = scripted.sandbox
    for text in ("x" * 400, "https://example.com/" + "y" * 300, "👩‍👩‍👧" * 60, "مرحبا " * 40):
        phone.text_the_bot(sender="+15555550101", recipient=None, text=text)
    async with pages.at(scripted, viewport=A_PHONE, scripts=javascript) as page:
        await expect(page.locator("#talk .mine")).to_have_count(4)
        for viewport in (A_PHONE, A_SMALL_PHONE):
            await page.set_viewport_size(viewport)
            width = await page.locator("html").evaluate("html => html.scrollWidth")
            assert width <= viewport["width"]
            screen = await page.locator(".screen").evaluate(
                "screen => screen.scrollWidth - screen.clientWidth"
            )
            assert screen <= 0, viewport


async def test_texts_do_nothing_but_show(pages: Pages, scripted: Scripted) -> None:
    evil = "<img src=x onerror=alert(1)><script>alert(1)</script>\u202eevil\x1b[31m"
    inert = evil.replace("\x1b", "␛").replace("\u202e", "\ufffd")
    async with pages.at(scripted) as page:
        scripted.sandbox.text_the_bot(sender="+15555550101", recipient=None, text=evil)
        mine, theirs = page.locator("#talk .mine .text"), page.locator("#talk .theirs .text")
        await expect(theirs).to_have_count(1)
        assert await mine.inner_text() == inert
        assert await page.locator("#talk img, #talk script").count() == 0
        # An override of direction ends with the text: what follows it is read as always.
        assert await mine.evaluate("text => getComputedStyle(text).unicodeBidi") in ("isolate", "plaintext")
        await page.reload()
        assert await mine.inner_text() == inert


async def test_a_page_finds_its_way_back_after_the_sandbox_was_away(pages: Pages, scripted: Scripted) -> None:
    async with pages.at(scripted) as page:
        await expect(page.get_by_text("· live")).to_be_visible()
        await scripted.sandbox.stop()
        await expect(page.get_by_text("· reconnecting…")).to_be_visible()
        await scripted.sandbox.start()
        await expect(page.get_by_text("· live")).to_be_visible()
        scripted.sandbox.text_the_bot(sender="+15555550101", recipient=None, text="still here?")
        await expect(page.locator("#talk")).to_contain_text("You said: still here?")


async def test_one_can_be_another_phone(pages: Pages, scripted: Scripted) -> None:
    async with pages.at(scripted) as page:
        await page.get_by_role("link", name="+1 555 555 0102").click()
        await expect(page.get_by_role("link", name="+1 555 555 0102").last).to_have_attribute(
            "aria-current", "true"
        )
        await page.get_by_label("Another number").fill("06")
        await page.get_by_label("Another number").fill("+33 6 12 34 56 78")
        await page.get_by_role("button", name="Be this phone").click()
        await page.get_by_label("Your text message").fill("salut")
        await page.keyboard.press("Enter")
        await expect(page.locator("#talk")).to_contain_text("You said: salut")
    assert scripted.sandbox.log.messages_of("+33612345678")


def luminance(colour: str) -> float:
    channels = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


CONTRASTS = """() => [...document.querySelectorAll('body *')]
    .filter(el => [...el.childNodes].some(n => n.nodeType === 3 && n.data.trim())
        && el.checkVisibility({visibilityProperty: true}) && !el.closest('.unseen, noscript'))
    .map(el => {
        let under = el;
        const see = e => getComputedStyle(e).backgroundColor;
        while (under.parentElement && see(under) === 'rgba(0, 0, 0, 0)') under = under.parentElement;
        return [el.textContent.trim().slice(0, 40), getComputedStyle(el).color, see(under)];
    })"""


async def test_a_refused_text_says_why_at_once_and_every_text_stands_out_from_what_is_under_it(
    pages: Pages, scripted: Scripted
) -> None:
    async with pages.at(scripted) as page:
        await page.get_by_role("button", name="HOURS").click()
        await expect(page.locator("#talk .theirs")).to_contain_text("✓✓ delivered")
        scripted.webhook.answers = [401]
        await page.get_by_label("Your text message").fill("refuse this")
        await page.keyboard.press("Enter")
        refused = page.locator("#talk .mine").last
        await expect(refused).to_contain_text("✕ refused")
        await expect(refused).to_contain_text("it does not know the secret")
        await expect(page.get_by_role("status")).to_contain_text("it does not know the secret")
        await page.wait_for_timeout(200)  # until the bubbles have faded in
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            for text, front, back in await page.evaluate(CONTRASTS):
                light, dark = sorted((luminance(front), luminance(back)), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, f"{scheme}, {text!r}: {front} on {back}"
            page_colour = await page.locator("html").evaluate(
                "html => getComputedStyle(html).backgroundColor"
            )
            assert (luminance(page_colour) > 0.5) == (scheme == "light")
        await page.emulate_media(color_scheme="null")


async def test_everything_can_be_reached_and_is_big_enough_to_be_hit(
    pages: Pages, scripted: Scripted
) -> None:
    async with pages.at(scripted, viewport=A_PHONE) as page:
        for control in await page.locator("a:visible, button:visible, input:visible").all():
            box = await control.bounding_box()
            assert box
            assert box["height"] >= 24
            assert box["width"] >= 24
        await page.get_by_label("Your text message").focus()
        reached = []
        for _ in range(9):
            await page.keyboard.press("Tab")
            reached.append(await page.evaluate("document.activeElement.textContent.trim()"))
        assert any("Be this phone" in name for name in reached)


async def test_a_hint_can_be_tapped_and_motion_is_left_out_for_who_asks(
    pages: Pages, scripted: Scripted
) -> None:
    async with pages.at(scripted) as page:
        await page.emulate_media(reduced_motion="reduce")
        await page.get_by_role("button", name="HOURS").click()
        fresh = page.locator("#talk .fresh").first
        assert await fresh.evaluate("li => getComputedStyle(li).animationName") == "none"
        await expect(page.locator("#talk .theirs")).to_contain_text("Corner Books is open Mon-Sat 9-18.")
        await page.emulate_media(reduced_motion="null")


@pytest.mark.parametrize("javascript", [True, False])
async def test_the_weather_panel_makes_a_bad_day_and_ends_it(
    javascript: bool, pages: Pages, scripted: Scripted
) -> None:
    async with pages.at(scripted, scripts=javascript) as page:
        panel = page.locator(".weather")
        await expect(panel).to_contain_text("fair")
        await panel.locator("summary").click()
        await panel.get_by_label("Delivery reports").select_option(
            label="say Failed: the phone can't be reached (4006)"
        )
        await panel.get_by_role("button", name="Set the weather").click()
        await expect(panel.locator("summary")).to_contain_text("bad")
        await expect(panel.get_by_label("Delivery reports")).to_have_value("failed")
        await page.get_by_label("Your text message").fill("thanks")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator("#talk .theirs")).to_contain_text("4006")
        await panel.get_by_label("Delivery reports").select_option("fair")
        await panel.get_by_role("button", name="Set the weather").click()
        await expect(panel.locator("summary")).to_contain_text("fair")
        assert scripted.sandbox.weather.report_failed_rate == 0
