"""The Rules page by the keyboard alone, on a phone, light and dark, and with axe: on every state of it."""

import asyncio
import re
from collections.abc import Awaitable, Callable

from playwright.async_api import Browser, Locator, Page, Route, expect

from bot.rulebook.editing.folder import etag_of
from tests.support.envelopes import inbound
from tests.support.pages import A_LAPTOP, sideways, violations, violations_in_the_dark, violations_of_looks
from tests.support.rule_files import put, said
from tests.support.rule_forms import (
    BOOK,
    FILE,
    can_be_moved,
    card_of,
    lines_changed,
    new_rule,
    save,
    saved,
    task,
)
from tests.support.services import Running
from tests.support.tabs import Tab

A_PHONE = {"width": 390, "height": 844}
#: The controls of a card, of its page and of the list together are fewer.
MOST_STEPS = 120
HAS_FOCUS = "each => each.isConnected ? each === document.activeElement : null"


async def step_to(page: Page, wanted: Locator, key: str) -> None:
    """Press a key until something has the focus; it is looked for again when the page has put another in its place."""
    await expect(wanted).to_be_visible()
    found = await wanted.element_handle()
    for _ in range(MOST_STEPS):
        await page.keyboard.press(key)
        has_focus = await found.evaluate(HAS_FOCUS)
        if has_focus is None:
            found = await wanted.element_handle()
            has_focus = await found.evaluate(HAS_FOCUS)
        if has_focus:
            return
    raise AssertionError(f"{key} does not lead to {wanted}.")


async def tab_to(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Go on by the Tab key until something has the focus, and see that it shows where the focus is."""
    await step_to(page, wanted, key)
    await expect(wanted).to_be_focused()
    await expect(wanted).to_be_in_viewport()


async def test_rules_are_edited_by_the_keyboard_alone(tab: Tab, shop: Running) -> None:
    async with task(tab, shop) as page:
        address = page.get_by_role("link", name=re.compile(r"^address\b"))
        await step_to(page, address, "j")
        await can_be_moved(page)
        await page.keyboard.press("Alt+ArrowUp")
        await expect(page.locator(".flash")).to_contain_text("address is before hours now.")
        await expect(address).to_be_focused()
        await page.keyboard.press("Alt+ArrowDown")
        await expect(page.locator(".flash")).to_contain_text("address is before else now.")
        assert saved(shop) == BOOK
        await expect(address).to_be_focused()
        await tab_to(page, page.get_by_role("switch", name="address"), "Shift+Tab")
        await page.keyboard.press("Space")
        await expect(page.get_by_role("switch", name="address")).not_to_be_checked()
        await tab_to(page, address)
        await page.keyboard.press("Enter")

        card = card_of(page)
        await expect(card).to_contain_text("Turned off: whoever texts where")
        await tab_to(page, card.get_by_placeholder("another word"))
        await page.keyboard.type("directions,way")
        await page.keyboard.press("Enter")
        await expect(card.get_by_role("button", name="Remove way", exact=True)).to_be_visible()
        await tab_to(page, card.get_by_text("+ only", exact=True))
        await page.keyboard.press("Enter")
        await tab_to(page, card.get_by_role("button", name="while we are open"))
        await page.keyboard.press("Enter")
        await expect(page.locator("#text")).to_have_value(re.compile(r"only: \{open: shop\}"))
        await tab_to(page, card.get_by_label("Answer", exact=True))
        await page.keyboard.press("Control+a")
        await page.keyboard.type("12 Mill Lane: the green door.")
        await tab_to(page, card.get_by_role("button", name="Remove: Turned on"))
        await page.keyboard.press("Enter")
        await expect(card).not_to_contain_text("Turned off")
        await tab_to(page, page.locator("#say"))
        await page.keyboard.type("way")
        await page.keyboard.press("Enter")
        await expect(page.locator("#phone .message.out")).to_contain_text("way")
        await tab_to(page, page.get_by_role("button", name="Save rules"))
        await page.keyboard.press("Enter")
        await expect(page.locator(".flash")).to_contain_text("Saved and in force.")
    assert lines_changed(shop) == [
        "-     when: {keyword: where}",
        "-     reply: 12 Mill Lane.   # the green door",
        "+     when: {keyword: [where, directions, way]}",
        "+     only: {open: shop}",
        '+     reply: "12 Mill Lane: the green door."   # the green door',
    ]


async def test_a_list_that_was_asked_for_before_an_answer_came_is_not_shown_after_it(
    tab: Tab, shop: Running
) -> None:
    is_read, may_come = asyncio.Event(), asyncio.Event()

    async def hold_first(route: Route) -> None:
        asks_live = route.request.headers.get("hx-target") == "book-now" and route.request.method == "GET"
        if not asks_live or is_read.is_set():
            await route.continue_()
            return
        older = await route.fetch()
        is_read.set()
        await may_come.wait()
        await route.fulfill(response=older)

    async with task(tab, shop) as page:
        await page.route("**/console/rules", hold_first)
        address = page.get_by_role("link", name=re.compile(r"^address\b"))
        await address.focus()
        await can_be_moved(page)
        await page.keyboard.press("Alt+ArrowUp")
        await expect(page.locator(".flash")).to_contain_text("address is before hours now.")
        await asyncio.wait_for(is_read.wait(), 30)
        await expect(address).to_be_focused()
        await page.keyboard.press("Alt+ArrowDown")
        await expect(page.locator(".flash")).to_contain_text("address is before else now.")
        await expect(address).to_be_focused()
        await page.evaluate(
            """() => {
                const order = () => [...document.querySelectorAll("#list li[data-key-of]")].map(
                    (row) => row.dataset.keyOf.split("/").pop()).join(" ");
                window.orders = new Set([order()]);
                new MutationObserver(() => window.orders.add(order())).observe(
                    document.getElementById("book-now"), {childList: true, subtree: true, attributes: true});
                window.fresh = new Promise((done) => document.addEventListener("console:refreshed",
                    (event) => event.detail === "book-now" && done()));
            }"""
        )
        may_come.set()
        await page.evaluate("() => window.fresh.then(() => undefined)")
        orders = await page.evaluate("[...window.orders]")
        assert len(orders) == 1, orders


async def test_axe_finds_nothing_on_any_state_of_the_page(tab: Tab, shop: Running) -> None:
    """On a light laptop and on a dark phone: each state is made once. And none is wider than its window.

    Of a state that is like one before it, what is new is looked at, on the phone for what a look or a width can change;
    of the list and of the fullest page all is, also on a dark laptop, which shows what a phone has no place for. Links
    lead from page to page, so that axe stays.
    """
    edited = await put(shop, FILE, f"{BOOK}# Looked at.\n", If_Match=etag_of(saved(shop)))  # for the history
    assert edited.is_success, edited.text
    await shop.post([inbound(MessageId="axe", From="+15555550600", Message="do you deliver?")])
    async with task(tab, shop) as page:
        seen: list[str] = []
        card, main = card_of(page), page.locator("main")

        async def look(state: str, found: list[str]) -> None:
            seen.extend(f"{state}: {each}" for each in found)
            if wider := await sideways(page):
                seen.append(f"{state}: {wider} pixels too wide")

        async def see(state: str, *parts: str) -> None:
            await look(state, await violations(page, *parts))
            if not parts:
                await look(state, await violations_in_the_dark(page))
            await page.emulate_media(color_scheme="dark")
            await page.set_viewport_size(A_PHONE)
            await look(
                f"a phone, {state}", await (violations_of_looks if parts else violations)(page, *parts)
            )
            await page.set_viewport_size(A_LAPTOP)
            await page.emulate_media(color_scheme="light")

        async def to_the_list() -> None:
            await page.locator("nav a[href='/console/rules']").first.click()
            await expect(page.locator("#find")).to_be_visible()  # the page before has like links

        async def follow(link: str, state: str, shows: str | Locator, part: str = ".rule-card") -> None:
            """From the list."""
            await to_the_list()
            await page.locator(f"main a[href$='{link}']:visible").first.click()
            if isinstance(shows, str):
                await expect(main).to_contain_text(shows)
            else:
                await expect(shows).to_be_visible()
            await see(state, part)

        async def draft(text: str, state: str, shows: str, part: str) -> None:
            await to_the_list()
            await page.get_by_label("A message that no rule answers yet").fill(text)
            await page.get_by_role("button", name="Draft a rule").click()
            await expect(main).to_contain_text(shows)
            await see(state, part)

        await expect(main).to_contain_text("answers this week")
        await see("the list")
        await page.get_by_label("What can be done with hours").click()
        await see("a rule's menu", "details[open]")
        await page.keyboard.press("Escape")
        await page.locator("#find").fill("nothing-at-all")
        await expect(main).to_contain_text("No rule has")
        await see("nothing found", "main")
        await page.locator("#find").fill("")

        await follow(f"{FILE}?card=file", "the file's card", "When we are open", "main")
        await follow(f"{FILE}?add=rule", "a new rule", "Add the words that somebody texts")
        await follow("00-opt-out.yaml?rule=stop", "a box of text", "gets no more messages")
        await follow(f"{FILE}?rule=hours", "a card", "Whoever texts hours or open")
        for menu in ("+ only", "+ then", "{ } a value"):
            await card.get_by_text(menu, exact=True).first.click()
            await see(menu, ".rule-card details[open]")
            await page.keyboard.press("Escape")
        await card.get_by_label("Answer", exact=True).fill("Write the answer here.")
        await expect(page.locator("#changes")).to_contain_text("You changed hours: the answer.")
        await expect(page.locator("#card-findings li")).to_be_visible()
        await see("a mistake", "#card-findings")
        await page.locator(".testers summary").click()
        await page.locator(".as-if summary").click()
        await see("testers and the clock", ".testers", ".as-if")
        await page.locator("#say").fill("hours")
        await page.locator("#say").press("Enter")
        await expect(page.locator("#phone .message.in")).to_be_visible()
        await page.get_by_role("button", name="Both").click()
        await expect(page.locator(".cm-found")).not_to_have_count(0)
        await see("the form, the text, testers, the clock, a change, a mistake and a talk")
        await page.get_by_role("button", name="Text", exact=True).click()
        await expect(page.locator(".cm-content")).to_be_visible()
        await expect(page.locator(".cm-found")).not_to_have_count(0)
        await see("the text", "#paper")
        await page.get_by_role("button", name="Form", exact=True).click()
        await page.get_by_role("button", name="Recipes").click()
        await expect(page.locator("#recipe-list > li").first).to_be_visible()
        await see("the recipes", "dialog[open]")
        await page.keyboard.press("Escape")
        await page.locator("#drop").click()
        await expect(page.locator("#changes")).to_contain_text("Nothing is changed.")

        await follow("/new", "a new file", page.get_by_label("Name of the file"), "main")
        await follow("/coupons.csv", "a table", page.locator(".cm-content"), "main")
        await draft("hourss", "a misspelling", "hourss", "main")
        await draft("do you deliver", "a drafted rule", "Write the answer here.", ".rule-card")
        await follow("/history", "the history", "History of the rules", "main")
        await page.locator(".edits a").first.click()
        await expect(page.locator("#edit-title")).to_be_visible()
        await see("an edit", "main")
        assert seen == []


async def test_what_two_people_changed_is_put_together_by_a_form(tab: Tab, shop: Running) -> None:
    async with task(tab, shop, f"/console/rules/{FILE}?rule=hours") as page:
        theirs = BOOK.replace("We are open", "Theirs:")
        await put(shop, FILE, theirs, If_Match=etag_of(BOOK))
        await card_of(page).get_by_label("Answer", exact=True).fill("Mine.")
        await page.keyboard.press("Control+s")
        await expect(page.locator(".sides").first).to_be_visible()
        await page.get_by_label("Yours, not saved").check()
        await page.get_by_role("button", name="Save it like this").click()
        await expect(page.locator(".flash")).to_contain_text("Saved and in force.")
        assert await said(shop, "hours") == ["Mine."]


async def test_without_scripts_the_files_card_and_a_new_rule_are_forms_too(
    browser: Browser, shop: Running
) -> None:
    async with task(browser, shop, java_script_enabled=False) as page:
        await page.get_by_role("link", name="Opening hours: Mon-Sat 9-18").click()
        card = card_of(page)
        await card.get_by_label("Open", exact=True).fill("Mon-Sat 9-19")
        await card.get_by_text("+ hours, closed days").click()
        await card.get_by_role("button", name="Closed days", exact=True).click()
        await card.get_by_placeholder("another day, or from a day to a day").fill("1 January")
        await card.get_by_role("button", name="Take these changes into the text").click()
        await expect(card).to_contain_text("1 January. One more:")
        await card.get_by_role("button", name="+ rule").click()
        await card.get_by_label("Name", exact=True).fill("delivery")
        await card.get_by_placeholder("a word", exact=True).fill("deliver")
        await card.get_by_label("Answer", exact=True).fill("On Fridays.")
        await page.get_by_role("button", name="Save rules").click()
        await expect(page.locator(".flash")).to_contain_text("Saved and in force.")
    assert lines_changed(shop) == [
        '- hours: {shop: "Mon-Sat 9-18"}   # in winter',
        '+ hours: {shop: "Mon-Sat 9-19"}   # in winter',
        "+ closed: [01-01]",
        "+   - name: delivery",
        "+     when: {keyword: [deliver]}",
        '+     reply: "On Fridays."',
    ]


async def hold_the_editor(page: Page) -> Callable[[], Awaitable[None]]:
    """Keep the editor's script, which the next page asks for, from coming until this is called."""
    is_asked, may_come = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        is_asked.set()
        await may_come.wait()
        await route.continue_()

    async def let_it_come() -> None:
        await asyncio.wait_for(is_asked.wait(), 30)
        may_come.set()

    await page.route(re.compile(r"/console/assets/(built/)?editor[.-]"), hold)
    return let_it_come


async def test_the_key_that_saves_does_so_before_the_script_has_come(tab: Tab, shop: Running) -> None:
    async with task(tab, shop) as page:
        let_it_come = await hold_the_editor(page)
        await page.get_by_role("link", name=re.compile(r"^hours\b")).click()
        await card_of(page).get_by_label("Answer", exact=True).fill("Always.")
        await page.keyboard.press("Control+s")
        await let_it_come()
        await expect(page.locator(".flash")).to_contain_text("Saved and in force.")
    assert [line[:1] for line in lines_changed(shop)] == ["-", "+"]
    assert await said(shop, "hours") == ["Always."]


async def test_a_word_entered_before_the_script_has_come_is_kept(tab: Tab, shop: Running) -> None:
    async with task(tab, shop) as page:
        let_it_come = await hold_the_editor(page)
        card = await new_rule(page, "booking")
        await card.get_by_placeholder("a word").fill("book")
        await page.keyboard.press("Enter")
        await card.get_by_label("Answer", exact=True).fill("Which day?")
        await let_it_come()
        await expect(card.get_by_role("button", name="Remove book", exact=True)).to_be_visible()
        await save(page)
    assert lines_changed(shop) == [
        "+   - name: booking",
        "+     when: {keyword: [book]}",
        '+     reply: "Which day?"',
    ]


async def test_a_menu_opened_before_the_script_has_come_stays_open_and_nothing_moves(
    tab: Tab, shop: Running
) -> None:
    async with task(tab, shop) as page:
        await page.evaluate(
            "() => { window.moved = 0; new PerformanceObserver(list => { for (const each of list.getEntries())"
            " window.moved += each.value }).observe({type: 'layout-shift'}) }"
        )
        let_it_come = await hold_the_editor(page)
        await page.get_by_role("link", name="Opening hours: Mon-Sat 9-18").click()
        card = card_of(page)
        await card.get_by_text("+ hours, closed days", exact=True).click()
        offered = card.locator("details[open] menu").get_by_role("button", name="Closed days", exact=True)
        before = await offered.bounding_box()
        await let_it_come()
        await expect(page.locator("#paper[data-mounted=here]")).to_be_attached()
        await page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        assert await offered.bounding_box() == before is not None
        assert await page.evaluate("window.moved") == 0
        await offered.click()
        await expect(card.get_by_placeholder("another day, or from a day to a day")).to_be_visible()
