"""Answers in a real browser: a chart for each question, where people give up, live, with and without scripts."""

import csv
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.support.databases import Databases
from tests.support.envelopes import inbound
from tests.support.pages import A_LAPTOP, A_PHONE, OpenPages, sideways, violations, violations_in_the_dark
from tests.support.services import ADMIN, VIEWER, Acs, Running, running

RULES = """\
rules:
  - name: booking
    when: {keyword: book}
    ask:
      - {save: day, question: "Which day?", expect: {one_of: [mon, tue, fri]}}
      - {save: people, question: "How many?", expect: {number: {min: 1, max: 8}}}
      - {save: street, question: "Which street?"}
    reply: "Booked."
  - name: vote
    when: {pattern: '^vote (?P<option>[abc])$'}
    record: {option: "{{ option | upcase }}"}
    once: replace
    reply: "Counted."
"""
EVIL = "<img src=x onerror=alert(1)> \u202egnp.exe"
#: Paths, and what is new on each.
PATHS = {
    "/console/answers": "html", "/console/answers/booking": "main", "/console/answers/vote?screen=1": "html",
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bot(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> AsyncIterator[Running]:
    acs = Acs()
    await acs.start()
    folder = tmp_path_factory.mktemp("answers")
    (folder / "rules").mkdir()
    (folder / "rules" / "10-desk.yaml").write_text(RULES)
    async with running(folder, databases.migrated("sqlite"), acs) as bot:
        texts = [
            *((1, text) for text in ("book", "fri", "2", EVIL)),
            *((2, text) for text in ("book", "mon", "4", "4 Elm Street")),
            *((3, text) for text in ("book", "fri", "8", "cancel")),
            *((4, text) for text in ("book", "cancel")),
            (5, "vote a"), (6, "vote b"), (7, "vote b"),
        ]  # fmt: skip
        await bot.post(
            [
                inbound(MessageId=str(at), From=f"1555557010{who}", Message=text)
                for at, (who, text) in enumerate(texts)
            ]
        )
        yield bot
    await acs.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(browser: Browser, bot: Running) -> AsyncIterator[OpenPages]:
    async with OpenPages(browser, bot) as pages:
        yield pages


@pytest.mark.parametrize("scripts", [True, False])
async def test_the_page_of_a_rule_shows_its_tally_its_funnel_and_its_rows_which_are_downloaded(
    desk: OpenPages, scripts: bool
) -> None:
    token = VIEWER if scripts else ADMIN
    async with desk.at("/console/answers", token=token, java_script_enabled=scripts) as page:
        await expect(page.get_by_role("link", name=re.compile("booking"))).to_contain_text("2 of 4 finished")
        await page.get_by_role("link", name=re.compile("booking")).click()
        await page.wait_for_url("**/console/answers/booking")
        await expect(page.get_by_role("heading", level=1)).to_have_text("booking")
        day = page.get_by_role("region", name="day")
        await expect(day).to_contain_text("Which day?")
        await expect(day.get_by_role("listitem")).to_have_text(
            [re.compile(r"mon\s*1\s*33 %"), re.compile(r"tue\s*0\s*0 %"), re.compile(r"fri\s*2\s*67 %")]
        )
        await expect(page.get_by_role("img", name="2: 1; 4: 1; 8: 1")).to_be_visible()
        funnel = page.get_by_role("region", name="Where people give up")
        await expect(funnel.get_by_role("listitem")).to_have_text(
            [
                re.compile(r"began\s*4\s*100 %"), re.compile(r"day\s*3\s*75 %\s*−1"), re.compile(r"people\s*3\s*75 %"),
                re.compile(r"street\s*2\s*50 %\s*−1"), re.compile(r"finished\s*2\s*50 %"),
            ]
        )  # fmt: skip
        await expect(page.get_by_text("<img src=x onerror=alert(1)>").first).to_be_visible()
        async with page.expect_download() as coming:
            await page.get_by_role("link", name="CSV").click()
        file = await coming.value
        assert file.suggested_filename == "answers-booking.csv"
        lines = list(csv.DictReader(io.StringIO(Path(await file.path()).read_text("utf-8-sig"))))
        assert [line["street"] for line in lines if line["status"] == "finished"] == ["4 Elm Street", EVIL]
        async with page.expect_download() as coming:
            await page.get_by_role("link", name="Excel").click()
        assert Path(await (await coming.value).path()).read_bytes().startswith(b"PK")
        await page.get_by_role("navigation", name="State").get_by_role("link", name="cancelled").click()
        await page.wait_for_url("**/booking?status=cancelled#rows")
        rows = page.get_by_role("table").get_by_role("row")
        await expect(rows).to_have_count(3)
        await page.get_by_role("table").get_by_role("link").first.click()
        await page.wait_for_url("**/console/conversations/*")


async def test_a_vote_can_be_watched(desk: OpenPages, bot: Running) -> None:
    async with desk.at("/console/answers/vote", token=VIEWER, java_script_enabled=True) as page:
        await page.get_by_role("link", name="On a screen").click()
        await expect(page.get_by_role("heading", name="The rows")).to_have_count(0)
        await expect(page.locator("#live")).to_have_text("live")
        choices = page.get_by_role("region", name="option").get_by_role("listitem")
        await expect(choices).to_have_text([re.compile(r"A\s*1\s*33 %"), re.compile(r"B\s*2\s*67 %")])
        await bot.post([inbound(MessageId="changed", From="15555570106", Message="vote c")])
        await expect(choices).to_have_text([re.compile(f"{each}\\s*1") for each in "ABC"])


@pytest.mark.parametrize("scripts", [True, False])
async def test_what_is_known_of_a_person_is_shown_and_corrected(
    desk: OpenPages, bot: Running, scripts: bool
) -> None:
    (conversation,) = await bot.items("/api/conversations", peer="+15555570102")
    path = f"/console/conversations/{conversation['id']}"
    street = "Oak Road" if scripts else "Elm Way"
    async with desk.at(path, token=ADMIN, java_script_enabled=scripts) as page:
        known = page.locator("#known")
        summary = page.locator("#known > summary")
        await summary.click()
        await expect(known).to_contain_text(re.compile(r"booking\s*✓ finished"))
        street_of_theirs = page.locator("#v-street")
        await street_of_theirs.fill(street)
        form = known.locator("form", has=street_of_theirs)
        await form.get_by_role("button", name="Correct").click()
        await expect(page.locator(".deed").last).to_have_text(f"admin corrected street: {street}")
        await expect(summary).to_contain_text(street)
        if not scripts:
            await summary.click()
            await known.get_by_role("button", name="Forget").first.click()
            await expect(page.locator(".deed").last).to_have_text("admin had day forgotten")
    if scripts:
        async with desk.at(path, token=VIEWER, java_script_enabled=scripts) as page:
            await page.locator("#known > summary").click()
            await expect(page.locator("#known")).to_contain_text(street)
            await expect(page.locator("#known").get_by_role("button")).to_have_count(0)


async def test_everybody_can_use_it(desk: OpenPages, bot: Running) -> None:
    (conversation,) = await bot.items("/api/conversations", peer="+15555570101")
    talk = f"/console/conversations/{conversation['id']}"
    for path, part in (PATHS | {talk: "#known"}).items():
        async with desk.at(path, token=ADMIN, java_script_enabled=True, viewport=A_PHONE) as page:
            if path == talk:
                await page.locator("#known > summary").click()
            assert await violations(page, *[part] if part else []) == [], path
            assert await sideways(page) <= 0, path
            await page.set_viewport_size(A_LAPTOP)
            assert await violations_in_the_dark(page, *[part] if part else []) == [], path
            assert await sideways(page) <= 0, path
            assert len(await page.content()) < 30_000
