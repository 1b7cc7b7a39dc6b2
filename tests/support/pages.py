"""A page of the console on which nothing may go wrong, and what every page must hold."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self

from playwright.async_api import Browser, BrowserContext, Error, Page

from tests.support.services import ADMIN, Running

A_LAPTOP = {"width": 1280, "height": 800}
A_PHONE = {"width": 360, "height": 740}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CONTRASTS = ["color-contrast", "link-in-text-block"]
#: What another look or another width of the same page can change.
LOOKS = [*CONTRASTS, "target-size", "scrollable-region-focusable"]
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
#: What ends a page's streams, and forgets what it has kept in the browser.
LEAVE = "sessionStorage.clear(); localStorage.clear(); dispatchEvent(new Event('pagehide'))"
#: Milliseconds after which what is waited for is taken to be missing: the machine may have other work.
LONGEST_WAIT = 60_000

#: Chromium without its windows comes first: each page that is opened in one of those costs 0.3 s more.
BROWSERS = ("/usr/lib/chromium/chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), "chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No script here runs long enough for better machine code to be worth its making.
    "--js-flags=--no-opt --no-maglev",
]


@asynccontextmanager
async def console(
    browser: Browser,
    bot: Running,
    path: str = "/console/conversations",
    *,
    token: str | None = ADMIN,
    key: str | None = None,
    **options: Any,
) -> AsyncIterator[Page]:
    """A page, logged in by a token or by the key of a person's link; no script on it may fail.

    Nor may anything be refused by the security policy.
    """
    page = await new_page(browser, bot, **options)
    if token is not None or key is not None:
        await log_in(page.context, token=token, key=key)
    complaints = complaints_of(page)
    await page.goto(path)
    yield page
    assert complaints == []
    await page.context.close()


async def new_page(browser: Browser, bot: Running, **options: Any) -> Page:
    """The first page of a new context at a bot's address."""
    context = await browser.new_context(**{"viewport": A_LAPTOP, "base_url": bot.address} | options)
    page = await context.new_page()
    page.set_default_timeout(LONGEST_WAIT)
    return page


async def log_in(context: BrowserContext, *, token: str | None = None, key: str | None = None) -> None:
    """By a token or by the key of a person's link."""
    answer = await context.request.post(
        "/console/login",
        form={"key": key} if key is not None else {"token": str(token)},
        headers={"Sec-Fetch-Site": "same-origin"},
        max_redirects=0,
        max_retries=2,  # the bot that answered last at this address may have closed the connection
    )
    assert answer.status == 303, await answer.text()


def complaints_of(page: Page) -> list[str]:
    """What goes wrong on a page from now on: errors of scripts, what the security policy refuses, dialogs."""
    complaints: list[str] = []

    def complain(sentence: str, address: str) -> None:
        # A page that says that there is no such page is told so by the browser, too.
        if "the server responded with a status of 40" not in sentence:
            complaints.append(f"{sentence} ({address})")

    page.on(
        "console",
        lambda said: complain(said.text, page.url) if said.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: complain(str(error), page.url))
    page.on("dialog", lambda dialog: complain(dialog.message, page.url))
    return complaints


class OpenPages:
    """Pages of a bot's console that stay open for the tests of a module: a new one costs three times a page's load.

    Each way of opening one has its own, which begins a test anew: another document, with nothing kept in the browser,
    and no pointer on it. Cookies stay; what is about them, about a clock or about who logs in is for `console`.
    """

    def __init__(self, browser: Browser, bot: Running) -> None:
        self._browser, self._bot = browser, bot
        self._stack = AsyncExitStack()
        self._open: dict[str, tuple[Page, list[str]]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def at(
        self,
        path: str = "/console/conversations",
        *,
        token: str = ADMIN,
        viewport: Any = A_LAPTOP,
        **options: Any,
    ) -> AsyncIterator[Page]:
        """A page as `console` gives it, which shows this path."""
        way = f"{token} {sorted(options.items())}"
        page, complaints = self._open[way] if way in self._open else await self._page(token, options)
        self._open.pop(way, None)  # what fails leaves a page that nobody looks at again
        await page.set_viewport_size(viewport)
        await page.goto(path)
        yield page
        assert complaints == []
        await page.unroute_all()
        await page.mouse.move(0, 0)
        # It hears of nothing more: nobody looks at it until the next test does.
        await page.evaluate(LEAVE)
        self._open[way] = page, complaints

    async def _page(self, token: str, options: dict[str, Any]) -> tuple[Page, list[str]]:
        page = await new_page(self._browser, self._bot, **options)
        self._stack.push_async_callback(page.context.close)
        await log_in(page.context, token=token)
        return page, complaints_of(page)


async def violations(page: Page, *parts: str) -> list[str]:
    """What axe-core finds on a page, however grave, each with its first place; or in parts of it that are new."""
    return await _found_by_axe(page, RULES, parts)


async def violations_of_looks(page: Page, *parts: str) -> list[str]:
    """The same by the rules alone that go by sizes and colours, for a page that was looked at by all of them."""
    return await _found_by_axe(page, LOOKS, parts)


async def violations_in_both_looks(page: Page, *parts: str) -> list[str]:
    """The same for a light page, and then in the dark."""
    return await violations(page, *parts) + await violations_in_the_dark(page, *parts)


async def violations_in_the_dark(page: Page, *parts: str) -> list[str]:
    """What axe-core finds on a light page once it is dark; it is light again afterwards.

    Only the contrasts are looked at: nothing but the colours differs. The page follows the system's look, so that it
    need not be loaded again.
    """
    await page.emulate_media(color_scheme="dark")
    found = await _found_by_axe(page, CONTRASTS, parts)
    await page.emulate_media(color_scheme="light")
    return [f"dark: {each}" for each in found]


async def _found_by_axe(page: Page, rules: list[str], parts: tuple[str, ...] = ()) -> list[str]:
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text())
    where = f"{{include: {list(parts)}}}" if parts else "document"
    # What passes is most of what it finds, and nobody reads it.
    options = f"{{runOnly: {rules}, resultTypes: ['violations'], elementRef: false}}"
    run = f"axe.run({where}, {options}).then(found => found.violations)"
    try:
        found = await page.evaluate(run)
    except Error:  # axe stumbles where a live page changes beneath it: look again at the page as it is then
        await page.wait_for_timeout(1_000)
        found = await page.evaluate(run)
    if not found:
        return []
    has_menu = await page.locator("details[open] > menu:visible").count() > 0
    return [
        f"{violation['id']}: {violation['help']} at {nodes[0]['html'][:200]}"
        for violation in found
        if (nodes := [node for node in violation["nodes"] if not (has_menu and _is_covered(node))])
    ]


def _is_covered(node: dict[str, Any]) -> bool:
    """Whether a target is too small only for what lies over it: a menu that is open, and closes."""
    return any("bscured" in ((check.get("data") or {}).get("messageKey") or "") for check in node["any"])


async def sideways(page: Page) -> int:
    """By how many pixels a page is wider than its window."""
    return int(
        await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )
