"""What a newcomer sees: `bot demo` as a process, and a browser in which somebody texts the bot."""

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.support.processes import BOT, Process, until

_phones = (f"+1555555{number}" for number in itertools.count(2000))


@pytest.fixture(scope="module")
def phone_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The phone page's address in a demo that runs in an empty folder."""
    folder = tmp_path_factory.mktemp("demo")
    demo = Process([*BOT, "demo"], folder=folder, environ={"BOT_PORT": "0"})
    page = demo.wait_for(r"(http://\S+/sandbox/phone)")
    assert f'bot text "hours" --sandbox {page.removesuffix("/sandbox/phone")}\n' in demo.printed()
    yield page
    assert demo.terminate() == 0, demo.printed()
    assert "Traceback" not in demo.printed()
    assert (folder / "data" / "demo.db").is_file()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def opened(browser: Browser) -> AsyncIterator[Page]:
    page = await browser.new_page()
    yield page
    await page.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(opened: Page, phone_page: str) -> Page:
    """The page of a phone that has sent nothing yet."""
    await opened.goto(another(phone_page))
    return opened


def another(phone_page: str) -> str:
    return f"{phone_page}?from={next(_phones).replace('+', '%2B')}"


async def test_a_text_is_answered_and_shown_delivered(page: Page) -> None:
    await page.get_by_label("Your text message").fill("Hours?")
    await page.keyboard.press("Enter")
    answer = page.locator("#talk .theirs")
    await expect(answer).to_contain_text("✓✓ delivered")
    await expect(answer).to_contain_text("Corner Books is open Mon-Sat 9-18.")
    await expect(page.locator("#talk .mine")).to_contain_text("✓ received by the bot")


async def test_without_javascript_too(browser: Browser, phone_page: str) -> None:
    """The page that the form leads to looks again by itself while an answer is due."""
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(another(phone_page))
    await page.get_by_label("Your text message").fill("Hours?")
    await page.get_by_role("button", name="Send").click()
    answer = page.locator("#talk .theirs")
    await expect(answer).to_contain_text("✓✓ delivered")
    await expect(answer).to_contain_text("Corner Books is open Mon-Sat 9-18.")
    await context.close()


async def test_stop_is_confirmed_and_then_there_is_silence(page: Page) -> None:
    for text, bubbles in (("STOP", 2), ("Hours?", 3), ("START", 5)):
        await page.get_by_label("Your text message").fill(text)
        await page.keyboard.press("Enter")
        await expect(page.locator("#talk li")).to_have_count(bubbles)
        await expect(page.locator("#talk .mine").last).to_contain_text("✓ received by the bot")
    first, second = page.locator("#talk .theirs").nth(0), page.locator("#talk .theirs").nth(1)
    await expect(first).to_contain_text("you are unsubscribed")
    await expect(second).to_contain_text("you are subscribed")


async def test_a_guard_that_keeps_the_bot_silent_is_shown(page: Page) -> None:
    for bubbles in (2, 4, 6, 7):
        await page.get_by_label("Your text message").fill("hours")
        await page.keyboard.press("Enter")
        await expect(page.locator("#talk li")).to_have_count(bubbles)
    await expect(page.locator("#talk .mine").last).to_contain_text(
        "The bot stays silent: the same message too often in an hour."
    )


def lose_one(url: str, key: str) -> None:
    """A dead letter, which has this key."""
    lost, heard = next(_phones), next(_phones)
    with httpx.Client(base_url=url, trust_env=False) as http:
        http.put("/sandbox/weather", json={"dead_letter_rate": 1}).raise_for_status()
        http.post("/sandbox/inbound", json={"from": lost, "text": "lost"}).raise_for_status()
        # A report of an earlier text may have been lost, too.
        letters = http.get("/sandbox/dead-letters").json()
        (letter,) = [each for each in letters if lost.removeprefix("+") in json.dumps(each)]
        assert key in letter
        http.put("/sandbox/weather", json={}).raise_for_status()
        http.post("/sandbox/inbound", json={"from": heard, "text": "hours"}).raise_for_status()
        until(lambda: http.get("/sandbox/sent", params={"to": heard}).json()["items"])


def test_the_demo_runs_on_cloudevents_unless_asked_otherwise(phone_page: str) -> None:
    lose_one(phone_page.removesuffix("/sandbox/phone"), "specversion")


def test_asked_for_event_grids_schema_it_runs_on_that_and_an_open_page_does_not_keep_it_from_ending(
    tmp_path: Path,
) -> None:
    demo = Process([*BOT, "demo", "--schema", "eventgrid"], folder=tmp_path, environ={"BOT_PORT": "0"})
    url = demo.wait_for(r"(http://\S+)/sandbox/phone")
    lose_one(url, "eventType")
    stream = f"{url}/sandbox/phone/stream?from=%2B15555550101"
    with httpx.stream("GET", stream, trust_env=False) as open_page:
        assert open_page.status_code == 200
        assert demo.terminate(seconds=8) == 0, demo.printed()
    assert "Traceback" not in demo.printed()
