"""Takes the pictures of the documentation from a running demo: `make pictures`."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

DOCS = Path(__file__).resolve().parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
#: The exchange that the README shows: text → how many replies it gets. As much as fits on the phone without scrolling.
TEXTS = {"Hours?": 1, "Order 123456": 2, "Thanks!": 1}


@contextmanager
def demo() -> Iterator[str]:
    """The phone page's address in a demo with the starter's rules and an empty database."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("BOT_")}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "demo.log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "bot", "demo"],
                cwd=folder,
                env=mine | {"BOT_PORT": "0", "PYTHONPATH": str(DOCS.parent), "COLUMNS": "200"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            deadline = time.monotonic() + 30
            while not (named := re.search(r"http://\S+/sandbox/phone", log.read_text("utf-8", "replace"))):
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"bot demo did not come up:\n{log.read_text('utf-8', 'replace')}")
                time.sleep(0.1)
            yield named[0]
        finally:
            process.terminate()
            process.wait(20)


def talk(page: Page) -> None:
    """Text the bot and wait until every answer is delivered."""
    answers = 0
    for text, replies in TEXTS.items():
        page.get_by_label("Your text message").fill(text)
        page.keyboard.press("Enter")
        answers += replies
        delivered = page.locator("#talk .theirs", has_text="✓✓ delivered")
        expect(delivered).to_have_count(answers, timeout=10_000)
    expect(page.locator("#talk .mine", has_text="✓ received by the bot")).to_have_count(len(TEXTS))


def take_phone(address: str, file: Path) -> None:
    """The phone alone, answering."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(
            viewport={"width": 960, "height": 780},
            device_scale_factor=2,
            color_scheme="light",
            locale="en-GB",
            bypass_csp=True,  # for our style, below
        )
        page.goto(address)
        # What Debian calls system-ui is wider than what most people have.
        page.add_style_tag(
            content='html { font-family: "Helvetica Neue", "Liberation Sans", sans-serif !important }'
        )
        talk(page)
        page.wait_for_timeout(500)  # until the newest bubble has faded in
        page.evaluate("document.activeElement.blur()")
        page.screenshot(path=file)
        browser.close()


if __name__ == "__main__":
    with demo() as address:
        take_phone(address, DOCS / "phone.png")
