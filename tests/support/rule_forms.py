"""Rules that are edited by forms alone: a shop's file, and what somebody does who never looks at its text."""

import difflib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Locator, Page, expect

from bot.rulebook.editing.layout import comment_ranges
from tests.support.pages import console
from tests.support.services import Running
from tests.support.tabs import Tab

FILE = "10-shop.yaml"
BOOK = """\
# The shop. Ask Maria before you change the hours.
timezone: Europe/Paris   # where it stands
hours: {shop: "Mon-Sat 9-18"}   # in winter

rules:
  # The one that is asked most.
  - name: hours      # of the shop
    when: {keyword: [hours, open]}
    reply: "We are open {{ hours.shop }}."   # until spring

  - name: address
    when: {keyword: where}
    reply: 12 Mill Lane.   # the green door

  # Whatever else.
  - name: else
    when: anything
    reply: Sorry?

tests:
  - {hear: hours, rule: hours}   # must hold
"""


def saved(bot: Running) -> str:
    return (bot.service.shelf.folder / FILE).read_text()


@asynccontextmanager
async def task(
    where: Tab | Browser, bot: Running, path: str = "/console/rules", **options: Any
) -> AsyncIterator[Page]:
    """A page of somebody who never looks at a text of rules: the tab's, or a browser's with options of its own."""
    opened = where.at(bot, path) if isinstance(where, Tab) else console(where, bot, path, **options)
    async with opened as page:
        yield page
        await expect(page.locator(".cm-content:visible, #text:visible")).to_have_count(0)


def lines_changed(bot: Running) -> list[str]:
    """The lines that a task changed; no comment may be among what it lost."""
    after = saved(bot)
    for comment in [BOOK[start:end] for start, end in comment_ranges(BOOK)]:
        assert comment in after
    changed = difflib.ndiff(BOOK.splitlines(), after.splitlines())
    return [line for line in changed if line[:1] in "+-" and line[2:].strip()]


async def can_be_moved(page: Page) -> None:
    """Wait for the script by which the rules of the list are moved: a key that comes before it does nothing."""
    await expect(page.locator('[data-mount="list"][data-mounted="here"]')).to_be_attached()


async def can_be_written(page: Page) -> None:
    """Wait for the editor's script."""
    await expect(page.locator("#paper[data-mounted=here]")).to_be_attached()


def card_of(page: Page) -> Locator:
    return page.locator(".rule-card")


async def rule(page: Page, name: str) -> Locator:
    """Open a rule from the list."""
    await page.get_by_role("link", name=re.compile(f"^{name}\\b")).click()
    await expect(card_of(page).get_by_label("Name", exact=True)).to_have_value(name)
    return card_of(page)


async def new_rule(page: Page, name: str) -> Locator:
    """Begin a rule in the shop's file, and name it."""
    await page.locator(f"a[href$='{FILE}?add=rule']").click()
    return await named(page, name)


async def named(page: Page, name: str) -> Locator:
    """Name a rule that was begun."""
    card = card_of(page)
    await expect(card).to_contain_text("Add the words that somebody texts and write the answer.")
    await card.get_by_label("Name", exact=True).fill(name)
    return card


async def word(page: Page, text: str) -> None:
    """One word more that a rule listens for."""
    await card_of(page).get_by_placeholder(re.compile("^an?(other)? word$")).fill(text)
    await page.keyboard.press("Enter")
    await expect(card_of(page).get_by_role("button", name=f"Remove {text}", exact=True)).to_be_visible()


async def choose(page: Page, menu: str, item: str, *, which: int = 0) -> None:
    """Open a menu of the card and press what it offers."""
    await card_of(page).get_by_text(menu, exact=True).nth(which).click()
    await card_of(page).locator("details[open] menu").get_by_role("button", name=item, exact=True).click()
    await expect(card_of(page).locator("details[open]")).to_have_count(0)


async def save(page: Page, tells: str = "Saved and in force.") -> None:
    await page.get_by_role("button", name="Save rules").click()
    await expect(page.locator(".flash")).to_contain_text(tells)


async def text_it(page: Page, text: str, answer: str = "") -> None:
    """On the phone beside the card."""
    await page.locator("#say").fill(text)
    await page.keyboard.press("Enter")
    await expect(page.locator("#phone .message.out").last).to_contain_text(text)
    if answer:
        await expect(page.locator("#phone .message.in").last).to_contain_text(answer)
