"""The list of the whole book, by its forms alone, as a browser without scripts sends them."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.support.console import browser, csrf_in, csrf_of
from tests.support.rule_files import SHOP, said
from tests.support.services import ADMIN, VIEWER, Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIST = "/console/rules"
BOOK = """\
rules:
  # Since we have a car.
  - name: deliver
    when: {keyword: [deliver, delivery]}
    reply: Yes, we deliver.

  # Where we are.
  - name: address
    when: {keyword: where}
    reply: 12 Mill Lane.
"""

#: The rules of `rules_bot`.
FILES = {"10-shop.yaml": SHOP, "20-more.yaml": BOOK}


@pytest.fixture
def bot(rules_bot: Running) -> Running:
    return rules_bot


@pytest_asyncio.fixture(loop_scope="module")
async def admin(bot: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(bot, ADMIN) as http:
        yield http


def text_of(bot: Running, file: str = "20-more.yaml") -> str:
    return (bot.service.shelf.folder / file).read_text()


def names_in(html: str) -> list[str]:
    """The rules of the page in their order."""
    return re.findall(r"data-row>\s*<strong>([^<]*)", html)


async def press(http: httpx.AsyncClient, do: str, to: str = "") -> str:
    """Press a button of the list; the page that follows."""
    fields = {"csrf": await csrf_of(http, LIST), "do": do, "to": to, "back": LIST}
    answer = await http.post(f"{LIST}/list", data=fields)
    assert answer.status_code == 303, answer.text
    return (await http.get(answer.headers["location"])).text


async def undo(http: httpx.AsyncClient, html: str) -> str:
    """Press the button of the toast."""
    wanted = re.search(r'name="undo" value="([^"]+)"', html)
    assert wanted, html
    answer = await http.post(f"{LIST}/undo", data={"csrf": csrf_in(html), "undo": wanted[1], "back": LIST})
    assert answer.status_code == 303, answer.text
    return (await http.get(answer.headers["location"])).text


async def test_the_rules_stand_in_the_order_in_which_they_are_tried(admin: httpx.AsyncClient) -> None:
    html = (await admin.get(LIST)).text
    assert names_in(html)[-3:] == ["hours", "deliver", "address"]
    assert html.index("10-shop.yaml") < html.index("20-more.yaml")
    assert "never met" in html
    assert "7 rules in 3 files" in html
    assert "fail." not in html


async def test_a_keyword_a_reply_and_a_name_are_found(admin: httpx.AsyncClient) -> None:
    for query in ("DELIVERY", "we deliver", "deliver"):
        html = (await admin.get(LIST, params={"q": query})).text
        assert names_in(html) == ["deliver"], query
    assert "No rule has" in (await admin.get(LIST, params={"q": "<nothing>"})).text


async def test_a_rule_is_turned_off_and_on_and_each_is_undone(bot: Running, admin: httpx.AsyncClient) -> None:
    html = await press(admin, "off/20-more.yaml/0/deliver")
    assert "deliver is turned off." in html
    changed = text_of(bot)
    assert changed == BOOK.replace("  - name: deliver\n", "  - name: deliver\n    enabled: false\n")
    assert await said(bot, "delivery") == []
    html = await press(admin, "on/20-more.yaml/0/deliver")
    assert text_of(bot) == BOOK
    await undo(admin, html)
    assert text_of(bot) == changed


async def test_a_moved_rule_takes_its_comments_along_and_comes_back(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    html = await press(admin, "up/20-more.yaml/1/address")
    assert names_in(html)[-2:] == ["address", "deliver"]
    assert text_of(bot).index("# Where we are.") < text_of(bot).index("# Since we have a car.")
    await undo(admin, html)
    assert text_of(bot) == BOOK


async def test_a_rule_moves_to_the_file_before_and_both_come_back(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    html = await press(admin, "up/20-more.yaml/0/deliver")
    assert "deliver is in 10-shop.yaml now." in html
    assert names_in(html)[-3:] == ["hours", "deliver", "address"]
    assert "# Since we have a car." in text_of(bot, "10-shop.yaml")
    assert "deliver" not in text_of(bot)
    await undo(admin, html)
    assert (text_of(bot), text_of(bot, "10-shop.yaml")) == (BOOK, SHOP)
    html = await press(admin, "put/10-shop.yaml/0/hours", "20-more.yaml/1/address")
    assert names_in(html)[-3:] == ["deliver", "hours", "address"]


async def test_a_rule_is_copied_and_deleted(bot: Running, admin: httpx.AsyncClient) -> None:
    html = await press(admin, "copy/20-more.yaml/0/deliver")
    assert "deliver is copied as deliver-2, which is off." in html
    assert names_in(html)[-3:] == ["deliver", "deliver-2", "address"]
    html = await press(admin, "delete/20-more.yaml/1/deliver-2")
    assert text_of(bot) == BOOK
    html = await press(admin, "delete/10-shop.yaml/0/hours")
    assert "hours is deleted. Now 1 test fails." in html
    await undo(admin, html)
    assert text_of(bot, "10-shop.yaml") == SHOP


async def test_what_somebody_else_changed_since_stays_when_a_move_is_undone(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    html = await press(admin, "off/20-more.yaml/0/deliver")
    file = bot.service.shelf.folder / "20-more.yaml"
    file.write_text(file.read_text().replace("12 Mill", "13 Mill"))
    await bot.service.shelf.reload()
    await undo(admin, html)
    assert text_of(bot) == BOOK.replace("12 Mill", "13 Mill")


async def test_a_list_that_is_old_moves_the_rule_that_was_meant(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    await press(admin, "off/20-more.yaml/0/address")
    assert "name: address\n    enabled: false" in text_of(bot)
    html = await press(admin, "off/20-more.yaml/0/gone")
    assert "There is no rule" in html
    html = await press(admin, "off/none.yaml/0/gone")
    assert "is not there any more" in html
    assert "The list has no such button." in await press(admin, "nonsense")


async def test_what_the_rules_would_not_take_is_refused_with_its_reason(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    (bot.service.shelf.folder / "30-last.yaml").write_text(
        "rules:\n  - {name: else, when: anything, reply: Sorry?}\n"
    )
    await bot.service.shelf.reload()
    html = await press(admin, "down/20-more.yaml/1/address")
    assert names_in(html)[-2:] == ["address", "else"]
    before = text_of(bot)
    html = await press(admin, "put/10-shop.yaml/0/hours", "30-last.yaml/2/")
    assert "Nothing was changed, for the rules would have an error." in html
    assert text_of(bot) == before


async def test_a_viewer_may_look_and_not_press(bot: Running) -> None:
    async with browser(bot, VIEWER) as http:
        html = (await http.get(LIST)).text
        assert "switch" not in html
        answer = await http.post(
            f"{LIST}/list", data={"csrf": csrf_in(html), "do": "off/20-more.yaml/0/deliver"}
        )
        assert answer.status_code == 403
    assert text_of(bot) == BOOK


async def test_the_bare_address_leads_to_the_console(bot: Running) -> None:
    async with browser(bot) as http:
        answer = await http.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
