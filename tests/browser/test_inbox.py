"""People who answer beside each other, in real browsers: what one does the other sees; by keyboard, on a phone."""

import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from bot.operator.actor import Actor
from bot.operator.people import People
from tests.support.databases import Databases
from tests.support.envelopes import inbound
from tests.support.pages import A_PHONE, console, sideways, violations
from tests.support.services import ADMIN, Acs, Running, running, settings_for

TEXTS = """\
values: {shop: Corner Books}
canned:
  greeting: "Hello from {{ shop }}."
  way: "Tram 3, stop Market."
"""
PATH = "/console/conversations"
BOSS = Actor("the boss")

_peers = (f"+1555558{number:04}" for number in itertools.count())
_ids = (f"inbox{number}" for number in itertools.count())
_names = (f"Ada {number}" for number in itertools.count())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bot(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> AsyncIterator[Running]:
    acs = Acs()
    await acs.start()
    folder, url = tmp_path_factory.mktemp("bot"), databases.migrated("sqlite")
    settings_for(folder, url, acs)
    (folder / "rules" / "texts.yaml").write_text(TEXTS)
    async with running(folder, url, acs) as bot:
        yield bot
    await acs.stop()


async def waiting(bot: Running, count: int = 1) -> list[str]:
    """Conversations of peers of their own that wait for a person; their ids, the longest wait first."""
    ids = []
    for _ in range(count):
        peer = next(_peers)
        await bot.post([inbound(MessageId=next(_ids), From=peer, Message="What?")])
        (found,) = await bot.items("/api/conversations", peer=peer)
        answer = await bot.send("PUT", f"/api/conversations/{found['id']}/handover")
        assert answer.status_code == 200
        ids.append(found["id"])
    return ids


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def nobody_waits(bot: Running) -> AsyncIterator[None]:
    """Whoever still waits after a test is not in the way of the next one."""
    yield
    left = [each["id"] for each in await bot.items("/api/conversations", handed_over=True)]
    if left:
        await bot.send("POST", "/api/acts", json={"do": "done", "conversations": left})


@asynccontextmanager
async def desk(
    browser: Browser, bot: Running, path: str = PATH, **options: object
) -> AsyncIterator[tuple[Page, str]]:
    """A page of somebody of their own, and their name."""
    link = await People(bot.service.writer).add(next(_names), "support", by=BOSS)
    async with console(browser, bot, path, token=None, key=link.key, **options) as page:
        yield page, link.person.name


async def test_what_one_does_the_other_sees(browser: Browser, bot: Running) -> None:
    (key,) = await waiting(bot)
    path = f"{PATH}/{key}?waiting=1"
    async with desk(browser, bot, path) as (ada, her), desk(browser, bot, path) as (bo, his):
        await expect(ada.locator("#live.on")).to_be_visible()
        await expect(bo.locator("#live.on")).to_be_visible()
        await expect(ada.locator("#others")).to_contain_text(f"{his} looks at this, too")
        await bo.get_by_label("Your reply").press_sequentially("I a")
        await expect(ada.locator("#others")).to_contain_text(f"{his} is writing…")
        await ada.get_by_role("button", name="Assign it to me").click()
        await expect(ada.locator(".flash")).to_contain_text(f"{her} sees to it.")
        await expect(bo.locator(".peer")).to_contain_text(f"→ {her}")
        await expect(bo.locator(f"#c-{key}")).to_contain_text(f"→ {her}")
        await expect(bo.get_by_label("Your reply")).to_have_value("I a")
        await ada.get_by_role("button", name="Done").click()
        await expect(bo.locator(f"#c-{key}")).to_have_count(0)
        await ada.locator(".flash").get_by_role("button", name="Undo").click()
        await expect(bo.locator(f"#c-{key}")).to_be_visible()
        await bo.get_by_label("Your reply").clear()
        await expect(ada.locator("#others")).to_contain_text("looks at this, too")
        await bo.goto(PATH)
        await expect(ada.locator("#others")).to_have_text("")


async def test_who_answers_second_is_told_and_keeps_the_words(browser: Browser, bot: Running) -> None:
    (key,) = await waiting(bot)
    path = f"{PATH}/{key}"
    async with desk(browser, bot, path) as (ada, her), desk(browser, bot, path) as (bo, _):
        await bo.get_by_label("Your reply").fill("Second.")
        await ada.get_by_label("Your reply").fill("First.")
        await ada.get_by_label("Your reply").press("Enter")
        await expect(ada.locator(".message.out")).to_contain_text("First.")
        # Sent as from a page that has not heard of it yet.
        await bo.evaluate(
            "const form = document.querySelector('.composer'); form.elements.seen.value = '1'; form.requestSubmit()"
        )
        await expect(bo.locator(".flash.bad")).to_contain_text(f"{her} has answered while you wrote")
        await expect(bo.get_by_label("Your reply")).to_have_value("Second.")
        await expect(bo.locator(".message.out")).to_contain_text("First.")
        await bo.get_by_role("button", name="Send", exact=True).click()
        await expect(bo.locator(".message.out")).to_have_count(2)
        await expect(ada.locator(".message.out")).to_have_count(2)


async def test_many_at_once_and_back_again(browser: Browser, bot: Running) -> None:
    ids = await waiting(bot, 3)
    async with (
        desk(browser, bot, f"{PATH}?waiting=1") as (ada, _),
        desk(browser, bot, f"{PATH}?waiting=1") as (bo, _),
    ):
        await expect(bo.locator("#live.on")).to_be_visible()
        await expect(ada.locator(".rows li")).to_have_count(3)
        shown = [await each.get_attribute("id") for each in await ada.locator(".rows li").all()]
        assert shown == [f"c-{key}" for key in ids], "the longest wait comes first"
        await expect(ada.get_by_role("link", name="Waiting 3")).to_be_visible()
        bar = ada.get_by_role("group", name="What to do with those that are chosen")
        await expect(bar).to_be_hidden()
        for key in ids[:2]:
            await ada.locator(f"#c-{key}").get_by_role("checkbox").check()
        # What changes meanwhile leaves the ticks where they are.
        (newcomer,) = await waiting(bot)
        await expect(ada.locator(f"#c-{newcomer}")).to_be_visible()
        await expect(ada.locator(".rows input:checked")).to_have_count(2)
        await bar.get_by_role("button", name="Hand back").click()
        await expect(ada.locator(".flash")).to_contain_text("2 conversations are handed back.")
        await expect(bo.locator(".rows li")).to_have_count(2)
        await ada.locator(".flash").get_by_role("button", name="Undo").click()
        await expect(ada.locator(".flash")).to_contain_text("Undone: 2 conversations as before.")
        await expect(bo.locator(".rows li")).to_have_count(4)
        await ada.locator(f"#c-{ids[0]}").get_by_role("checkbox").check()
        await bar.get_by_label("All of this list").check()
        await bar.get_by_label("Snooze or assign").select_option("Snooze: tomorrow at 9:00")
        await bar.get_by_role("button", name="Do that").click()
        await expect(ada.locator(".flash")).to_contain_text("4 conversations are snoozed.")
        await expect(ada.get_by_text("Nothing like this.")).to_be_visible()
        await ada.locator(".flash").get_by_role("button", name="Undo").click()
        await expect(ada.locator(".rows li")).to_have_count(4)


async def test_a_draft_is_there_when_one_comes_back_and_is_counted_as_it_is_typed(
    browser: Browser, bot: Running
) -> None:
    first, second = await waiting(bot, 2)
    async with desk(browser, bot, f"{PATH}/{first}?waiting=1") as (page, _):
        reply, cost = page.get_by_label("Your reply"), page.locator("#reply-cost")
        await reply.press_sequentially("It is")
        await expect(cost).to_have_text("1 segment · GSM-7 · 155 left")
        await reply.press_sequentially("n’t")
        await expect(cost).to_contain_text("UCS-2")
        await expect(cost).to_contain_text("’ (right single quotation mark) makes it UCS-2")
        await page.locator(f"#c-{second} .row").click()
        await expect(page.locator(f"#talk[data-live='{second}']")).to_be_visible()
        await expect(reply).to_have_value("")
        await expect(page.locator(f"#c-{first}")).to_contain_text("✎ draft")
        await page.locator(f"#c-{first} .row").click()
        await expect(reply).to_have_value("It isn’t")
        await page.reload()
        await expect(reply).to_have_value("It isn’t")
        await page.keyboard.press("r")
        await page.keyboard.press("Enter")
        await expect(page.locator(".message.out .bubble").last).to_have_text("It isn’t")
        await expect(reply).to_have_value("")
        await expect(page.locator(f"#c-{first}")).to_have_count(0)  # answered, and waiting no more


async def test_a_reply_that_was_not_kept_is_told_and_is_there_after_a_new_login(
    browser: Browser, bot: Running
) -> None:
    async def gone(route: Route) -> None:
        await route.fulfill(status=404)

    (key,) = await waiting(bot)
    async with console(browser, bot, f"{PATH}/{key}") as page:
        reply, cost = page.get_by_label("Your reply"), page.locator("#reply-cost")
        await page.route("**/draft", gone)
        await reply.press_sequentially("It is")
        await expect(cost).to_contain_text("Not kept: the bot does not answer. It is tried again.")
        await page.unroute("**/draft")
        await expect(cost).to_have_text("1 segment · GSM-7 · 155 left")
        await page.context.clear_cookies(name="bot_session")
        await reply.press_sequentially(" here.")
        await reply.press("Enter")
        await page.get_by_label("Token").fill(ADMIN)
        await page.keyboard.press("Enter")
        await expect(reply).to_have_value("It is here.")


@asynccontextmanager
async def answered(page: Page) -> AsyncIterator[None]:
    """Until what is sent in it was answered: a live page shows what came of it before, and the answer closes menus."""
    await page.evaluate(
        """() => { window.answer = new Promise((done) => document.addEventListener("htmx:afterSettle", (event) =>
        event.detail.requestConfig?.verb === "post" && done())) }"""
    )
    yield
    await page.evaluate("window.answer")


async def test_for_a_moment_a_reply_can_be_taken_back(browser: Browser, bot: Running) -> None:
    (key,) = await waiting(bot)
    team = bot.service.teamwork
    team.undo = timedelta(minutes=1)  # nobody here is in a hurry
    try:
        async with desk(browser, bot, f"{PATH}/{key}") as (page, _):
            reply = page.get_by_label("Your reply")
            await reply.fill("Too quick")
            async with answered(page):
                await reply.press("Enter")
            planned = page.locator(".message.planned")
            await expect(planned).to_contain_text("Too quick")
            await page.keyboard.press("Escape")
            await expect(reply).not_to_be_focused()
            async with answered(page):
                await page.keyboard.press("u")
            await expect(reply).to_have_value("Too quick")
            await expect(planned).to_have_count(0)
            await page.get_by_text("Later…").click()
            await page.get_by_role("button", name="Tomorrow at 9:00").last.click()
            await expect(planned).to_contain_text("leaves")
            await planned.get_by_role("button", name="Don't send it").click()
            await expect(reply).to_have_value("Too quick")
    finally:
        team.undo = timedelta()
    assert [each["direction"] for each in await bot.items(f"/api/conversations/{key}/messages")] == [
        "inbound"
    ]


async def test_what_came_by_a_live_change_is_sent_without_another_page(
    browser: Browser, bot: Running
) -> None:
    """A form that htmx had not seen loaded the whole page, and closed what was open meanwhile."""
    (key,) = await waiting(bot)
    async with desk(browser, bot, f"{PATH}/{key}") as (page, _):
        await expect(page.locator("#live.on")).to_be_visible()
        await page.evaluate("window.isTheSame = true")
        later = {"text": "In an hour", "at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
        assert (await bot.send("POST", f"/api/conversations/{key}/planned", json=later)).status_code == 202
        planned = page.locator(".message.planned")
        await expect(planned).to_contain_text("In an hour")
        await planned.get_by_role("button", name="Don't send it").click()
        await expect(planned).to_have_count(0)
        await expect(page.get_by_text("It is not sent")).to_be_visible()
        assert await page.evaluate("window.isTheSame")


async def test_a_morning_by_the_keyboard_alone(browser: Browser, bot: Running) -> None:
    ids = await waiting(bot, 3)
    async with desk(browser, bot, "/console") as (page, name):
        await expect(page.locator("#live.on")).to_be_visible()
        await page.keyboard.press("g")
        await page.keyboard.press("c")
        await expect(page).to_have_url(re.compile("/console/conversations$"))
        await page.keyboard.press("Control+k")
        palette = page.get_by_role("dialog", name="Commands")
        await expect(palette.get_by_role("combobox")).to_be_focused()
        await page.keyboard.type("waiting")
        await expect(palette.get_by_role("option").first).to_contain_text("Show Waiting")
        await page.keyboard.press("Enter")
        await expect(page.locator(f"#c-{ids[0]} .row[href$='?waiting=1']")).to_be_visible()
        await expect(page).to_have_url(re.compile("waiting=1$"))
        await expect(page.locator(".rows li")).to_have_count(3)
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await expect(page.locator(f"#talk[data-live='{ids[0]}']")).to_be_visible()
        await page.keyboard.press("r")
        await expect(page.get_by_label("Your reply")).to_be_focused()
        await page.keyboard.type("/gre")
        texts = page.get_by_role("listbox", name="Texts to send")
        await expect(texts.get_by_role("option")).to_have_count(1)
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Your reply")).to_have_value("Hello from Corner Books.")
        async with answered(page):
            await page.keyboard.press("Enter")
        await expect(page.locator(".message.out .bubble")).to_have_text("Hello from Corner Books.")
        await page.keyboard.press("Escape")
        await expect(page.get_by_label("Your reply")).not_to_be_focused()
        async with answered(page):
            await page.keyboard.press("a")
        await expect(page.locator(".peer")).to_contain_text(f"→ {name}")
        async with answered(page):
            await page.keyboard.press("d")
        await expect(page.locator(f"#c-{ids[0]}")).to_have_count(0)
        await page.keyboard.press("j")  # goes on from where one was
        await expect(page.locator(f"#c-{ids[1]} .row")).to_be_focused()
        await page.keyboard.press("x")
        await page.keyboard.press("j")
        await page.keyboard.press("x")
        await expect(page.locator(".rows input:checked")).to_have_count(2)
        await page.keyboard.press("n")
        await expect(page.get_by_label("A note about")).to_be_focused()
        await page.keyboard.press("Escape")
        await page.keyboard.press("?")
        await expect(page.get_by_role("heading", name="Keys")).to_be_visible()
        await page.keyboard.press("Escape")
        await page.keyboard.press("/")
        await expect(page.get_by_role("searchbox")).to_be_focused()


async def test_on_a_phone_one_answers_and_is_done(browser: Browser, bot: Running) -> None:
    (key,) = await waiting(bot)
    phone = {"viewport": A_PHONE, "has_touch": True, "is_mobile": True}
    async with desk(browser, bot, f"{PATH}?waiting=1", **phone) as (page, _):
        assert await sideways(page) == 0
        assert await violations(page) == []
        await page.locator(f"#c-{key} .row").tap()
        await page.get_by_label("Your reply").fill("Yes.")
        await page.get_by_role("button", name="Send", exact=True).tap()
        await expect(page.locator(".message.out .bubble")).to_have_text("Yes.")
        await expect(page.get_by_label("Your reply")).to_have_value("")
        await page.get_by_label("Tags and opt-out").tap()
        await expect(page.get_by_role("button", name="Mark as unread")).to_be_visible()
        assert await sideways(page) == 0
        assert await violations(page) == []
        await page.locator("#peer").tap()
        await page.get_by_role("button", name="Done").tap()
        await expect(page.locator(".flash")).to_contain_text("Done")
        await page.get_by_role("link", name="Back to the list").tap()
        await expect(page.get_by_text("Nothing like this.")).to_be_visible()


def named(words: str) -> re.Pattern[str]:
    """These words, whatever kinds of blanks are between them."""
    return re.compile(r"\s".join(map(re.escape, words.split())))


async def test_everything_has_a_name_and_nothing_keeps_somebody_out(browser: Browser, bot: Running) -> None:
    (key,) = await waiting(bot)
    async with desk(browser, bot, f"{PATH}/{key}?waiting=1") as (page, _):
        peer = (await page.locator("#peer").inner_text()).replace("\u00a0", " ")
        for role, name in (
            ("checkbox", f"Choose {peer}"),
            ("button", "Done"),
            ("button", "Assign it to me"),
            ("button", "Hand back"),
            ("button", "Send"),
            ("textbox", f"Your reply to {peer}"),
            ("log", ""),
            ("status", ""),
            ("link", "Waiting 1"),
        ):
            found = page.get_by_role(role, name=named(name) if name else None)  # type: ignore[arg-type]
            await expect(found.first).to_be_attached()
        await page.get_by_text("Note…").click()
        await expect(page.get_by_label(re.compile(r"A note about .* that only we see"))).to_be_visible()
        await page.get_by_label("A note about").fill("Calls on Fridays.")
        await page.get_by_role("button", name="Keep the note").click()
        await expect(page.locator(".note")).to_contain_text("Calls on Fridays.")
        await page.locator(f"#c-{key}").get_by_role("checkbox").check()
        assert await violations(page) == []
        await page.get_by_label("More filters").click()
        await expect(page.get_by_role("link", name=re.compile("Opted out"))).to_be_visible()
        assert await violations(page) == []
        await page.keyboard.press("Escape")
        await page.get_by_label("Your reply").fill("/")
        texts = page.get_by_role("listbox", name="Texts to send")
        await expect(texts.get_by_role("option")).to_have_count(2)
        assert await violations(page) == []
        await page.keyboard.press("Escape")
        await page.keyboard.press("Control+k")
        await expect(page.get_by_role("dialog", name="Commands").get_by_role("combobox")).to_be_focused()
        assert await violations(page) == []


async def test_without_a_script_it_is_all_there(browser: Browser, bot: Running) -> None:
    first, second = await waiting(bot, 2)
    async with desk(browser, bot, f"{PATH}/{first}?waiting=1", java_script_enabled=False) as (page, name):
        await page.locator(f"#c-{first}").get_by_role("checkbox").check()
        await page.locator(f"#c-{second}").get_by_role("checkbox").check()
        await page.get_by_label("Snooze or assign").select_option(f"Assign to {name}")
        await page.get_by_role("button", name="Do that").click()
        await expect(page.locator(".flash")).to_contain_text(f"{name} sees to 2 conversations.")
        await page.locator(".flash").get_by_role("button", name="Undo").click()
        await expect(page.locator(".flash")).to_contain_text("Undone")
        await page.get_by_role("link", name="Texts").click()
        await expect(page.get_by_text("Hello from Corner Books.")).to_be_visible()
