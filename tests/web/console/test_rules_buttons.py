"""The editor's save bar, phone and recipes by forms alone, as a browser without scripts sends them."""

import html
import json
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.console import browser, csrf_in
from tests.support.rule_files import SHOP
from tests.support.services import ADMIN, VIEWER, Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE = "/console/rules/10-shop.yaml"
UNDO = "/console/rules/undo"
BOOK = SHOP.replace("rules:", "languages: [en, es]\nrules:", 1).replace(
    "\ntests:",
    """
  - name: save
    when: {pattern: 'i am (?P<called>\\w+), order (?P<order>\\w+)'}
    set: {called: "{{ called }}", order: "{{ order }}"}
    reply: Noted.

  - name: mine
    when: {keyword: mine}
    only: {dates: 2026-12-24, tagged: buyer, language: es, from: "+33", opted_out: false}
    reply: "{{ called }}: {{ order }}."

tests:""",
)

#: The rules of `rules_bot`.
FILES = {"10-shop.yaml": BOOK}


@pytest.fixture
def bot(rules_bot: Running) -> Running:
    return rules_bot


@pytest_asyncio.fixture(loop_scope="module")
async def admin(bot: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(bot, ADMIN) as http:
        yield http


async def press(http: httpx.AsyncClient, text: str, do: str, path: str = HERE, **more: Any) -> httpx.Response:
    page = (await http.get(HERE)).text
    etag = re.search(r'name="etag" value="([^"]*)"', page)
    assert etag
    fields = {"csrf": csrf_in(page), "etag": html.unescape(etag[1]), "text": text, "do": do}
    return await http.post(path, data=fields | more)


def text_in(answer: httpx.Response) -> str:
    found = re.search(r'<textarea id="text"[^>]*>\n(.*?)</textarea>', answer.text, re.DOTALL)
    assert found, answer.text
    return html.unescape(found[1]).replace("\r\n", "\n")


async def test_the_phone_is_as_if_at_another_time_by_somebody_known(admin: httpx.AsyncClient) -> None:
    setting = {
        "as-at": "2026-12-24T10:00",
        "as-from": "+33 6 12 34 56 78",
        "as-language": "es",
        "as-tags": "vip, buyer",
        "as-values": "called: Ana\norder: A7",
    }
    answer = await press(admin, BOOK, "try", say="mine", **setting)
    assert "Ana: A7." in answer.text
    assert 'value="2026-12-24T10:00"' in answer.text, "and the phone stays so"
    for name, other in (("at", "2026-12-25T10:00"), ("from", "+44 20"), ("language", "en"), ("tags", "vip")):
        assert (
            "Ana: A7."
            not in (await press(admin, BOOK, "try", say="mine", **setting | {f"as-{name}": other})).text
        )
    answer = await press(admin, BOOK, "try", say="mine", **{"as-at": "soon", "as-values": "Ana"})
    assert "&#34;soon&#34; is no time" in answer.text
    assert "&#34;Ana&#34; is no saved value" in answer.text
    for edge in ("0001-01-01T00:00", "9999-12-31T23:59-14:00"):
        answer = await press(admin, BOOK, "try", say="mine", **setting | {"as-at": edge})
        assert f"&#34;{edge}&#34; is no time" in answer.text


async def test_a_talk_is_kept_as_a_test_that_passes(bot: Running, admin: httpx.AsyncClient) -> None:
    answer = await press(admin, BOOK, "keep", heard=["hours", "zebra"])
    assert text_in(answer) == BOOK + "  - {talk: [{hear: hours, say: Open 9-18.}, {hear: zebra, say: []}]}\n"
    assert "Tests 2 of 2" in answer.text
    assert "1 test added" in answer.text
    answer = await press(admin, BOOK, "keep", heard=["hours"], **{"as-tags": "vip"})
    assert text_in(answer) == BOOK
    assert "a person whom the bot doesn&#39;t know" in answer.text
    answer = await press(admin, "rules: [", "keep", heard=["hours"])
    assert "mend it first" in answer.text
    assert (bot.service.shelf.folder / "10-shop.yaml").read_text() == BOOK


async def test_new_wording_goes_into_the_tests_and_the_saved_text_comes_back(
    admin: httpx.AsyncClient,
) -> None:
    text = BOOK.replace("reply: Open 9-18.", "reply: Open 10-19.")
    answer = await press(admin, text, "changes")
    assert "1 test expects the old wording" in answer.text
    answer = await press(admin, text, "accept")
    assert text_in(answer) == text.replace("say: Open 9-18.", "say: Open 10-19.")
    assert "expects the old wording" not in answer.text
    answer = await press(admin, text, "drop")
    assert answer.headers["location"] == HERE
    page = await admin.get(HERE)
    assert text_in(page) == BOOK
    assert "Dropped: this is what is saved." in page.text


def undo_of(page: str) -> dict[str, str]:
    """What the button of the toast sends."""
    form = re.search(r'<form method="post" action="/console/rules/undo".*?</form>', page, re.DOTALL)
    assert form, page
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[0]))


async def test_a_save_is_undone_unless_somebody_has_saved_since(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    file = bot.service.shelf.folder / "10-shop.yaml"
    text = BOOK.replace("9-18", "10-19")
    answer = await press(admin, text, "save")
    assert answer.status_code == 303, answer.headers
    fields = undo_of((await admin.get(HERE)).text)
    assert fields["back"] == HERE
    async with browser(bot, VIEWER) as viewer:
        csrf = csrf_in((await viewer.get(HERE)).text)
        assert (await viewer.post(UNDO, data=fields | {"csrf": csrf})).status_code == 403
    assert file.read_text() == text
    answer = await admin.post(UNDO, data=fields)
    assert (answer.status_code, answer.headers["location"]) == (303, HERE)
    assert file.read_text() == BOOK
    assert "Undone: it is as it was." in (await admin.get(HERE)).text

    await press(admin, text, "save")
    fields = undo_of((await admin.get(HERE)).text)
    since = text.replace("10-19", "11-20")
    await press(admin, since, "save")
    await admin.get(HERE)
    assert (await admin.post(UNDO, data=fields)).headers["location"] == HERE
    broken = fields | {"back": f"{HERE}\r\nSet-Cookie: a=b"}  # a line's end closed the connection
    assert (await admin.post(UNDO, data=broken)).headers["location"] == "/console/rules"
    page = html.unescape((await admin.get(HERE)).text)
    assert "10-shop.yaml has been changed at the same place since then, so nothing was undone" in page
    assert file.read_text() == since
    await admin.post(UNDO, data=fields | {"undo": "no such edit"})
    assert "is not in the history any more" in (await admin.get(HERE)).text
    assert file.read_text() == since


async def test_no_quotes_of_a_rule_end_what_its_buttons_send(admin: httpx.AsyncClient) -> None:
    evil = """it's "<b> &#34; &amp;"""
    text = f"rules:\n  - name: deal\n    when: {{keyword: deal}}\n    set: {{{json.dumps(evil)}: a}}\n    reply: ok\n"
    sent: list[str] = []

    class Buttons(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            value = dict(attrs).get("value") or ""
            if tag == "button" and value.startswith("card ["):
                assert set(dict(attrs)) <= {"class", "name", "value", "aria-label"}
                sent.append(value.removeprefix("card "))

    Buttons().feed((await press(admin, text, "view form")).text)
    assert len(sent) > 10
    assert any(evil in change["path"] for each in sent for change in json.loads(each)), sent


async def test_recipes_are_listed_added_and_begin_files(admin: httpx.AsyncClient) -> None:
    answer = await press(admin, BOOK, "recipes", find="coupon")
    assert answer.text.count('value="recipe ') == 1
    answer = await press(admin, BOOK, "recipe a-coupon-once")
    assert "name: coupon-again" in text_in(answer)
    assert "Added coupon-again, coupon, coupon-over, with tests." in answer.text
    assert "There is no such recipe." in (await press(admin, BOOK, "recipe nothing")).text
    new = await admin.get("/console/rules/new?recipe=which-shop-is-near")
    assert 'value="which-shop-is-near.yaml"' in new.text
    assert "tables: {shops: shops.csv}" in text_in(new)
    table = await admin.get("/console/rules/new?recipe=which-shop-is-near&table=shops.csv")
    assert text_in(table).startswith("zip,place")
    assert 'id="recipes" aria-label="Recipes" open' in (await admin.get("/console/rules/new?recipes")).text


async def test_a_link_carries_the_rule_that_answered_and_what_stands_around_it(
    admin: httpx.AsyncClient,
) -> None:
    answer = await press(admin, "timezone: Europe/Rome\n" + BOOK, "link", heard=["hours"])
    link = re.search(r'value="/console/rules/try#rule=([^"&]*)&amp;text=hours"', answer.text)
    assert link
    carried = httpx.QueryParams(f"rule={link[1]}")["rule"]
    assert carried == (
        "timezone: Europe/Rome\nlanguages: [en, es]\nrules:\n"
        "  - name: hours      # asked most\n    when: {keyword: hours}\n"
        "    reply: Open 9-18.\n"
    )
    assert (await admin.get("/console/rules/try")).status_code == 200
