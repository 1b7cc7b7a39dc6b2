"""People in a real browser: added by the admin, in by a link or by a provider, told when somebody waits."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from sqlalchemy import update

from bot.operator.actor import Actor
from bot.operator.people import People
from bot.storage.tables import conversations
from tests.support.bots import until
from tests.support.databases import Databases
from tests.support.envelopes import inbound
from tests.support.openid import CLIENT, CLIENT_SECRET, Provider
from tests.support.pages import A_PHONE, OpenPages, console, sideways, violations_in_both_looks
from tests.support.services import Acs, Running, running

RULES = """\
rules:
  - name: food
    when: {keyword: food}
    reply: The kitchen answers soon.
    handover: {to: kitchen, urgent: true, back_after: 2h, back_reply: Nobody is there.}
  - {name: anything, when: anything}
"""
#: Keeps what a page would have sounded and shown, in the place of the machine's own.
EARS = """
window.heard = []; window.shown = [];
window.AudioContext = class { resume() {} get currentTime() { return 0 } get destination() { return null } };
window.OscillatorNode = class { constructor() {} connect(x) { return x } start() { heard.push("tone") } stop() {} };
window.GainNode = class { constructor() { this.gain = { exponentialRampToValueAtTime() {} } } connect(x) { return x } };
window.Notification = class { constructor(said) { shown.push(said) } addEventListener() {}
  static permission = "granted"; static async requestPermission() { return "granted" } };
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    yield provider
    await asyncio.to_thread(provider.close)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bot(
    tmp_path_factory: pytest.TempPathFactory, databases: Databases, provider: Provider
) -> AsyncIterator[Running]:
    acs = Acs()
    await acs.start()
    settings = {
        "BOT_OIDC_ISSUER": provider.issuer, "BOT_OIDC_CLIENT_ID": CLIENT, "BOT_OIDC_CLIENT_SECRET": CLIENT_SECRET,
    }  # fmt: skip
    async with running(tmp_path_factory.mktemp("bot"), databases.migrated("sqlite"), acs, **settings) as bot:
        (bot.service.settings.rules / "shop.yaml").write_text(RULES)
        await bot.service.shelf.reload()
        yield bot
    await acs.stop()


async def food(bot: Running, peer: str) -> str:
    """Somebody wants food, and waits for the kitchen; their conversation's path."""
    assert (await bot.post([inbound(MessageId=f"food {peer}", From=peer, Message="food")])).status_code == 200
    (found,) = await bot.items("/api/conversations", peer=peer)
    return f"/console/conversations/{found['id']}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(browser: Browser, bot: Running) -> AsyncIterator[OpenPages]:
    """The admin's pages."""
    async with OpenPages(browser, bot) as pages:
        yield pages


async def test_the_admin_adds_somebody_whose_link_opens_the_console_until_they_are_removed(
    desk: OpenPages, browser: Browser, bot: Running
) -> None:
    async with desk.at("/console/people") as admins:
        await admins.get_by_label("Name", exact=True).fill("Zoë Link")
        await admins.get_by_label("Role", exact=True).select_option("viewer")
        await admins.get_by_role("button", name="Add", exact=True).click()
        link = await admins.get_by_label("The login link").input_value()
        async with console(browser, bot, link, token=None) as theirs:
            await theirs.get_by_role("button", name="Open the console").click()
            await expect(theirs.get_by_role("button", name="Account: Zoë Link")).to_be_visible()
            await admins.goto("/console/people")
            await expect(admins.locator(".people li", has_text="Zoë Link")).to_contain_text("viewer")
            await admins.get_by_role("button", name="Remove Zoë Link").click()
            await expect(admins.get_by_role("status").first).to_contain_text("Zoë Link is out")
            await expect(theirs).to_have_url(re.compile("/console/login"))  # with nothing done there


async def test_a_provider_lets_somebody_in_and_leads_to_the_page_that_was_wanted(
    browser: Browser, bot: Running, provider: Provider
) -> None:
    provider.be_good()
    async with console(browser, bot, "/console/people", token=None, viewport=A_PHONE) as page:
        assert await violations_in_both_looks(page) == []
        assert await sideways(page) == 0
        await page.get_by_role("link", name="Log in with 127.0.0.1").click()
        await expect(page).to_have_url(re.compile("/console/people$"))
        await expect(page.get_by_role("button", name="Account: Ann Example")).to_be_visible()
        await page.reload()
        await expect(page.get_by_role("button", name="Account: Ann Example")).to_be_visible()
        provider.be_good(roles=["owner"])
        await page.get_by_role("button", name="Account: Ann Example").click()
        await page.get_by_role("button", name="Log out").click()
        await page.get_by_role("link", name="Log in with").click()
        await expect(page.get_by_role("alert")).to_contain_text("has no role here")


async def test_the_title_counts_who_waits_and_who_wants_to_be_is_told(browser: Browser, bot: Running) -> None:
    async with console(browser, bot, "/console/people", token=None) as page:
        await page.context.add_init_script(EARS)
        await page.context.request.post(
            "/console/login", form={"token": "the-admins-token-0123456789"},
            headers={"Sec-Fetch-Site": "same-origin"}, max_redirects=0,
        )  # fmt: skip
        await page.goto("/console/people")
        await page.get_by_role("button", name="Account: admin").click()
        await page.get_by_label("A sound").check()
        await page.get_by_label("A notification").check()
        assert await page.evaluate("heard.length") == 1  # what it will sound like
        await expect(page).to_have_title("People · Bot")
        path = await food(bot, "+15555550131")
        await expect(page).to_have_title("(1) People · Bot")
        await until(lambda: page.evaluate("heard.length === 2 && shown.length === 1"))
        assert await page.evaluate("shown[0]") == "Somebody waits for a person, urgently"
        # Snoozed they are counted nowhere; whoever looks on is told when they are back, though another came later.
        keys = [each.rpartition("/")[2] for each in (path, await food(bot, "+15555550133"))]
        await expect(page).to_have_title("(2) People · Bot")
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        for back_at, count in ((tomorrow, 1), (None, 2)):
            order = {"do": "snooze", "conversations": keys[:1], "until": back_at}
            await bot.send("POST", "/api/acts", json=order)
            await expect(page).to_have_title(f"({count}) People · Bot")
        await until(lambda: page.evaluate("heard.length === 4 && shown.length === 3"))
        # Nor does it matter that another one is answered meanwhile: as many wait as before, and none of them newly.
        order = {"do": "snooze", "conversations": keys[:1], "until": tomorrow}
        await bot.send("POST", "/api/acts", json=order)
        await expect(page).to_have_title("(1) People · Bot")
        updates = []
        for key, changes in (
            (keys[0], {"snoozed_until": None}),
            (keys[1], {"snoozed_until": datetime.now(UTC) + timedelta(days=1)}),
        ):
            updates.append(update(conversations).where(conversations.c.id == key).values(changes))
        async with bot.service.database.writing() as connection:
            for each in updates:
                await connection.execute(each)
        bot.service.live.announce(None)
        await until(lambda: page.evaluate("heard.length === 5 && shown.length === 4"))
        await bot.send("POST", "/api/acts", json={"do": "done", "conversations": keys[1:]})
        await page.goto(path)
        await expect(page.get_by_text("kitchen is waited for, urgently; the bot goes on")).to_be_visible()
        await expect(page).to_have_title(re.compile(r"^\(1\) "))
        await page.get_by_role("button", name="Hand back").click()
        await expect(page).to_have_title(re.compile(r"^[^(]"))


async def test_the_pages_can_be_used_by_everybody(desk: OpenPages, bot: Running) -> None:
    """The login page is looked at where somebody logs in."""
    await food(bot, "+15555550132")
    await People(bot.service.writer).add("Listed", "support", by=Actor("a test"))
    for path in ("/console/people", "/console/team"):
        async with desk.at(path, viewport=A_PHONE) as page:
            assert await violations_in_both_looks(page) == [], path
            assert await sideways(page) == 0, path
