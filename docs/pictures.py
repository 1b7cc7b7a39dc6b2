"""Takes the pictures of the documentation from a running demo: `make pictures`."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

DOCS = Path(__file__).resolve().parent
MONTH = DOCS.parent / "benchmarks" / "console_data.py"
BROWSERS = ("/usr/lib/chromium/chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), "chromium")
TOKEN = "the-token-of-the-pictures"  # noqa: S105 - of a demo that lives for a minute
#: The exchange that the README shows: text → how many replies it gets. As much as fits on the phone without scrolling.
TEXTS = {"Hours?": 1, "Order 123456": 2, "Thanks!": 1}
#: Somebody in a conversation of the console: what the bot answers, and what it leaves to a person.
PEER = "+33612345678"
TALK = ("Hours?", "do you deliver to France?")
PATH = {"PYTHONPATH": str(DOCS.parent)}
#: A month of a small shop, so that there is something to look at.
MESSAGES, PEERS = 40_000, 9_000


@contextmanager
def demo(*, lively: bool) -> Iterator[str]:
    """The address of a demo with the starter's rules; its database has a month in it, or nothing."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("BOT_")}
    with tempfile.TemporaryDirectory() as folder:
        if lively:
            Path(folder, "data").mkdir()
            database = f"sqlite+aiosqlite:///{folder}/data/demo.db"
            amount = ("--messages", str(MESSAGES), "--conversations", str(PEERS))
            subprocess.run([sys.executable, MONTH, database, *amount], check=True, env=mine | PATH)  # noqa: S603 - ours
        log = Path(folder, "demo.log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "bot", "demo"],
                cwd=folder,
                env=mine
                | PATH
                | {
                    "BOT_PORT": "0",
                    "BOT_ADMIN_TOKEN": TOKEN,
                    "PYTHONPATH": str(DOCS.parent),
                    "COLUMNS": "200",
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            deadline = time.monotonic() + 60
            while not (named := re.search(r"(http://\S+)/sandbox/phone", log.read_text("utf-8", "replace"))):
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"bot demo did not come up:\n{log.read_text('utf-8', 'replace')}")
                time.sleep(0.1)
            yield named[1]
        finally:
            process.terminate()
            process.wait(20)


def page_of(
    browser: Browser, address: str, *, scheme: str, width: int, height: int, scale: float = 1.5
) -> Page:
    """An empty page on which everything looks as it does for most people."""
    context = browser.new_context(
        base_url=address,
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        color_scheme=scheme,  # type: ignore[arg-type]
        locale="en-GB",
        timezone_id="Europe/Paris",
        bypass_csp=True,  # for our style, below
    )
    page = context.new_page()
    # What Debian calls system-ui is wider than what most people have.
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => document.head.append(Object.assign("
        "document.createElement('style'), {textContent: "
        '\'html { font-family: "Helvetica Neue", "Liberation Sans", sans-serif !important }\'})))'
    )
    return page


def say(page: Page, texts: dict[str, int]) -> None:
    """Text the bot from the phone page and wait until every answer is delivered."""
    received = page.locator("#talk .mine", has_text="✓ received by the bot")
    delivered = page.locator("#talk .theirs", has_text="✓✓ delivered")
    said, answers = received.count(), delivered.count()
    for text, replies in texts.items():
        page.get_by_label("Your text message").fill(text)
        page.keyboard.press("Enter")
        said, answers = said + 1, answers + replies
        expect(received).to_have_count(said)
        expect(delivered).to_have_count(answers, timeout=10_000)


def take(page: Page, name: str) -> None:
    """The window as it is, once what has just come has faded in."""
    page.wait_for_timeout(700)
    page.evaluate("document.activeElement.blur()")
    page.screenshot(path=DOCS / f"{name}.png")


def take_phone(browser: Browser) -> None:
    """The phone alone, answering."""
    with demo(lively=False) as address:
        page = page_of(browser, address, scheme="light", width=960, height=780, scale=2)
        page.goto("/sandbox/phone")
        say(page, TEXTS)
        take(page, "phone")


def take_console(browser: Browser, address: str, scheme: str) -> None:
    """Overview, a conversation, and the rule editor with its phone."""
    page = page_of(browser, address, scheme=scheme, width=1200, height=760)
    log_in(page)
    take(page, f"overview-{scheme}")
    open_talk(page)
    take(page, f"conversation-{scheme}")
    page.goto("/console/rules/shop.yaml")
    for text in ("Hours?", "order 123456"):
        page.get_by_placeholder("Text it").fill(text)
        page.keyboard.press("Enter")
        expect(page.locator(".try .message.out", has_text=text)).to_be_visible()
    take(page, f"rules-{scheme}")


def log_in(page: Page) -> None:
    """As the admin; by the second look the page knows the time zone."""
    page.goto("/console/login")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#live.on")).to_be_visible()
    page.reload()
    expect(page.locator("#live.on")).to_be_visible()


def open_talk(page: Page) -> None:
    """The conversation that the bot and a person had."""
    page.goto(f"/console/conversations?q=%2B{PEER[1:]}")
    page.locator(".row").first.click()
    expect(page.locator(".message.out").last).to_contain_text("✓✓ delivered")
    page.goto(page.url.partition("?")[0])
    expect(page.locator("#live.on")).to_be_visible()


def talk(phone: Page, admin: Page) -> None:
    """Somebody asks, the bot answers what it can, a person the rest."""
    phone.goto(f"/sandbox/phone?from=%2B{PEER[1:]}")
    say(phone, dict.fromkeys(TALK, 1))
    log_in(admin)
    open_talk(admin)
    admin.get_by_role("button", name="Hand over").click()
    admin.get_by_label("Your reply").fill("We do: 5 € for a parcel, two days. Shall we send it?")
    admin.get_by_role("button", name="Send").click()
    expect(admin.locator(".message.out").last).to_contain_text("✓✓ delivered")
    say(phone, {"Yes please!": 0})
    admin.get_by_role("button", name="Hand back").click()
    expect(admin.locator(".deed").last).to_contain_text("handed back")
    say(phone, {"Order 123456": 2})


def main() -> None:
    """Take them all."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        take_phone(browser)
        with demo(lively=True) as address:
            talk(*(page_of(browser, address, scheme="light", width=960, height=780) for _ in range(2)))
            for scheme in ("light", "dark"):
                take_console(browser, address, scheme)
        browser.close()


if __name__ == "__main__":
    main()
