"""One page of a browser for many tests, at one address, where each test has a bot of its own.

A new context and its first page of the editor take four times the processor's time of a page that is loaded again: the
browser has its scripts by then. Nothing else of a test is left for the next one.
"""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Page

from tests.support.pages import A_LAPTOP, complaints_of, log_in, new_page
from tests.support.services import ADMIN, Running

#: A page of each bot that is quick, and has no script.
QUICK = "/health/live"
FORGET = "() => { localStorage.clear(); sessionStorage.clear() }"


class Tab:
    """A page, and the socket on which the bot of the test that has it listens."""

    def __init__(self, browser: Browser) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self._browser = browser
        self._page: Page | None = None
        self._complaints: list[str] = []

    @asynccontextmanager
    async def at(
        self,
        bot: Running,
        path: str = "/console/rules",
        *,
        token: str = ADMIN,
        viewport: Any = A_LAPTOP,
        color_scheme: Any = "light",
    ) -> AsyncIterator[Page]:
        """The page, logged in by a token; no script on it may fail, as in `console`."""
        if self._page is None:
            self._page = await new_page(self._browser, bot)
            self._complaints = complaints_of(self._page)
        page = self._page
        try:
            self._complaints.clear()
            await page.set_viewport_size(viewport)
            await page.emulate_media(color_scheme=color_scheme)
            await log_in(page.context, token=token)
            await page.goto(path)
            yield page
            assert self._complaints == []
            await self._forget(page)
        except BaseException:
            await self._drop()  # who knows what it waits for
            raise

    async def _forget(self, page: Page) -> None:
        """What a test did to the page, and what the page keeps."""
        for other in page.context.pages:
            if other is not page:
                await other.close()
        await page.unroute_all()
        await page.goto(QUICK)  # what a page keeps when it is left is kept by now
        await page.evaluate(FORGET)
        await page.mouse.move(0, 0)
        await page.context.clear_cookies()

    async def _drop(self) -> None:
        page, self._page = self._page, None
        if page is not None:
            await page.context.close()

    async def close(self) -> None:
        """With its socket."""
        await self._drop()
        self.listener.close()
