"""Debian's Chromium, one for all tests here, which share its event loop; and a scripted bot behind a sandbox."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from bot.sandbox.app import Sandbox
from tests.support.databases import Databases
from tests.support.pages import ARGUMENTS, CHROMIUM, LONGEST_WAIT
from tests.support.rule_files import running_book
from tests.support.rule_forms import BOOK, FILE
from tests.support.sandboxes import RECEIVED, Scripted, Webhook, event_type, listening, sms_client
from tests.support.services import Acs, Running, running
from tests.support.tabs import Tab

expect.set_options(timeout=LONGEST_WAIT)
HERE = Path(__file__).parent
ANSWERS = {
    "hours": ["Corner Books is open Mon-Sat 9-18."],
    "order 12345": ["Order 12345: we are looking it up.", "Reply HELP to talk to a person."],
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Starting a browser takes longer than most tests with one: it lives for as long as the loop that it is on."""
    for item in items:
        if item.path.parent == HERE and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A page of it is closed by whoever opened it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def tab(browser: Browser) -> AsyncIterator[Tab]:
    """One for all tests whose bots may follow each other at its address."""
    tab = Tab(browser)
    yield tab
    await tab.close()


@pytest_asyncio.fixture(loop_scope="session")
async def scripted() -> AsyncIterator[Scripted]:
    webhook = Webhook()
    await webhook.start()
    sandbox = Sandbox(webhook.url)
    replies: set[asyncio.Task[None]] = set()
    async with listening(sandbox) as address, sms_client(address, sandbox.access_key) as sms:

        async def reply(data: dict[str, Any]) -> None:
            for answer in ANSWERS.get(data["Message"].lower(), ["You said: " + data["Message"]]):
                await sms.send(sandbox.number, "+" + data["From"], answer, enable_delivery_report=True)

        async def answer(event: dict[str, Any]) -> None:
            if event_type(event) == RECEIVED:
                replies.add(asyncio.create_task(reply(event["data"])))

        webhook.on_event = answer
        yield Scripted(sandbox, webhook, address)
        await asyncio.gather(*replies)
    await webhook.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def shop(tmp_path: Path, databases: Databases, tab: Tab) -> AsyncIterator[Running]:
    """The bot of a task."""
    files = {FILE: BOOK, "coupons.csv": "code\nSPRING-1\nSPRING-2\n"}
    async with running_book(tmp_path, databases, files, tab.listener) as bot:
        yield bot


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def idle_bot(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> AsyncIterator[Running]:
    """Nobody has written to it, and nobody may."""
    acs = Acs()
    await acs.start()
    async with running(tmp_path_factory.mktemp("idle"), databases.migrated("sqlite"), acs) as bot:
        yield bot
    await acs.stop()


@pytest.fixture(autouse=True)
def quiet(logs: list[MutableMapping[str, Any]]) -> None:
    """What is logged is kept for who asks, not printed."""
