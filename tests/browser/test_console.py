"""The console in a real browser: the door, the frame, conversations, live, with and without scripts."""

import itertools
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Request, Route, expect

from tests.support.bots import until
from tests.support.databases import Databases
from tests.support.envelopes import REPORT, REPORT_DATA, event, inbound
from tests.support.pages import A_LAPTOP, A_PHONE, OpenPages, console, sideways, violations_in_both_looks
from tests.support.services import VIEWER, Acs, Running, running

DELIVERED, STRANGER, FAILED, STOPPED, LONG = (f"+1555555010{n}" for n in range(1, 6))
EVIL = "<img src=x onerror=alert(1)><script>alert(1)</script>\u202egnp.exe\x1b[31m"
#: Pixels of a phone, and of a small one.
WIDTHS = (A_PHONE["width"], 320)
#: How high each control that is to be seen is, and what it says.
HEIGHTS = """[...document.querySelectorAll("a, button, input, summary")]
    .filter(each => each.checkVisibility({visibilityProperty: true}) && each.getBoundingClientRect().width)
    .map(each => [each.getBoundingClientRect().height, each.innerText || each.name])"""
_ids = itertools.count()
WHY_FAILED = "ErrorCode: 4004. ErrorMessage: Recipient doesn't exist"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bot(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> AsyncIterator[Running]:
    acs = Acs()
    await acs.start()
    async with running(tmp_path_factory.mktemp("bot"), databases.migrated("sqlite"), acs) as bot:
        await text(bot, DELIVERED, "Hours?")
        await text(bot, FAILED, "hours")
        await report(bot, DELIVERED)
        await report(bot, FAILED, DeliveryStatus="Failed", DeliveryStatusDetails=WHY_FAILED)
        await text(bot, STOPPED, "STOP")
        await text(bot, LONG, *(f"message {number} " + "of many words " * 8 for number in range(40)))
        await text(bot, STRANGER, EVIL)
        yield bot
    await acs.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(browser: Browser, bot: Running) -> AsyncIterator[OpenPages]:
    """The admin's pages."""
    async with OpenPages(browser, bot) as pages:
        yield pages


async def text(bot: Running, peer: str, *messages: str) -> None:
    """A person's texts, as Event Grid brings them."""
    events = [inbound(MessageId=f"i{next(_ids)}", From=peer, Message=message) for message in messages]
    assert (await bot.post(events)).status_code == 200


async def report(bot: Running, peer: str, **changes: str) -> None:
    """The delivery report of the newest reply to a peer."""
    reply = (await bot.replies(peer))[-1]
    answer = await bot.post(
        [event(REPORT, REPORT_DATA | {"MessageId": reply["provider_message_id"]} | changes)]
    )
    assert answer.status_code == 200


async def path_of(bot: Running, peer: str) -> str:
    (found,) = await bot.items("/api/conversations", peer=peer)
    return f"/console/conversations/{found['id']}"


def found_by(peer: str) -> str:
    """The query of a list with this person alone, whoever else wrote meanwhile."""
    return f"?q={peer.removeprefix('+')}"


# The door


async def test_one_comes_in_by_the_link_of_the_start_once_and_then_by_a_token(
    browser: Browser, bot: Running
) -> None:
    """A viewer's token: it leads to the page that was wanted, where they may look, in the look that they choose."""
    link, wanted = bot.service.new_login_link(), await path_of(bot, DELIVERED)
    async with console(browser, bot, link, token=None, color_scheme="light") as page:
        await page.get_by_role("button", name="Open the console").click()
        await expect(page.get_by_role("navigation", name="Places")).to_be_visible()
        await page.get_by_role("button", name="Account: admin").click()
        await page.get_by_role("button", name="Log out").click()
        await expect(page).to_have_url(re.compile("/console/login$"))
        await page.goto(link)
        await page.get_by_role("button", name="Open the console").click()
        await expect(page.get_by_role("alert")).to_contain_text("it works once")
        await page.goto(wanted)
        await come_in_by_a_token(page, wanted)
        await expect(page.get_by_text("may look but not write")).to_be_visible()
        assert await page.locator("main form[method=post]").count() == 0
        csrf = await page.locator("input[name=csrf]").first.get_attribute("value")
        answer = await page.request.post(f"{wanted}/reply", form={"text": "hello", "csrf": str(csrf)})
        assert answer.status == 403
        assert "may look but not change" in await answer.text()
        for look, is_dark in (("Dark", True), ("Light", False)):
            await page.get_by_role("button", name="Account").click()
            await page.get_by_role("button", name=look, exact=True).click()
            await page.wait_for_load_state()
            assert (await background(page) == "rgb(20, 19, 18)") == is_dark, look
            await page.reload()
            assert (await background(page) == "rgb(20, 19, 18)") == is_dark, f"{look}, after a reload"


async def test_without_a_script_a_token_leads_to_the_page_that_was_wanted_too(
    browser: Browser, bot: Running
) -> None:
    """Where times are UTC's: nothing has told the bot where somebody is."""
    wanted = await path_of(bot, DELIVERED)
    async with console(
        browser, bot, wanted, token=None, java_script_enabled=False, timezone_id="Europe/Paris"
    ) as page:
        await come_in_by_a_token(page, wanted)
        await expect(page.locator(".message.in time").first).to_have_attribute("title", re.compile("UTC"))


async def come_in_by_a_token(page: Page, wanted: str) -> None:
    await expect(page).to_have_title("Log in · Bot")
    await page.get_by_label("Token").fill("not it")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("neither the admin's nor the viewer's")
    await page.get_by_label("Token").fill(VIEWER)
    await page.get_by_role("button", name="Log in").click()
    await expect(page).to_have_url(re.compile(wanted + "$"))
    await expect(page.get_by_text("Corner Books is open Mon-Sat 9-18.").last).to_be_visible()


async def background(page: Page) -> str:
    return str(await page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))


# Conversations


async def test_the_list_opens_conversations_without_a_new_document(desk: OpenPages, bot: Running) -> None:
    async with desk.at(f"/console/conversations{found_by(DELIVERED)}") as page:
        await page.evaluate("window.sameDocument = true")
        await page.locator(".row", has_text="0101").click()
        await expect(page.get_by_role("heading", name="+1 555 555 0101")).to_be_visible()
        talk = page.locator("#talk")
        await expect(talk.locator(".out .bubble")).to_have_text("Corner Books is open Mon-Sat 9-18.")
        await expect(talk.locator(".out .fate")).to_contain_text("✓✓ delivered")
        await expect(page.locator(".row[aria-current]")).to_contain_text("0101")
        # The history opens when the pointer rests on a fate.
        await talk.locator(".out summary").hover()
        await expect(talk.locator(".out .card")).to_contain_text("the carrier has delivered it")
        await page.mouse.move(10, 10)
        await expect(talk.locator(".out .card")).to_be_hidden()
        await page.go_back()
        await expect(page.get_by_text("Choose a conversation.")).to_be_visible()
        await page.go_forward()
        await expect(talk.locator(".out .bubble")).to_be_visible()
        assert await page.evaluate("window.sameDocument")


async def test_a_page_that_is_opened_is_fetched_once_and_its_parts_when_they_change(
    desk: OpenPages, bot: Running
) -> None:
    """That oneself came and left changes nothing that oneself sees."""
    async with desk.at(await path_of(bot, FAILED)) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
        await page.goto(await path_of(bot, DELIVERED))
        await expect(page.locator("#live.on")).to_be_visible()
        await text(bot, "+15555550136", "Anybody?")
        await expect(page.locator(".row").first).to_contain_text("Anybody?")
        talk = page.url
        assert [each for each in asked if each == f"GET {talk}"] == [f"GET {talk}"] * 2, "the list was, anew"


async def test_a_failure_says_why_in_plain_words_and_history_is_a_tap_away(
    desk: OpenPages, bot: Running
) -> None:
    async with desk.at(await path_of(bot, FAILED)) as page:
        message = page.locator(".message.out")
        await expect(message.locator(".reason")).to_have_text("the number doesn't exist 4004")
        await message.locator("[data-card] > summary").click()
        card = message.locator(".card")
        for state in ("◌ queued", "✓ sent", "✕ failed"):
            await expect(card).to_contain_text(state)
        await expect(card.get_by_role("link", name="hours")).to_have_attribute(
            "href", "/console/rules/shop.yaml#L3"
        )
        await page.keyboard.press("Escape")
        await expect(card).to_be_hidden()
        await page.locator(".message.in summary").click()
        await expect(page.locator(".message.in .card")).to_contain_text('hours: keyword "hours"')


async def test_search_finds_numbers_and_texts(desk: OpenPages, bot: Running) -> None:
    async with desk.at() as page:
        for typed, found in (("555 0104", "0104"), ("mon-sat", "0103"), ("message 7 of", "0105")):
            await page.keyboard.press("/")
            await page.keyboard.type(typed)
            await page.keyboard.press("Enter")
            await expect(page.locator(".found")).to_contain_text(typed)
            await expect(page.locator(".row", has_text=found)).to_be_visible()
            await page.keyboard.press("Escape")
        await page.get_by_role("searchbox").fill("no such words anywhere")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Nothing like this.")).to_be_visible()


async def test_filters_lead_to_what_needs_somebody(desk: OpenPages, bot: Running) -> None:
    async with desk.at() as page:
        await page.get_by_role("link", name=re.compile("^Failed")).click()
        await expect(page.locator(".row")).to_have_count(1)
        await expect(page.locator(".row")).to_contain_text("✕ failed")
        await page.locator(".row").click()
        await expect(page.locator("#peer")).to_contain_text("0103")
        await expect(page.locator(".row")).to_have_count(1)  # still the same list
        await page.get_by_label("More filters").click()
        await page.get_by_label("Newest reply").select_option("in any state")
        await page.get_by_label("Opted out").check()
        await page.get_by_role("button", name="Show").click()
        await expect(page.locator(".row")).to_have_count(1)
        await expect(page.locator(".row")).to_contain_text("⊘ opted out")
        await expect(page.get_by_role("button", name="Show")).to_be_hidden()


@pytest.mark.parametrize("javascript", [True, False])
async def test_a_long_conversation_is_read_from_its_end(
    javascript: bool, desk: OpenPages, bot: Running
) -> None:
    async with desk.at(await path_of(bot, LONG), java_script_enabled=javascript) as page:
        await expect(page.locator(".message").last).to_be_in_viewport()
        await expect(page.locator(".message").last).to_contain_text("message 39")
        for newest in ("message 23", "message 7"):
            await page.get_by_role("link", name="Earlier messages").click()
            await expect(page.locator(".message").last).to_contain_text(newest)
            await expect(page.locator(".message").last).to_be_in_viewport()
        await expect(page.get_by_role("link", name="Earlier messages")).to_have_count(0)


async def test_whoever_reads_further_up_is_left_there(desk: OpenPages, bot: Running) -> None:
    peer = "+15555550135"
    await text(bot, peer, *(f"line {number} " + "and more " * 20 for number in range(16)))
    async with desk.at(await path_of(bot, LONG)) as page:
        await page.locator(".row", has_text="0135").click()
        await expect(page.locator(".message").last).to_be_in_viewport()
        await expect(page.locator("#live.on")).to_be_visible()
        middle = page.locator(".message", has_text="line 9 ")
        await middle.scroll_into_view_if_needed()
        before = await middle.bounding_box()
        await text(bot, peer, "hours")
        await expect(page.locator(".message.out")).to_have_count(1)
        after = await middle.bounding_box()
        assert before
        assert after
        assert after["y"] == pytest.approx(before["y"], abs=2)
        await page.evaluate("document.querySelector('.messages').scrollTop = 0")
        await text(bot, peer, "hours")
        await expect(page.locator(".message.out").last).to_be_in_viewport()


async def test_texts_of_strangers_do_nothing_but_show(desk: OpenPages, bot: Running) -> None:
    async with desk.at(await path_of(bot, STRANGER) + found_by(STRANGER)) as page:
        inert = EVIL.replace("\x1b", "␛").replace("\u202e", "\ufffd")
        assert await page.locator(".message.in .bubble").inner_text() == inert
        assert await page.locator(".row[aria-current] .last").inner_text() == inert
        assert await page.locator("main img, main script").count() == 0


# What people do


@pytest.mark.parametrize("javascript", [True, False])
async def test_a_person_takes_over_writes_and_hands_back(
    javascript: bool, desk: OpenPages, bot: Running
) -> None:
    peer = "+15555550120" if javascript else "+15555550121"
    await text(bot, peer, "hours")
    async with desk.at(await path_of(bot, peer), java_script_enabled=javascript) as page:
        await page.get_by_role("button", name="Hand over").click()
        await expect(page.locator(".notice")).to_contain_text("the bot is silent")
        await page.get_by_label("Your reply").fill("Let me look.\nOne moment.")
        await page.get_by_role("button", name="Send").click()
        newest = page.locator(".message.out").last
        await expect(newest.locator(".bubble")).to_have_text("Let me look.\nOne moment.")
        await expect(newest).to_contain_text("by admin")
        await expect(page.locator(".deed")).to_have_text("admin took over")
        await expect(page.get_by_label("Your reply")).to_have_value("")
        await page.get_by_role("button", name="Hand back").click()
        await expect(page.locator(".flash")).to_contain_text("Handed back")
        await expect(page.get_by_role("button", name="Hand over")).to_be_visible()
    to_them = [
        call["message"] for call in bot.acs.calls if [one["to"] for one in call["smsRecipients"]] == [peer]
    ]
    assert to_them.count("Let me look.\nOne moment.") == 1


@pytest.mark.parametrize("javascript", [True, False])
async def test_a_failed_reply_is_sent_again_with_a_warning(
    javascript: bool, desk: OpenPages, bot: Running
) -> None:
    peer = "+15555550123" if javascript else "+15555550124"
    await text(bot, peer, "hours")
    await report(
        bot, peer, DeliveryStatus="Failed", DeliveryStatusDetails="ErrorCode: 5002. ErrorMessage: Timeout"
    )
    async with desk.at(await path_of(bot, peer), java_script_enabled=javascript) as page:
        message = page.locator(".message.out").first
        await expect(message).to_contain_text("? unconfirmed")
        await expect(message.locator(".reason")).to_contain_text("it may have arrived")
        await message.get_by_text("Send again…").click()
        await expect(message.locator(".again")).to_contain_text("they may get it twice")
        await message.get_by_role("checkbox").check()
        await message.get_by_role("button", name="Send again").click()
        await expect(page.locator(".message.out")).to_have_count(2)
        await expect(page.locator(".message.out").last).to_contain_text("sent again")
        await expect(page.get_by_text("Send again…")).to_have_count(0)  # once is enough
    first, again = [one for one in await bot.messages(peer) if one["direction"] == "outbound"]
    assert (first.get("resend_of"), again["resend_of"]) == (None, first["id"])


async def open_sheet(page: Page, *, javascript: bool) -> None:
    """The sheet of what is done less often; without a script it is a page of its own."""
    await page.get_by_label("Tags and opt-out").click()
    if not javascript:
        await page.get_by_role("link", name="All of it").click()


@pytest.mark.parametrize("javascript", [True, False])
async def test_tags_come_and_go_and_lead_to_who_has_them(
    javascript: bool, desk: OpenPages, bot: Running
) -> None:
    peer = "+15555550125" if javascript else "+15555550126"
    tag = f"vip & <b> {javascript}"
    await text(bot, peer, "hours")
    async with desk.at(await path_of(bot, peer), java_script_enabled=javascript) as page:
        await open_sheet(page, javascript=javascript)
        await page.locator("#tag").fill(tag)
        await page.get_by_role("button", name="Add").click()
        await expect(page.locator(".peer .chip")).to_have_text(tag)
        await expect(page.locator(".deed")).to_have_text(f"admin tagged it {tag}")
        await page.locator(".peer .chip").click()
        await expect(page.locator(".row")).to_have_count(1)
        await page.locator(".row").click()
        await open_sheet(page, javascript=javascript)
        await page.get_by_role("button", name=f"Take away the tag {tag}").click()
        await expect(page.locator(".peer .chip")).to_have_count(0)


async def test_what_may_be_an_opt_out_is_one_or_is_not(desk: OpenPages, bot: Running) -> None:
    for peer, button in (("+15555550127", "Opt out: send nothing more"), ("+15555550128", "No opt-out")):
        await text(bot, peer, "please take me off this list")
        async with desk.at(await path_of(bot, peer)) as page:
            notice = page.locator(".notice")
            await expect(notice).to_contain_text("please take me off this list")
            # A sheet that is opened before the button's answer is shown is closed by it: the page is another one.
            async with page.expect_response(
                lambda answer: answer.request.redirected_from is not None
            ) as shown:
                await notice.get_by_role("button", name=button).click()
            await (await shown.value).finished()
            await expect(notice).to_have_count(0)
            if button.startswith("Opt out"):
                await expect(page.locator(".closed")).to_contain_text("opted out and gets no texts")
                await page.get_by_label("Tags and opt-out").click()
                await page.get_by_label("They agreed anew").fill("On the phone, today")
                await page.get_by_role("button", name="Record the consent").click()
                await expect(page.locator(".deed").last).to_contain_text("On the phone, today")
            await expect(page.get_by_label("Your reply")).to_be_visible()


async def without_news(route: Route) -> None:
    """Answer with nothing where a page asks for what has changed on it."""
    request = route.request
    if request.method == "GET" and "hx-target" in request.headers:
        await route.fulfill(status=204)
    else:
        await route.fallback()


async def test_what_can_not_be_done_says_why_and_keeps_what_was_written(
    desk: OpenPages, bot: Running
) -> None:
    peer = "+15555550129"
    await text(bot, peer, "hours")
    async with desk.at(await path_of(bot, peer)) as page:
        await page.route("**", without_news)
        await page.get_by_label("Your reply").fill("A long thought")
        await text(bot, peer, "STOP")  # in this very moment: the page does not know yet
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator(".flash.bad")).to_contain_text("has opted out and is not to be texted")


async def test_everything_can_be_done_by_the_keyboard(desk: OpenPages, bot: Running) -> None:
    peer = "+15555550122"
    await text(bot, peer, "hours")
    async with desk.at() as page:
        await page.keyboard.press("?")
        await expect(page.get_by_role("heading", name="Keys")).to_be_visible()
        await page.keyboard.press("j")
        await expect(page.locator(".row:focus")).to_have_count(0)  # whoever reads the list presses nothing
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("heading", name="Keys")).to_be_hidden()
        await page.get_by_role("button", name="Account").click()
        single = page.get_by_role("checkbox", name="Single keys act")
        await single.uncheck()
        await page.keyboard.press("Escape")
        await page.keyboard.press("j")
        await expect(page.locator(".row:focus")).to_have_count(0)
        await page.get_by_role("button", name="Account").click()
        await single.check()
        await page.keyboard.press("Escape")
        for key in "jjk":
            await page.keyboard.press(key)
        await expect(page.locator(".row").first).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("#peer")).to_contain_text("0122")
        await page.keyboard.press("r")
        await expect(page.get_by_label("Your reply")).to_be_focused()
        await page.keyboard.type("jkhe?/")  # letters in a field are letters
        await page.keyboard.press("Enter")
        await expect(page.locator(".message.out .bubble").last).to_have_text("jkhe?/")
        await page.keyboard.press("Escape")
        await page.keyboard.press("h")
        await expect(page.locator(".notice")).to_contain_text("the bot is silent")
        # The live page may just be drawn anew after what was done before: the key is pressed until it is heard.
        for _ in range(50):
            await page.keyboard.press("e")
            with suppress(AssertionError):
                await expect(page).to_have_url(re.compile(r"/console/rules/shop\.yaml#L3$"), timeout=500)
                break
        await expect(page).to_have_url(re.compile(r"/console/rules/shop\.yaml#L3$"))


# Live


async def test_a_message_and_a_report_show_on_an_open_page_and_a_draft_stays(
    desk: OpenPages, bot: Running
) -> None:
    peer = "+15555550130"
    await text(bot, peer, "hello there")
    async with desk.at(await path_of(bot, peer)) as page:
        await expect(page.locator("#live.on")).to_be_visible()
        await page.evaluate("window.sameDocument = true")
        await page.get_by_label("Your reply").fill("half a sent")
        await page.get_by_role("searchbox").focus()
        await text(bot, peer, "hours")
        await expect(page.locator(".message.out .bubble")).to_be_visible()
        await expect(page.locator(".row", has_text="0130")).to_contain_text("Corner Books")
        await expect(page.locator(".message.out")).to_contain_text("✓ sent")
        await report(bot, peer)
        await expect(page.locator(".message.out")).to_contain_text("✓✓ delivered")
        await expect(page.get_by_label("Your reply")).to_have_value("half a sent")
        await expect(page.get_by_role("searchbox")).to_be_focused()
        assert await page.evaluate("window.sameDocument")


async def test_times_are_those_of_whoever_looks_from_the_first_page_on(
    browser: Browser, bot: Running
) -> None:
    path = await path_of(bot, DELIVERED)
    async with console(browser, bot, path, timezone_id="Europe/Paris") as page:
        clock = page.locator(".message.in time").first
        await expect(clock).to_have_attribute("title", re.compile("Europe/Paris"))
        shown = await clock.inner_text()
        await page.reload()
        assert await clock.inner_text() == shown


async def test_what_the_pointer_rests_on_is_asked_for_once_and_escape_closes_it_for_good(
    browser: Browser, bot: Running
) -> None:
    path = await path_of(bot, FAILED) + found_by(FAILED)
    async with console(browser, bot, f"/console/conversations{found_by(FAILED)}") as page:
        asked: list[str] = []

        def note(request: Request) -> None:
            if (
                request.url.endswith(path) and "hx-target" not in request.headers
            ):  # a part that is fetched again
                asked.append(request.url)

        page.on("request", note)
        await page.clock.install()  # what was asked for is old after 3 s, and the machine may be busy
        await page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
        async with page.expect_response(lambda answer: answer.url.endswith(path)):
            await page.locator(f".row[href='{path}']").hover()
            await page.clock.run_for(100)
        assert len(asked) == 1
        await page.locator(f".row[href='{path}']").click()
        await page.clock.resume()
        await expect(page.locator("#peer")).to_contain_text("0103")
        assert len(asked) == 1
        card = page.locator(".message.out .card")
        await page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
        await page.locator(".message.out [data-card] > summary").click()
        await expect(card).to_contain_text("queued")
        await page.keyboard.press("Escape")
        await page.clock.run_for(1_000)  # the pointer rests on its line
        await expect(card).to_be_hidden()


async def test_newcomers_are_at_the_top_of_an_open_list_which_finds_its_way_back_and_misses_nothing(
    desk: OpenPages, bot: Running
) -> None:
    async with desk.at() as page:
        await expect(page.locator("#live.on")).to_be_visible()
        await text(bot, "+15555550131", "hours")
        await expect(page.locator(".row").first).to_contain_text("0131")
        await page.evaluate(
            "window.said = []; new MutationObserver(() => said.push(document.getElementById('live').textContent))"
            ".observe(document.body, {subtree: true, childList: true})"
        )
        for ear in list(bot.service.live._subscribers):
            ear.end()
        # Not page.wait_for_function: the security policy refuses all of its looks but the first.
        await until(lambda: page.evaluate("said.includes('reconnecting…')"))  # it may be back already
        await text(bot, "+15555550133", "hours")
        await expect(page.locator(".row").first).to_contain_text("0133")
        await expect(page.locator("#live.on")).to_be_visible()
    async with desk.at() as page:  # what came while a page was made
        await page.evaluate("document.getElementById('main').dataset.mark = 'of-another-start'")
        await page.evaluate("dispatchEvent(new Event('pagehide'))")
        await text(bot, "+15555550132", "hours")
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await expect(page.locator(".row").first).to_contain_text("0132")


# Everybody's pages


async def pages(bot: Running) -> dict[str, str | None]:
    """The paths of pages, and what is new on each; None where other tests let axe look at it."""
    message = (await bot.messages(FAILED))[-1]
    return {
        "/console/conversations": "html",
        "/console/conversations?q=nothing-like-it": "main",
        await path_of(bot, FAILED): "html",
        await path_of(bot, STRANGER): ".messages",
        await path_of(bot, STOPPED): "#talk",
        await path_of(bot, LONG): ".day:has(a)",
        f"/console/messages/{message['id']}": "main",
        "/console/no-such-page": "html",
        "/console/delivery": "main",
        f"{await path_of(bot, STOPPED)}/more": None,  # the same sheet is a part of its page
        "/console": None,  # test_overview.py
        "/console/rejected": None,
        "/console/rules": None,  # test_rules_for_everybody.py
        "/console/rules/shop.yaml": None,
    }


async def test_pages_are_light_and_fit_a_phone_nothing_jumps_and_axe_finds_nothing_in_either_look(
    desk: OpenPages, bot: Running
) -> None:
    """What all pages have alike axe looks at on some of them."""
    tag = f"/api{(await path_of(bot, STOPPED)).removeprefix('/console')}/tags/{'t' * 48}"
    assert (await bot.send("PUT", tag)).is_success
    async with desk.at("/console/rejected") as page:
        await page.add_init_script(
            "window.shift = 0; new PerformanceObserver(list => { for (const e of list.getEntries())"
            " window.shift += e.value }).observe({type: 'layout-shift', buffered: true})"
        )
        for at, (path, part) in enumerate((await pages(bot)).items()):
            await page.emulate_media(reduced_motion="no-preference")
            answer = await page.goto(path)
            assert answer
            assert len(await answer.body()) < 30_000, path
            await page.wait_for_timeout(300)
            # In the rule editor findings move from beneath the text to beneath their lines.
            assert await page.evaluate("window.shift") < (0.1 if "/rules/" in path else 0.001), path
            for width in WIDTHS:
                await page.set_viewport_size(A_PHONE | {"width": width})
                assert await sideways(page) <= 0, (path, width)
            await page.set_viewport_size(A_PHONE)
            heights = await page.evaluate(HEIGHTS)
            assert heights, path
            if at < 4:
                assert [each for each in heights if each[0] < 24] == [], path
            await page.set_viewport_size(A_LAPTOP)
            await page.emulate_media(reduced_motion="reduce")
            if path.endswith(("conversations", "like-it")):
                for summary in await page.locator("main summary").all():
                    await summary.click()
            if part:
                assert await violations_in_both_looks(page, part) == [], path
        await page.goto("/console/rejected")
        await page.get_by_role("button", name="Account").click()
        assert await violations_in_both_looks(page) == []
        await page.keyboard.press("Escape")
        await page.keyboard.press("?")
        assert await violations_in_both_looks(page, "#keys") == []
        await page.emulate_media(reduced_motion="null")
    assert (await bot.send("DELETE", tag)).is_success


async def test_on_a_phone_one_thing_shows_at_a_time_back_works_and_a_card_fits(
    desk: OpenPages, bot: Running
) -> None:
    path = f"/console/conversations{found_by(FAILED)}"
    async with desk.at(path, viewport=A_PHONE, has_touch=True) as page:
        await expect(page.locator("#talk")).to_be_hidden()
        places = page.get_by_role("navigation", name="Places")
        box = await places.bounding_box()
        assert box
        assert box["y"] + box["height"] == A_PHONE["height"]
        await page.locator(".row", has_text="0103").tap()
        await expect(page.locator("#index")).to_be_hidden()
        await expect(page.get_by_label("Your reply")).to_be_in_viewport()
        await page.get_by_label("Back to the list").tap()
        await expect(page.locator("#index")).to_be_visible()
        await page.go_back()
        await expect(page.locator("#peer")).to_contain_text("0103")
        card = page.locator(".message.out .card")
        for width in WIDTHS:
            await page.set_viewport_size(A_PHONE | {"width": width})
            await expect(card).to_be_hidden()
            await page.locator(".message.out [data-card] > summary").tap()
            await expect(card).to_contain_text("✕ failed")
            assert await sideways(page) <= 0
            box = await card.bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            await page.keyboard.press("Escape")


async def test_motion_is_left_out_for_who_asks(desk: OpenPages, bot: Running) -> None:
    peer = "+15555550142"
    await text(bot, peer, "hello")
    async with desk.at(await path_of(bot, peer)) as page:
        await expect(page.locator("#live.on")).to_be_visible()
        await page.evaluate(
            "() => { window.moved = 0; const animate = Element.prototype.animate;"
            " Element.prototype.animate = function (...how) { window.moved++; return animate.apply(this, how) } }"
        )
        for count, motion in enumerate(("reduce", "no-preference"), 1):
            await page.emulate_media(reduced_motion=motion)
            await text(bot, peer, "hours")
            await expect(page.locator(".message.out")).to_have_count(count)
            assert (await page.evaluate("window.moved") > 0) == (motion == "no-preference"), motion
        await page.emulate_media(reduced_motion="null")
