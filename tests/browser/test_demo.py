"""What a newcomer sees: `bot demo` as a process, and a browser in which somebody texts the bot."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, expect

from tests.support.processes import BOT, Process, until


@pytest.fixture
def phone_page(tmp_path: Path) -> Iterator[str]:
    """The phone page's address in a demo that runs in an empty folder."""
    demo = Process([*BOT, "demo"], folder=tmp_path, environ={"BOT_PORT": "0"})
    page = demo.wait_for(r"(http://\S+/sandbox/phone)")
    assert f'bot text "hours" --sandbox {page.removesuffix("/sandbox/phone")}\n' in demo.printed()
    yield page
    assert demo.terminate() == 0, demo.printed()
    assert "Traceback" not in demo.printed()
    assert (tmp_path / "data" / "demo.db").is_file()


async def test_a_text_is_answered_and_shown_delivered(browser: Browser, phone_page: str) -> None:
    page = await browser.new_page()
    await page.goto(phone_page)
    await page.get_by_label("Your text message").fill("Hours?")
    await page.keyboard.press("Enter")
    answer = page.locator("#talk .theirs")
    await expect(answer).to_contain_text("✓✓ delivered")
    await expect(answer).to_contain_text("Corner Books is open Mon-Sat 9-18.")
    await expect(page.locator("#talk .mine")).to_contain_text("✓ received by the bot")
    await page.close()


async def test_without_javascript_too(browser: Browser, phone_page: str) -> None:
    """The page that the form leads to looks again by itself while an answer is due."""
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(phone_page)
    await page.get_by_label("Your text message").fill("Hours?")
    await page.get_by_role("button", name="Send").click()
    answer = page.locator("#talk .theirs")
    await expect(answer).to_contain_text("✓✓ delivered")
    await expect(answer).to_contain_text("Corner Books is open Mon-Sat 9-18.")
    await context.close()


async def test_stop_is_confirmed_and_then_there_is_silence(browser: Browser, phone_page: str) -> None:
    page = await browser.new_page()
    await page.goto(phone_page)
    for text, bubbles in (("STOP", 2), ("Hours?", 3), ("START", 5)):
        await page.get_by_label("Your text message").fill(text)
        await page.keyboard.press("Enter")
        await expect(page.locator("#talk li")).to_have_count(bubbles)
        await expect(page.locator("#talk .mine").last).to_contain_text("✓ received by the bot")
    first, second = page.locator("#talk .theirs").nth(0), page.locator("#talk .theirs").nth(1)
    await expect(first).to_contain_text("you are unsubscribed")
    await expect(second).to_contain_text("you are subscribed")
    await page.close()


def test_an_open_page_does_not_keep_the_demo_from_ending(tmp_path: Path) -> None:
    demo = Process([*BOT, "demo"], folder=tmp_path, environ={"BOT_PORT": "0"})
    address = demo.wait_for(r"(http://\S+/sandbox/phone)")
    with httpx.stream("GET", f"{address}/stream?from=%2B15555550101", trust_env=False) as stream:
        assert stream.status_code == 200
        assert demo.terminate(seconds=8) == 0
    assert "Traceback" not in demo.printed()


async def test_a_guard_that_keeps_the_bot_silent_is_shown(browser: Browser, phone_page: str) -> None:
    page = await browser.new_page()
    await page.goto(phone_page)
    for bubbles in (2, 4, 6, 7):
        await page.get_by_label("Your text message").fill("hours")
        await page.keyboard.press("Enter")
        await expect(page.locator("#talk li")).to_have_count(bubbles)
    await expect(page.locator("#talk .mine").last).to_contain_text(
        "The bot stays silent: the same message too often in an hour."
    )
    await page.close()


@pytest.mark.parametrize(("options", "key"), [((), "specversion"), (("--schema", "eventgrid"), "eventType")])
def test_the_demo_runs_on_cloudevents_unless_asked_otherwise(
    options: tuple[str, ...], key: str, tmp_path: Path
) -> None:
    demo = Process([*BOT, "demo", *options], folder=tmp_path, environ={"BOT_PORT": "0"}, name="demo")
    url = demo.wait_for(r"(http://\S+)/sandbox/phone")
    with httpx.Client(base_url=url, trust_env=False) as http:
        http.put("/sandbox/weather", json={"dead_letter_rate": 1}).raise_for_status()
        http.post("/sandbox/inbound", json={"from": "+15555550101", "text": "lost"}).raise_for_status()
        (letter,) = http.get("/sandbox/dead-letters").json()
        assert key in letter
        http.put("/sandbox/weather", json={}).raise_for_status()
        http.post("/sandbox/inbound", json={"from": "+15555550102", "text": "hours"}).raise_for_status()
        until(lambda: http.get("/sandbox/sent", params={"to": "+15555550102"}).json()["items"])
    assert demo.terminate() == 0, demo.printed()
