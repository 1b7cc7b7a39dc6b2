"""How soon the weight of a condition follows what is typed, with 10,000 rules in one file and 500 stored texts.

    .venv/bin/python -m benchmarks.typed_weight [--rules 10000] [--words 8]

A whole bot on a SQLite file of its own, asked over loopback. At the server: the request that each letter sends, until
its answer is there; with what the page needs of the file, as the page sends it, and with the whole file, as it does
where the rest may matter. In Chromium: from the key until the picture with the new weight is painted, measured in the
page by the event's own time; letters come one behind the other, each when the weight of the one before is there, and
then at the pace of a quick typist. Milliseconds; `processor` is what bot and client used, Chromium left out.
"""

import argparse
import asyncio
import json
import re
import statistics
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

import httpx
from playwright.async_api import Browser, CDPSession, Page, Request, async_playwright

from benchmarks.rule_list import FILE, HERE, book
from bot.storage.database import Database
from tests.support.envelopes import inbound
from tests.support.pages import ARGUMENTS, CHROMIUM, console
from tests.support.rule_files import OPT_OUT
from tests.support.services import ADMIN, Acs, Running, running

TEXTS = 500
WORD = "deliveries"
#: Between two letters of a quick typist: 100 words a minute.
PACE = 120
#: Between two letters of somebody who looks for the keys: the whole file is checked meanwhile.
SLOWLY = 600
#: Notes when the weight has changed after a key, and the frame that shows it has been painted.
WATCH = """() => {
  let pressed = null;
  window.begin = () => { window.steps = []; pressed = null; };
  window.begin();
  addEventListener("input", (event) => { if (event.target.closest("#card")) pressed ??= event.timeStamp; }, true);
  const weight = () => document.querySelector("#card .weight")?.textContent;
  let before = weight();
  new MutationObserver(() => {
    const now = weight();
    if (now === before || pressed === null) return;
    const began = pressed;
    [before, pressed] = [now, null];
    const painted = new MessageChannel();
    painted.port1.onmessage = () => window.steps.push({ began, took: performance.now() - began, shown: now });
    requestAnimationFrame(() => painted.port2.postMessage(null));
  }).observe(document.getElementById("card"), { subtree: true, childList: true, characterData: true });
}"""


def heard(at: int) -> str:
    """A text that begins with the first letters of the word: of two prefixes, no two are met equally often."""
    sizes = [size for size in range(1, len(WORD) + 1) for _ in range(size)]
    return f"{WORD[: sizes[at % len(sizes)]]} please"


def told(what: str, times: list[float], spent: float, more: str) -> None:
    """A line of the table; `spent` seconds of processor are those of all steps."""
    ordered = sorted(times)
    figures = (
        1_000 * spent / len(times),
        statistics.median(times),
        ordered[int(0.95 * (len(times) - 1))],
        ordered[-1],
    )
    print(
        f"| {what} | {len(times)} | {' | '.join(f'{each:,.0f}' for each in figures)} | {more} |", flush=True
    )


async def at_the_server(bot: Running, rules: int, steps: int) -> None:
    """The request of a letter."""
    own = {"Sec-Fetch-Site": "same-origin"}
    async with httpx.AsyncClient(base_url=bot.address, headers=own, timeout=60) as http:
        await http.post("/console/login", data={"token": ADMIN})
        page = (await http.get(f"{HERE}?rule=rule-{rules - 10}")).text
        token, needs = re.search(r'data-csrf="([^"]+)"', page), re.search(r'data-needs="([^"]+)"', page)
        assert token
        assert needs
        headers = {
            "X-CSRF-Token": token[1],
            "HX-Request": "true",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        text = (bot.service.shelf.folder / FILE).read_text()
        part = "".join(text[start:end] for start, end in json.loads(needs[1]))
        for what, fields in (
            ("a letter, with what the card needs", {"text": part, "ranges": needs[1]}),
            ("a letter, with the whole file", {"text": text}),
        ):
            bodies = [
                urlencode(
                    {
                        "file": FILE,
                        "rule": str(rules - 10),
                        "edits": json.dumps(
                            [{"do": "set", "path": ["when", "keyword", 0], "value": WORD[: 1 + at % 10]}]
                        ),
                        **fields,
                    }
                )
                for at in range(steps if "ranges" in fields else 10)
            ]
            times, used, answer = [], time.process_time(), ""
            for body in bodies:
                began = time.perf_counter()
                got = await http.post("/console/rules/draft/splice", content=body, headers=headers)
                times.append(1_000 * (time.perf_counter() - began))
                answer = got.text
                assert got.json()["from"] is not None
            spent = time.process_time() - used
            told(what, times, spent, f"{len(bodies[0]):,} bytes sent, {len(answer):,} come back")


async def in_the_browser(browser: Browser, bot: Running, rules: int, words: int) -> None:
    """What a person sees."""
    async with console(browser, bot, f"{HERE}?rule=rule-{rules - 30}") as page:
        page.set_default_timeout(60_000)
        await page.wait_for_selector(".cm-content", state="attached")
        await page.evaluate(WATCH)
        asked = Asked(page)
        session = await page.context.new_cdp_session(page)
        await session.send("Performance.enable", {"timeDomain": "threadTicks"})
        card = page.locator(".rule-card")
        for what, field, pace in (
            ("in a word, one by one", card.locator(".word input").first, None),
            ("in a word more, one by one", card.get_by_placeholder("another word"), None),
            (f"in a word, one each {PACE} ms", card.locator(".word input").first, PACE),
            (f"in a word, one each {SLOWLY} ms: each is checked", card.locator(".word input").first, SLOWLY),
        ):
            spent, drawn, times = 0.0, 0.0, list[float]()
            for _ in range(words):
                await field.fill("")
                await asked.settled()
                await page.evaluate("window.begin()")
                used, busy = time.process_time(), await renderer(session)
                for at, letter in enumerate(WORD):
                    await page.keyboard.press(letter)
                    if pace is None:
                        await page.wait_for_function("(count) => window.steps.length > count", arg=at)
                    else:
                        await page.wait_for_timeout(pace)
                spent += time.process_time() - used
                drawn += await renderer(session) - busy
                await asked.settled()
                times += [step["took"] for step in await page.evaluate("window.steps")]
            letters = words * len(WORD)
            more = f"the page's own thread: {1_000 * drawn / letters:,.0f} ms of a processor a letter"
            told(f"a letter {what}, until its weight is painted", times, spent, more)


async def renderer(session: CDPSession) -> float:
    """Seconds of processor that the page's main thread has used."""
    metrics = (await session.send("Performance.getMetrics"))["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


class Asked:
    """The requests about the unsaved text that are under way."""

    def __init__(self, page: Page) -> None:
        self._open: set[Request] = set()
        page.on("request", lambda request: self._open.add(request) if "/draft/" in request.url else None)
        page.on("requestfinished", self._ended)
        page.on("requestfailed", self._ended)

    def _ended(self, request: Request) -> None:
        self._open.discard(request)

    async def settled(self) -> None:
        """What was typed is checked, tried and kept: nothing of it runs into the next step."""
        quiet = 0
        while quiet < 15:  # longer than anything waits before it is sent
            await asyncio.sleep(0.1)
            quiet = 0 if self._open else quiet + 1


async def main(rules: int, words: int) -> None:
    """Fill, ask, type."""
    acs = Acs()
    await acs.start()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        rules_folder = folder / "book"
        rules_folder.mkdir()
        (rules_folder / "00-opt-out.yaml").write_text(OPT_OUT)
        (rules_folder / FILE).write_text(book(rules))
        address = f"sqlite+aiosqlite:///{folder}/bot.db"
        database = Database(address)
        await database.upgrade()
        await database.close()
        async with running(folder, address, acs, BOT_RULES=str(rules_folder)) as bot:
            await bot.post(
                [
                    inbound(MessageId=f"m{at}", From=f"+1555556{at:04}", Message=heard(at))
                    for at in range(TEXTS)
                ]
            )
            print("| step | times | processor | median | 95 % | slowest | |\n" + "| --- " * 7 + "|")
            await at_the_server(bot, rules, 10 * words)
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                await in_the_browser(browser, bot, rules, words)
                await browser.close()
    await acs.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rules", type=int, default=10_000)
    parser.add_argument("--words", type=int, default=8)
    given = parser.parse_args()
    asyncio.run(main(given.rules, given.words))
