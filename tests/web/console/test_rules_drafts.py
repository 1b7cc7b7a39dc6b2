"""Unsaved rules, two people at one file, and the history: by forms alone, as a browser without scripts sends them."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from bot.rulebook.editing.folder import etag_of
from tests.support.console import browser, csrf_in, csrf_of
from tests.support.rule_files import SHOP, put, said
from tests.support.services import ADMIN, Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE = "/console/rules/10-shop.yaml"
BOOK = SHOP.replace(
    "\ntests:", "\n  - name: address\n    when: {keyword: address}\n    reply: 12 Mill Lane.\n\ntests:"
).replace("\ntests:\n  - {hear: hours, say: Open 9-18.}\n", "")

#: The rules of `rules_bot`.
FILES = {"10-shop.yaml": BOOK}


@pytest.fixture
def bot(rules_bot: Running) -> Running:
    return rules_bot


@pytest_asyncio.fixture(loop_scope="module")
async def admin(bot: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(bot, ADMIN) as http:
        yield http


def text_of(bot: Running) -> str:
    return (bot.service.shelf.folder / "10-shop.yaml").read_text()


async def send(
    http: httpx.AsyncClient, text: str, do: str, *, etag: str = etag_of(BOOK), path: str = HERE, **more: str
) -> httpx.Response:
    csrf = await csrf_of(http, path)
    fields = {"csrf": csrf, "etag": etag, "text": text.replace("\n", "\r\n"), "do": do}
    return await http.post(path, data=fields | more)


async def test_what_is_not_saved_waits_for_its_author_and_the_list_shows_it(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    await send(admin, BOOK.replace("9-18", "9-17"), "check")
    html = (await admin.get(HERE)).text
    assert "reply: Open 9-17." in html
    assert "Not saved yet" in html
    rules = (await admin.get("/console/rules")).text
    assert rules.count("● unsaved") == 2  # the file and its one rule
    async with browser(bot, ADMIN) as other_window:
        assert "Open 9-17." in (await other_window.get(HERE)).text
    html = (await admin.get("/console/rules")).text
    pressed = await admin.post(
        "/console/rules/list", data={"csrf": csrf_in(html), "do": "off/10-shop.yaml/1/address"}
    )
    assert pressed.status_code == 303
    assert text_of(bot) == BOOK
    html = (await admin.get("/console/rules")).text
    assert "10-shop.yaml is not saved yet." in html
    undo = re.search(r'name="undo" value="([^"]+)"', html)
    assert undo
    assert "enabled: false" in (await admin.get(HERE)).text
    await admin.post("/console/rules/undo", data={"csrf": csrf_in(html), "undo": undo[1]})
    html = (await admin.get(HERE)).text
    assert "enabled: false" not in html
    assert "Open 9-17." in html
    assert (await send(admin, BOOK.replace("9-18", "9-17"), "save")).status_code == 303
    assert "● unsaved" not in (await admin.get("/console/rules")).text
    assert "Not saved yet" not in (await admin.get(HERE)).text


async def test_a_draft_that_is_not_kept_is_told(bot: Running, admin: httpx.AsyncClient) -> None:
    fields = {"file": "10-shop.yaml", "etag": etag_of(BOOK), "csrf": csrf_in((await admin.get(HERE)).text)}
    keep = "/console/rules/draft/keep"
    assert (await admin.post(keep, data=fields | {"text": BOOK + "# more\n"})).status_code == 204
    assert (await admin.post(keep, data=fields | {"text": BOOK + "# \x00\n"})).status_code == 503
    answer = await send(admin, BOOK + "# \x00\n", "check")
    assert "This text is not kept as your draft" in answer.text


async def test_a_draft_is_dropped_and_a_new_file_has_one_too(bot: Running, admin: httpx.AsyncClient) -> None:
    await send(admin, BOOK.replace("9-18", "9-17"), "check")
    await send(admin, BOOK.replace("9-18", "9-17"), "drop")
    assert "Open 9-18." in (await admin.get(HERE)).text
    new = "/console/rules/new"
    html = (await admin.get(new)).text
    assert "error" not in html
    rule = "rules:\n  - {name: cafe, when: {keyword: cafe}, reply: Upstairs.}\n"
    await send(admin, rule, "check", etag="", path=new, name="30-cafe", is_new="1")
    html = (await admin.get(new)).text
    assert "name: cafe" in html
    assert 'value="30-cafe.yaml"' in html
    assert "30-cafe.yaml" in (await admin.get("/console/rules")).text
    saved = await send(admin, rule, "save", etag="", path=new, name="30-cafe", is_new="1")
    assert saved.status_code == 303
    assert await said(bot, "cafe") == ["Upstairs."]
    assert "name: cafe" not in (await admin.get(new)).text


async def test_changes_of_two_rules_by_two_people_are_both_saved_without_a_question(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    theirs = BOOK.replace("12 Mill", "14 Mill")
    await put(bot, "10-shop.yaml", theirs, If_Match=etag_of(BOOK))
    answer = await send(admin, BOOK.replace("9-18", "9-17"), "save")
    assert answer.status_code == 303
    assert text_of(bot) == theirs.replace("9-18", "9-17")
    html = (await admin.get(HERE)).text
    assert "address: the answer" in html
    assert "omebody else" not in html


async def test_one_rule_changed_by_both_is_asked_with_each_side_named(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    mine = BOOK.replace("9-18", "MINE").replace("12 Mill", "14 Mill")
    theirs = BOOK.replace("9-18", "THEIRS")
    await put(bot, "10-shop.yaml", theirs, If_Match=etag_of(BOOK))
    answer = await send(admin, mine, "save")
    assert answer.status_code == 409
    assert text_of(bot) == theirs
    assert "10-shop.yaml was changed meanwhile by admin, through the API." in answer.text
    assert answer.text.count("Yours, not saved") == 1
    chosen = {"theirs": etag_of(theirs)}
    assert (await send(admin, mine, "resolve", **chosen)).status_code == 409
    own = "  - name: hours      # asked most\r\n    when: {keyword: hours}\r\n    reply: BOTH\r\n"
    answer = await send(admin, mine, "resolve", **chosen, **{"take-0": "own", "own-0": own})
    assert answer.status_code == 303
    assert text_of(bot) == BOOK.replace("Open 9-18.", "BOTH").replace("12 Mill", "14 Mill")


async def test_a_restore_shows_although_there_is_a_draft_and_the_draft_comes_back_into_it(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    changed = BOOK.replace("9-18", "9-19")
    await put(bot, "10-shop.yaml", changed, If_Match=etag_of(BOOK))
    await send(admin, changed.replace("12 Mill", "14 Mill"), "check", etag=etag_of(changed))
    html = (await admin.get("/console/rules/history")).text
    assert "hours: the answer" in html
    edit = re.search(r"/console/rules/history/([0-9a-f-]{36})", html)
    assert edit
    page = f"/console/rules/history/{edit[1]}"
    html = (await admin.get(page)).text
    await admin.post(
        f"{page}/restore", data={"csrf": csrf_in(html), "etag": etag_of(changed), "which": "before"}
    )
    assert text_of(bot) == BOOK
    html = (await admin.get(HERE)).text
    assert "reply: 12 Mill" in html
    assert "omebody else" not in html
    assert "began from an older text" in html
    html = (await send(admin, BOOK, "bring")).text
    assert "reply: 14 Mill" in html
    assert "Open 9-18." in html


async def test_one_change_is_taken_back_and_later_ones_stay(bot: Running, admin: httpx.AsyncClient) -> None:
    first = BOOK.replace("9-18", "9-19").replace("keyword: address", "keyword: where")
    later = first.replace("12 Mill", "14 Mill")
    await put(bot, "10-shop.yaml", first, If_Match=etag_of(BOOK))
    await put(bot, "10-shop.yaml", later, If_Match=etag_of(first))
    edits = await bot.items("/api/rule-edits")
    page = f"/console/rules/history/{edits[-1]['id']}"
    html = (await admin.get(page)).text
    assert "Take this back" in html
    answer = await admin.post(f"{page}/take-back", data={"csrf": csrf_in(html), "rule": "hours"})
    assert answer.status_code == 303
    assert text_of(bot) == later.replace("9-19", "9-18")
    page = f"/console/rules/history/{edits[0]['id']}"
    moved = BOOK.replace("12 Mill Lane", "1 Hill Road")
    await put(bot, "10-shop.yaml", moved, If_Match=etag_of(later.replace("9-19", "9-18")))
    answer = await admin.post(f"{page}/take-back", data={"csrf": csrf_in(html)})
    assert answer.status_code == 409
    assert "What would come back" in answer.text
    assert text_of(bot) == moved


async def test_a_message_leads_to_what_does_no_harm(bot: Running, admin: httpx.AsyncClient) -> None:
    drafting = "/console/rules/draft"
    html = (await admin.get(drafting, params={"text": "adress?"})).text
    assert "One letter away from “address”" in html
    html = (await admin.get(drafting, params={"text": "adress?", "as": "word"})).text
    assert "when: {keyword: [address, adress]}" in html
    html = (await admin.get(drafting, params={"text": "please take me off this list"})).text
    assert "This may be an opt-out" in html
    assert "Write the answer here." not in html
    html = (await admin.get(drafting, params={"text": "do you deliver"})).text
    assert "Write the answer here." in html
    text = BOOK + "  - name: new\n    when: {keyword: deliver}\n    reply: Write the answer here.\n"
    assert (await send(admin, text, "save")).status_code == 422
    assert text_of(bot) == BOOK


async def test_a_drafted_rule_stands_in_what_its_author_has_not_saved(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    """It was made from what is saved, and the next check kept it in the place of the draft."""
    mine = BOOK.replace("9-18", "9-17")
    await send(admin, mine, "check")
    for wanted, expected in (
        ({"text": "do you deliver"}, "Write the answer here."),
        ({"text": "adress?", "as": "word"}, "when: {keyword: [address, adress]}"),
    ):
        html = (await admin.get("/console/rules/draft", params=wanted)).text
        assert expected in html
        assert "Open 9-17." in html
        assert "Not saved yet" in html
    assert "Open 9-17." in (await admin.get(HERE)).text


async def test_a_rule_for_a_file_that_takes_none_leaves_the_draft_of_another_new_file(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    rule = "rules:\n  - {name: cafe, when: {keyword: cafe}, reply: Upstairs.}\n"
    new = "/console/rules/new"
    await send(admin, rule, "check", etag="", path=new, name="30-cafe", is_new="1")
    await send(admin, "rules: [\n", "check")
    drafting = await admin.get("/console/rules/draft", params={"text": "do you deliver"})
    assert "Write the answer here." in drafting.text
    etag = re.search(r'name="etag" value="([^"]*)"', drafting.text)
    assert etag
    assert "30-cafe.yaml" in drafting.text
    await send(admin, "rules: []\n# mine\n", "check", etag=etag[1], path=new, name="x", is_new="1")
    assert "name: cafe" in (await admin.get(new)).text


def etag_in(html: str) -> str:
    found = re.search(r'name="etag" value="([^"]*)"', html)
    assert found
    return found[1].replace("&#34;", '"')


async def test_a_recipe_or_a_link_takes_no_other_new_files_place(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    """A person had one draft of a new file, whichever file that was to be."""
    new, mine = "/console/rules/new", "rules:\n  - {name: cafe, when: {keyword: cafe}, reply: Upstairs.}\n"
    await send(admin, mine, "check", etag="", path=new, name="30-cafe", is_new="1")
    marks = []
    for page, other in (
        (f"{new}?recipe=which-shop-is-near", "30-cafe.yaml"),
        ("/console/rules/try", "x.yaml"),
    ):
        html = (await admin.get(page)).text
        assert f"You also have another new file that is not saved, <bdi>{other}</bdi>" in html
        marks.append(etag_in(html))
        await send(admin, f"rules: []\n# {page}\n", "check", etag=marks[-1], path=new, name="x", is_new="1")
    html = (await admin.get(new)).text
    assert "name: cafe" in html
    assert 'name="parked"' in html
    rules = (await admin.get("/console/rules")).text
    for mark in marks:
        assert f'href="{new}?draft={mark}"' in rules
    html = (await admin.get(f"{new}?draft={marks[0]}")).text
    assert f"# {new}?recipe=which-shop-is-near" in html
    assert etag_in(html) == marks[0]

    # A draft is dropped by its own mark, and what is written beside it stays.
    typed = "rules: []\n# typed\n"
    more = {"etag": marks[0], "path": new, "name": "y", "is_new": "1"}
    answer = await send(admin, typed, "drop-parked", **more, parked=marks[1])
    html = (await admin.get(answer.headers["location"])).text
    assert "# typed" in html
    assert marks[1] not in (await admin.get("/console/rules")).text
    await send(admin, mine, "drop", etag="", path=new, name="30-cafe", is_new="1")
    html = (await admin.get(new)).text
    assert "# typed" in html  # the one that is left
    saved = await send(admin, typed, "save", **more)
    assert saved.headers["location"] == "/console/rules/y.yaml"
    assert "# typed" not in (await admin.get(new)).text


async def test_a_name_that_is_taken_can_be_changed_and_no_other_file_is_touched(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    new, rule = "/console/rules/new", "rules:\n  - {name: cafe, when: {keyword: cafe}, reply: Upstairs.}\n"
    more = {"etag": "", "path": new, "is_new": "1", "name": "10-shop.yaml"}
    answer = await send(admin, rule, "save", **more)
    assert answer.status_code == 409
    assert "There is a rule file 10-shop.yaml already; choose another name" in answer.text
    assert 'name="name" value="10-shop.yaml"' in answer.text
    assert "Save my text over it" not in answer.text
    assert "name: cafe" in answer.text
    dropped = await admin.post(
        "/console/rules/draft/edit",
        data={
            "csrf": csrf_in(answer.text),
            "file": "10-shop.yaml",
            "text": rule,
            "do": "drop",
            "is_new": "1",
        },
    )
    assert "9-18" not in dropped.text
    assert (await send(admin, rule, "save", **(more | {"name": "40-cafe"}))).status_code == 303
    assert await said(bot, "cafe") == ["Upstairs."]
    assert text_of(bot) == BOOK


async def test_a_draft_that_lost_against_what_was_saved_meanwhile_is_dropped(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    """The link left it, and the next page offered it again."""
    await put(bot, "stops.csv", "stop,said\n1,One\n", If_None_Match="*")
    here = "/console/rules/stops.csv"
    etag = etag_of("stop,said\n1,One\n")
    await send(admin, "stop,said\n1,Mine\n", "check", etag=etag, path=here)
    await put(bot, "stops.csv", "stop,said\n1,Theirs\n", If_Match=etag)
    html = (await send(admin, "stop,said\n1,Mine\n", "save", etag=etag, path=here)).text
    button = re.search(r'value="([^"]*)">Drop mine, keep what is saved<', html)
    parked = re.search(r'name="parked" value="([^"]*)"', html)
    assert button
    assert parked
    fields = {"etag": etag_in(html), "parked": parked[1].replace("&#34;", '"')}
    answer = await send(admin, "stop,said\n1,Mine\n", button[1], path=here, **fields)
    html = (await admin.get(answer.headers["location"])).text
    assert "1,Theirs" in html
    assert "You also have a draft" not in html
    assert "unsaved" not in (await admin.get("/console/rules")).text.partition("stops.csv")[2]
