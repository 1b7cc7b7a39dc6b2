"""Everyday tasks of a shopkeeper, each by forms alone: the text of the rules is never seen.

After each of them the file differs in the lines that had to change and in no other, and every comment is there.
"""

import re

from playwright.async_api import expect

from tests.support.envelopes import REPORT, REPORT_DATA, event, inbound
from tests.support.rule_files import said
from tests.support.rule_forms import (
    BOOK,
    FILE,
    can_be_written,
    card_of,
    choose,
    lines_changed,
    named,
    rule,
    save,
    saved,
    task,
    text_it,
    word,
)
from tests.support.services import Running
from tests.support.tabs import Tab

HERE = f"/console/rules/{FILE}"


async def test_the_hours_change_and_the_shop_is_closed_at_christmas(tab: Tab, shop: Running) -> None:
    async with task(tab, shop) as page:
        await page.get_by_role("link", name="Opening hours: Mon-Sat 9-18").click()
        await card_of(page).get_by_label("Open", exact=True).fill("Mon-Fri 9-18, Sat 10-14")
        await text_it(page, "hours", "We are open Mon-Fri 9-18, Sat 10-14.")
        await save(page)
        await expect(card_of(page).get_by_label("Open", exact=True)).to_have_value("Mon-Fri 9-18, Sat 10-14")
        hours = [
            '- hours: {shop: "Mon-Sat 9-18"}   # in winter',
            '+ hours: {shop: "Mon-Fri 9-18, Sat 10-14"}   # in winter',
        ]
        assert lines_changed(shop) == hours
        await choose(page, "+ hours, closed days", "Closed days")
        await page.get_by_placeholder("another day, or from a day to a day").fill("24-26 December")
        await page.keyboard.press("Enter")
        await expect(card_of(page)).to_contain_text("24-26 December. One more:")
        async with page.expect_response(lambda answer: answer.url.endswith(FILE)):
            await page.get_by_role("button", name="Save rules").click()
        await page.goto("/console/rules")
        await expect(page.get_by_role("link", name="Closed: 24-26 December")).to_be_visible()
    assert lines_changed(shop) == [*hours, "+ closed: [12-24..12-26]"]


async def test_a_keyword_gets_two_synonyms(tab: Tab, shop: Running) -> None:
    async with task(tab, shop, f"{HERE}?rule=address") as page:
        await can_be_written(page)
        await word(page, "directions")
        await word(page, "where, exactly".partition(",")[0] + " are you")
        await save(page)
    assert lines_changed(shop) == [
        "-     when: {keyword: where}",
        "+     when: {keyword: [where, directions, where are you]}",
    ]


async def test_do_you_deliver_is_answered(tab: Tab, shop: Running) -> None:
    async with task(tab, shop) as page:
        await page.get_by_label("A message that no rule answers yet").fill("Do you deliver?")
        await page.get_by_role("button", name="Draft a rule").click()
        await card_of(page).get_by_label("Answer", exact=True).fill("We do, on Fridays: from €20.")
        await text_it(page, "can you deliver it", "We do, on Fridays: from €20.")
        await save(page)
    assert lines_changed(shop) == [
        "+   - name: deliver",
        "+     when: {contains: deliver}",
        '+     reply: "We do, on Fridays: from €20."',
        '+   - {hear: "Do you deliver?", rule: deliver}',
    ]


async def test_an_answer_is_given_in_spanish_too(tab: Tab, shop: Running) -> None:
    async with task(tab, shop, f"{HERE}?rule=hours") as page:
        await can_be_written(page)
        card = card_of(page)
        await choose(page, "+ language", "Spanish", which=1)
        await card.get_by_label("Spanish", exact=True).fill("Abrimos ")
        await card.get_by_label("Put a value into: Spanish").click()
        await card.locator("details[open] menu").get_by_role("button", name=re.compile("shop")).first.click()
        await expect(card.get_by_label("Spanish", exact=True)).to_have_value("Abrimos {{ hours.shop }}")
        await save(page)
    assert sorted(lines_changed(shop)) == sorted(
        [
            "+ languages: [en, es]",
            '-     reply: "We are open {{ hours.shop }}."   # until spring',
            "+     reply:",
            '+       en: "We are open {{ hours.shop }}."',
            '+       es: "Abrimos {{ hours.shop }}"   # until spring',
        ]
    )


async def test_a_booking_asks_two_questions(tab: Tab, shop: Running) -> None:
    async with task(tab, shop, f"{HERE}?add=rule") as page:
        await can_be_written(page)
        card = await named(page, "booking")
        await word(page, "book")
        await choose(page, "+ then", "Ask")
        first = card.get_by_role("group", name="Question 1", exact=True)
        await first.get_by_label("Ask", exact=True).fill("Which day?")
        await first.get_by_label("Call the answer", exact=True).fill("day")
        await card.get_by_role("button", name="+ another question").click()
        second = card.get_by_role("group", name="Question 2", exact=True)
        await second.get_by_label("Ask", exact=True).fill("How many?")
        await second.get_by_label("Call the answer", exact=True).fill("people")
        await second.get_by_text("anything ▾").click()
        await second.get_by_role("button", name="a number").click()
        await expect(second.get_by_text("a number ▾")).to_be_visible()
        answer = card.get_by_label("Answer", exact=True)
        await answer.fill("A table for ")
        for name, more in (("people", " on "), ("day", ".")):
            await card.get_by_label("Put a value into: Answer").click()
            await card.locator("details[open] menu").get_by_role("button", name=name).first.click()
            await expect(answer).to_have_value(re.compile(name))
            await answer.press("End")
            await page.keyboard.type(more)
        await text_it(page, "book", "Which day?")
        await text_it(page, "friday", "How many?")
        await text_it(page, "4", "A table for 4 on friday.")
        await save(page)
    assert lines_changed(shop) == [
        "+   - name: booking",
        "+     when: {keyword: [book]}",
        '+     reply: "A table for {{ people }} on {{ day }}."',
        '+     ask: [{save: day, question: "Which day?"}, {save: people, question: "How many?", expect: number}]',
    ]


async def test_yesterdays_change_is_undone_while_a_draft_waits(tab: Tab, shop: Running) -> None:
    async with task(tab, shop) as page:
        card = await rule(page, "hours")
        await card.get_by_label("Answer", exact=True).fill("Come in!")
        await save(page)
        await page.goto("/console/rules")
        card = await rule(page, "address")
        await card.get_by_label("Answer", exact=True).fill("13 Mill Lane.")
        await expect(page.locator("#changes")).to_contain_text("You changed address: the answer.")
        await page.get_by_role("link", name="History").first.click()
        await page.get_by_role("button", name=re.compile("Take back.*hours: the answer")).first.click()
        await expect(page.locator(".flash")).to_contain_text("what came later stays")
        assert saved(shop) == BOOK
        await page.goto("/console/rules")
        card = await rule(page, "address")
        await expect(card.get_by_label("Answer", exact=True)).to_have_value("12 Mill Lane.")
        await page.get_by_role("button", name="Bring it in").click()
        await expect(card.get_by_label("Answer", exact=True)).to_have_value("13 Mill Lane.")
        await save(page)
    assert lines_changed(shop) == [
        "-     reply: 12 Mill Lane.   # the green door",
        "+     reply: 13 Mill Lane.   # the green door",
    ]


async def test_a_vote_is_counted_and_downloaded(tab: Tab, shop: Running) -> None:
    async with task(tab, shop, HERE) as page:
        await can_be_written(page)
        await page.get_by_role("button", name="Recipes").click()
        await page.get_by_label("Find a recipe").fill("vote")
        recipe = page.locator("#recipe-list > li", has_text="One vote a person")
        await recipe.get_by_role("button", name=f"Add to {FILE}").click()
        await expect(page.locator("#changes")).to_contain_text("vote: added")
        await page.keyboard.press("Escape")
        await save(page)
        for at, choice in enumerate(("red", "blue", "red")):
            await shop.post([inbound(MessageId=f"v{at}", From=f"+1555555080{at}", Message=choice)])
        await page.get_by_role("link", name="Answers").click()
        await page.get_by_role("link", name=re.compile("^vote")).click()
        await expect(page.locator("main")).to_contain_text(re.compile(r"3"))
        async with page.expect_download() as download:
            await page.get_by_role("link", name=re.compile("CSV")).click()
        rows = (await (await download.value).path()).read_text("utf-8-sig").splitlines()
        assert len(rows) == 4
    assert all(line.startswith("+ ") for line in lines_changed(shop))


async def test_everybody_gets_a_coupon_of_their_own(tab: Tab, shop: Running) -> None:
    async with task(tab, shop, f"{HERE}?add=rule") as page:
        await can_be_written(page)
        card = await named(page, "coupon")
        await word(page, "coupon")
        await choose(page, "+ then", "Give a code from a list")
        await card.get_by_role("button", name="+ once all are given, say").click()
        await card.get_by_label("Once all are given, say", exact=True).fill("All coupons are gone.")
        await card.get_by_label("Answer", exact=True).fill("Your code: ")
        await card.get_by_label("Put a value into: Answer").click()
        await card.locator("details[open] menu").get_by_role("button", name="code").first.click()
        await expect(card.get_by_label("Answer", exact=True)).to_have_value("Your code: {{ code }}")
        await save(page)
        for at, answer in enumerate(("SPRING-1", "SPRING-2", "All coupons are gone.")):
            peer = f"+1555555070{at}"
            await shop.post([inbound(MessageId=f"c{at}", From=peer, Message="coupon")])
            (reply,) = [each for each in await shop.messages(peer) if each["direction"] == "outbound"]
            assert answer in reply["text"]
    assert lines_changed(shop) == [
        "+   - name: coupon",
        "+     when: {keyword: [coupon]}",
        '+     reply: "Your code: {{ code }}"',
        '+     code: {from: coupons.csv, save: code, missing: "All coupons are gone."}',
    ]


async def test_a_web_service_is_asked_for_an_orders_state(tab: Tab, shop: Running) -> None:
    async with task(tab, shop, f"{HERE}?add=rule") as page:
        await can_be_written(page)
        card = await named(page, "order")
        await word(page, "order")
        await choose(page, "+ then", "Ask a web service")
        await card.get_by_label("Address", exact=True).fill("https://shop.example.com/orders?said=")
        await card.get_by_label("Put a value into: Address").click()
        await card.locator("details[open] menu").get_by_role("button", name="their text, as it came").click()
        await card.get_by_role("button", name="+ if nothing comes, say").click()
        await card.get_by_label("If nothing comes, say", exact=True).fill("Later")
        answer = card.get_by_label("Answer", exact=True)
        await answer.fill("Your order is ")
        await card.get_by_label("Put a value into: Answer").click()
        await card.locator("details[open] menu").get_by_role("button", name="found").first.click()
        await expect(answer).to_have_value("Your order is {{ found }}")
        await text_it(page, "order 12345")
        await page.locator("#phone input.answer").fill("on its way")
        await page.keyboard.press("Enter")
        await expect(page.locator("#phone .message.in")).to_contain_text("Your order is on its way")
        await save(page)
    assert lines_changed(shop) == [
        "+   - name: order",
        "+     when: {keyword: [order]}",
        '+     reply: "Your order is {{ found }}"',
        '+     fetch: {url: "https://shop.example.com/orders?said={{ message }}", save: found, otherwise: "Later"}',
    ]


async def test_a_rule_is_turned_off_and_on_and_moved_and_its_use_is_seen(tab: Tab, shop: Running) -> None:
    async with task(tab, shop) as page:
        switch = page.get_by_role("switch", name="address")
        await switch.click()
        await expect(switch).not_to_be_checked()
        await expect(page.locator(".flash")).to_contain_text("address")
        assert lines_changed(shop) == ["+     enabled: false"]
        assert await said(shop, "where") == ["Sorry?"]
        await switch.click()
        await expect(switch).to_be_checked()
        assert saved(shop) == BOOK
        assert await said(shop, "where") == ["12 Mill Lane."]

        names = page.locator(f"#list [data-file='{FILE}'] strong")
        await page.get_by_label("What can be done with address").click()
        await page.get_by_role("button", name="Move up").and_(page.locator(":visible")).click()
        await expect(names).to_have_text(["address", "hours", "else"])
        moved = [
            "  - name: address",
            "    when: {keyword: where}",
            "    reply: 12 Mill Lane.   # the green door",
        ]
        changed = lines_changed(shop)
        assert sorted(changed) in (
            sorted([*(f"+ {line}" for line in moved), *(f"- {line}" for line in moved)]),
            sorted([f"{sign} {line}" for sign in "+-" for line in BOOK.splitlines()[5:9]]),
        )

        # Which rules are used, and which replies fail.
        for at in range(3):
            await shop.post([inbound(MessageId=f"used-{at}", From=f"+1555555090{at}", Message="where")])
        (reply,) = await shop.replies("+15555550900")
        failed = {"MessageId": reply["provider_message_id"], "DeliveryStatus": "Failed"}
        await shop.post([event(REPORT, REPORT_DATA | failed)])
        await shop.replies("+15555550900", "failed")
        await page.reload()
        row = page.locator("#list li", has=page.get_by_text("address", exact=True))
        await expect(row.locator(".use")).to_have_text(re.compile(r"3\s*1.✕ did not arrive"))
        await row.get_by_title("Answers in the last 7 days").click()
        await expect(page.locator("main")).to_contain_text("+1 555 555 0900")
