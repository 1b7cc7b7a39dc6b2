"""How long the Rules page takes with a book of 10,000 rules in one file and 500 stored texts.

    .venv/bin/python -m benchmarks.rule_list [--rules 10000] [--tries 7]

A whole bot on a SQLite file of its own, asked over loopback: what the server answers is timed at an HTTP client, what
a person waits for in Chromium, from the key or click until the page shows it. The figures are ms: what this process
spent of a processor (the bot and its client, without Chromium), the time that went by, and the longest that did. Where
other work goes on, the first tells of the page and the others of the machine's load. `typed_weight.py` measures what is
typed into a card.
"""

import argparse
import asyncio
import re
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
from playwright.async_api import Browser, async_playwright, expect

from bot.storage.database import Database
from tests.support.envelopes import inbound
from tests.support.pages import ARGUMENTS, CHROMIUM, console
from tests.support.rule_files import OPT_OUT
from tests.support.services import ADMIN, Acs, Running, running

FILE = "10-rules.yaml"
HERE = f"/console/rules/{FILE}"


def book(rules: int) -> str:
    """As people write them: two keywords, an answer, a blank line."""
    return "timezone: Europe/Paris\nhours: {shop: Mon-Sat 9-18}\n\nrules:\n" + "\n".join(
        f"  - name: rule-{at}\n    when: {{keyword: [word{at}, question {at}]}}\n    reply: This is answer no. {at}.\n"
        for at in range(rules)
    )


async def timed(what: str, tries: int, act: Callable[[int], Awaitable[str | None]]) -> None:
    """Do it so many times, and print how long it took; what it returns is printed behind the times."""
    times, spent, more = [], [], None
    for at in range(tries):
        began, used = time.perf_counter(), time.process_time()
        more = await act(at)
        times.append(1_000 * (time.perf_counter() - began))
        spent.append(1_000 * (time.process_time() - used))
    figures = (statistics.median(spent), statistics.median(times), max(times))
    print(f"| {what} | {' | '.join(f'{each:,.0f}' for each in figures)} | {more or ''} |", flush=True)


async def at_the_server(bot: Running, rules: int, tries: int) -> None:
    """What an HTTP client waits for."""
    own = {"Sec-Fetch-Site": "same-origin"}
    async with httpx.AsyncClient(base_url=bot.address, headers=own, timeout=60) as http:
        await http.post("/console/login", data={"token": ADMIN})
        file = bot.service.shelf.folder / FILE

        async def page(path: str) -> str:
            answer = await http.get(path)
            assert answer.status_code == 200, answer.text
            return f"{len(answer.content):,} bytes of HTML"

        async def fresh(at: int) -> None:
            answer = await bot.send("GET", f"/api/rules/{FILE}")
            text = file.read_text().replace("rules:\n", f"# {at}\nrules:\n", 1)
            answer = await bot.send(
                "PUT",
                f"/api/rules/{FILE}",
                content=text.encode(),
                headers={"If-Match": answer.headers["etag"]},
            )
            assert answer.is_success, answer.text

        async def listed_anew(_: int) -> str:
            return await page("/console/rules")

        print("| at the server | processor | median | slowest | |\n| --- | --- | --- | --- | --- |")
        for at in range(2):
            await fresh(at)
            await timed("the list, first look at a changed file", 1, listed_anew)
        await timed("the list", tries, listed_anew)
        await timed("the last page of it", tries, lambda _: page(f"/console/rules?from={rules - 200}"))
        await timed("a search in it", tries, lambda at: page(f"/console/rules?q=answer+no.+{at}7"))
        await timed("a card", tries, lambda at: page(f"{HERE}?rule=rule-{rules - 20 - at}"))


async def in_the_browser(browser: Browser, bot: Running, rules: int, tries: int) -> None:
    """What a person waits for."""
    async with console(browser, bot, "/console/rules") as page:
        page.set_default_timeout(60_000)

        async def opened(_: int) -> str:
            await page.goto("/console/rules")
            await expect(page.locator("#list li").first).to_be_visible()
            return f"{await page.locator('*').count():,} elements"

        async def searched(at: int) -> None:
            await page.locator("#find").fill(f"rule-{rules - 50 - at}")
            await expect(page.locator("#list strong")).to_have_text(
                [f"rule-{rules - 50 - at}"], timeout=60_000
            )

        async def moved(_: int) -> None:
            second = page.locator("#list strong").nth(1)
            name = await second.inner_text()
            await page.locator("#list a.what").nth(1).focus()
            await page.keyboard.press("Alt+ArrowUp")
            await expect(page.locator("#list strong").first).to_have_text(name, timeout=60_000)

        async def shown(at: int) -> None:
            await page.goto(f"{HERE}?rule=rule-{rules - 30 - at}")
            await expect(page.locator(".cm-content")).to_have_count(1, timeout=60_000)

        async def typed(at: int) -> None:
            answer = page.locator(".rule-card").get_by_label("Answer", exact=True)
            await answer.fill(f"Typed {at}.")
            await expect(page.locator(".sentence")).to_contain_text(f"Typed {at}", timeout=60_000)

        print("\n| in Chromium | processor | median | slowest | |\n| --- | --- | --- | --- | --- |")
        await timed("the list is there", tries, opened)
        await timed("a search is typed", tries, searched)
        await page.goto("/console/rules")
        await timed("a rule is moved: checked, saved, in force", min(tries, 3), moved)
        await timed("a card is there, with the editor behind it", tries, shown)
        await timed("a word is typed into it, and the sentence follows", tries, typed)
        await page.locator("#drop").click()
        # The page is made anew, and tells of changes only once there are some.
        bar = page.locator("#changes")
        await expect(bar).to_contain_text(
            re.compile("Nothing is changed|What you change is told"), timeout=60_000
        )


async def _with_tables(address: str) -> None:
    database = Database(address)
    await database.upgrade()
    await database.close()


async def main(rules: int, tries: int) -> None:
    """Fill, ask, look."""
    acs = Acs()
    await acs.start()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        rules_folder = folder / "book"
        rules_folder.mkdir()
        (rules_folder / "00-opt-out.yaml").write_text(OPT_OUT)
        (rules_folder / FILE).write_text(book(rules))
        database = f"sqlite+aiosqlite:///{folder}/bot.db"
        await _with_tables(database)
        async with running(folder, database, acs, BOT_RULES=str(rules_folder)) as bot:
            texts = [
                inbound(MessageId=f"m{at}", From=f"+1555556{at:04}", Message=f"please word{at}")
                for at in range(500)
            ]
            await bot.post(texts)
            await at_the_server(bot, rules, tries)
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
                await in_the_browser(browser, bot, rules, tries)
                await browser.close()
    await acs.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rules", type=int, default=10_000)
    parser.add_argument("--tries", type=int, default=7)
    given = parser.parse_args()
    asyncio.run(main(given.rules, given.tries))
