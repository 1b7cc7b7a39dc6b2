"""The Rules place of the console, by its forms alone, as a browser without scripts sends them."""

import asyncio
import re
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy.engine import make_url

from bot.rulebook.background import give_way
from bot.rulebook.editing import drafts
from bot.rulebook.editing.folder import etag_of
from bot.rulebook.files.loader import Loaded
from tests.support.bots import until
from tests.support.console import browser, csrf_in
from tests.support.databases import Databases
from tests.support.envelopes import inbound
from tests.support.processes import ROOT
from tests.support.rule_files import SHOP, heavy_rules, nobody, put, running_book, said, shut_folder
from tests.support.services import ADMIN, VIEWER, Acs, Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE = "/console/rules/10-shop.yaml"

#: The rules of `rules_bot`.
FILES = {"10-shop.yaml": SHOP}


@pytest.fixture
def bot(rules_bot: Running) -> Running:
    return rules_bot


@pytest_asyncio.fixture(loop_scope="module")
async def admin(bot: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(bot, ADMIN) as http:
        yield http


async def page(http: httpx.AsyncClient, path: str = HERE, status: int = 200) -> str:
    answer = await http.get(path)
    assert answer.status_code == status, answer.text
    return answer.text


async def send(http: httpx.AsyncClient, text: str, do: str, path: str = HERE, **more: Any) -> httpx.Response:
    """The editor's form, as it stands on the page, with another text and one of its buttons pressed."""
    html = await page(http, path if not path.endswith("/new") else "/console/rules/new")
    etag = re.search(r'name="etag" value="([^"]*)"', html)
    assert etag
    fields = {
        "csrf": csrf_in(html),
        "etag": etag[1].replace("&#34;", '"'),
        "text": text.replace("\n", "\r\n"),
        "do": do,
    }
    return await http.post(path, data=fields | more)


async def test_the_files_are_listed_and_shown_as_they_are(bot: Running, admin: httpx.AsyncClient) -> None:
    html = await page(admin, "/console/rules")
    assert "10-shop" in html
    assert "5 rules in 2 files" in html
    html = await page(admin)
    assert "# What the shop says.\nrules:\n  - name: hours      # asked most" in html
    assert "Tests " in html


async def test_a_text_is_checked_and_nothing_saved(bot: Running, admin: httpx.AsyncClient) -> None:
    answer = await send(admin, SHOP.replace("when:", "wen:"), "check")
    assert answer.status_code == 200
    assert 'href="#L3"' in answer.text
    assert "E202" in answer.text
    assert "wen: {keyword: hours}" in answer.text
    assert (bot.service.shelf.folder / "10-shop.yaml").read_text() == SHOP


async def test_a_check_whose_client_has_left_ends_at_its_next_step(
    bot: Running, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It went on for up to a minute, and who had closed the page waited for that when they came back."""
    html = await page(admin)
    began, is_over = threading.Event(), threading.Event()

    def endless(*_: object) -> Loaded:
        began.set()
        while not is_over.is_set():
            give_way()
        return Loaded(book=None, findings=())

    monkeypatch.setattr(drafts, "_LONGEST_CHECK", 1e9)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(drafts, "check_files", endless)
            fields = {"csrf": csrf_in(html), "text": SHOP + "# more\n", "do": "check", "etag": ""}
            asked = asyncio.create_task(admin.post(HERE, data=fields))
            await until(began.is_set)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
        assert (await send(admin, SHOP.replace("when:", "wen:"), "check")).status_code == 200
    finally:
        is_over.set()


async def test_a_mend_is_made_by_its_button_without_scripts(bot: Running, admin: httpx.AsyncClient) -> None:
    wrong = SHOP.replace("reply: Open 9-18.", "  reply: Hours 9-18.", 1)
    html = (await send(admin, wrong, "check")).text
    button = re.search(r'name="do" value="(mend [^"]+)">Move it left<', html)
    assert button
    html = (await send(admin, wrong, button[1])).text
    assert SHOP.replace("reply: Open 9-18.", "reply: Hours 9-18.", 1) in html.replace("\r\n", "\n")
    assert "Move it left" not in html
    assert "  reply: Hours 9-18." in (await send(admin, wrong, "mend 99:1:E102")).text
    assert (bot.service.shelf.folder / "10-shop.yaml").read_text() == SHOP


async def test_the_phone_talks_to_the_unsaved_text_over_several_turns(admin: httpx.AsyncClient) -> None:
    text = SHOP.replace("Open 9-18.", "Open all night.")
    asking = text.replace(
        "tests:",
        "  - name: book\n    when: {keyword: book}\n    ask: [{save: day, question: Which day?}]\n"
        '    reply: "See you {{ day }}."\n\ntests:',
    )
    answer = await send(admin, asking, "try", say="hours")
    assert "Open all night." in answer.text
    assert "keyword &#34;hours&#34;" in answer.text
    answer = await send(admin, asking, "try", say="friday", heard=["book"])
    assert "Which day?" in answer.text
    assert "See you friday." in answer.text
    assert answer.text.count('name="heard"') == 2
    answer = await send(admin, asking, "clear", heard=["book", "friday"])
    assert 'name="heard"' not in answer.text


async def test_what_would_change_is_told_before_it_is_saved(tmp_path: Path, databases: Databases) -> None:
    async with running_book(tmp_path, databases, FILES) as bot, browser(bot, ADMIN) as admin:
        answer = await send(admin, SHOP.replace("9-18", "10-19"), "changes")
        assert "No message has come yet" in answer.text
        for at in range(3):
            await bot.post([inbound(MessageId=f"m{at}", From=f"+1555555010{at}", Message="hours")])
        await bot.post([inbound(MessageId="other", Message="nothing that is known")])
        answer = await send(admin, SHOP.replace("Open 9-18.", "Open 10-19."), "changes")
        assert "3 of the last 4 messages" in answer.text
        assert answer.text.count(">3×<") == 1, "each distinct pair stands there once"
        answer = await send(admin, SHOP.replace("# asked most", "# asked often"), "changes")
        assert "You changed <strong>hours</strong>: comments and layout." in answer.text
        assert "None of the last 4 messages would be answered otherwise" in answer.text
        answer = await send(admin, SHOP, "changes")
        assert "Nothing is changed." in answer.text


async def test_a_save_is_in_force_and_keeps_every_comment(bot: Running, admin: httpx.AsyncClient) -> None:
    text = SHOP.replace("9-18", "10-19")
    answer = await send(admin, text, "save")
    assert (answer.status_code, answer.headers["location"]) == (303, HERE)
    assert (bot.service.shelf.folder / "10-shop.yaml").read_bytes() == text.encode()
    assert await said(bot, "hours") == ["Open 10-19."]
    assert "Saved and in force" in await page(admin)


async def test_line_ends_of_the_file_are_kept(bot: Running, admin: httpx.AsyncClient) -> None:
    await put(bot, "10-shop.yaml", SHOP.replace("\n", "\r\n"), If_Match=etag_of(SHOP))
    answer = await send(admin, SHOP.replace("9-18", "1-2"), "save")
    assert answer.status_code == 303
    saved = (bot.service.shelf.folder / "10-shop.yaml").read_bytes()
    assert saved == SHOP.replace("9-18", "1-2").replace("\n", "\r\n").encode()


async def test_a_table_is_edited_as_a_plain_text(bot: Running, admin: httpx.AsyncClient) -> None:
    folder = bot.service.shelf.folder
    table = 'stop;name\r\n4711;Market\r\n4712;"Old ""Mill"""\r\n'
    rule = "tables: {stops: stops.csv}\nrules:\n  - {name: times, when: {table: stops}, reply: '{{ row.name }}'}\n"
    new = table.replace("\r\n", "\n")
    made = await send(admin, new, "save", "/console/rules/new", name="stops.csv", is_new="1")
    assert made.headers["location"] == "/console/rules/stops.csv"
    assert "not used" in await page(admin, "/console/rules")
    await send(admin, rule, "save", "/console/rules/new", name="20-stops", is_new="1")
    html = await page(admin, "/console/rules/stops.csv")
    assert "2 rows" in html
    (folder / "stops.csv").write_bytes(table.encode())  # as a spreadsheet saves it
    await bot.service.shelf.reload()

    wrong = new + "4711;Twice\n"
    answer = await send(admin, wrong, "save", "/console/rules/stops.csv")
    assert answer.status_code == 422
    assert "E322" in answer.text
    assert 'href="#L4"' in answer.text
    answer = await send(admin, wrong.replace("4711;Twice", "4713;New"), "save", "/console/rules/stops.csv")
    assert answer.status_code == 303
    assert (folder / "stops.csv").read_bytes() == table.encode() + b"4713;New\r\n"
    assert await said(bot, "4713") == ["New"]
    answer = await send(
        admin, wrong.replace("4711;Twice", "9;Nine"), "try", "/console/rules/stops.csv", say="9"
    )
    assert "Nine" in answer.text.partition('id="phone"')[2]


async def test_a_large_table_is_shown_by_its_first_rows(bot: Running, admin: httpx.AsyncClient) -> None:
    rows = "".join(f"{at},{'x' * 90}\n" for at in range(12_000))
    (bot.service.shelf.folder / "large.csv").write_text("key,text\n" + rows)
    await bot.service.shelf.reload()
    html = await page(admin, "/console/rules/large.csv")
    assert "too large to be edited here" in html
    assert 'value="save"' not in html
    assert len(html) < 100_000


async def test_tests_run_on_a_save_and_those_that_fail_are_told(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    answer = await send(admin, SHOP.replace("reply: Open", "reply: Shut"), "save")
    assert answer.status_code == 303
    html = await page(admin)
    assert "test fails" in html
    assert "Shut 9-18." in html


async def test_tests_that_take_too_long_are_told_as_not_run(
    bot: Running, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.rulebook.simulate.test_runner.USUAL_SECONDS", 0.1)
    heavy = heavy_rules(tests=20)
    html = (await send(admin, heavy, "check", path="/console/rules/new", is_new="1", name="20-heavy")).text
    assert re.search(r"Tests \d+ of 21</span>\s*<span[^>]*>· \d+ tests not run: took too long", html), html
    assert "W459" in html
    assert "everything is fine" not in html
    saved = (await put(bot, "20-heavy.yaml", heavy, If_None_Match="*")).json()
    assert [each["code"] for each in saved["findings"] if each["code"] in ("W459", "I416")] == ["W459"]
    assert sorted(saved["tests"]) == ["failed", "passed"]
    assert saved["tests"]["passed"] < 21
    assert re.search(
        r"\d+ tests? passed, \d+ were not run: they take too long here", await page(admin, "/console/rules")
    )


async def test_an_error_keeps_the_text_on_the_page_and_the_file_as_it_is(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    answer = await send(admin, SHOP.replace("when:", "wen:"), "save")
    assert answer.status_code == 422
    assert "Nothing was saved" in answer.text
    assert "wen: {keyword: hours}" in answer.text
    assert (bot.service.shelf.folder / "10-shop.yaml").read_text() == SHOP


async def test_the_second_of_two_gets_both_texts_and_overwrites_nothing(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    html = await page(admin)
    mine, theirs = SHOP.replace("9-18", "MINE"), SHOP.replace("9-18", "THEIRS")
    await put(bot, "10-shop.yaml", theirs, If_Match=etag_of(SHOP))
    fields = {"csrf": csrf_in(html), "etag": etag_of(SHOP), "text": mine, "do": "save"}
    answer = await admin.post(HERE, data=fields)
    assert answer.status_code == 409
    assert "Open MINE." in answer.text
    assert "Open THEIRS." in answer.text
    assert (bot.service.shelf.folder / "10-shop.yaml").read_text() == theirs
    # Saying so again, knowing theirs, is no conflict.
    answer = await admin.post(HERE, data=fields | {"etag": etag_of(theirs)})
    assert answer.status_code == 303
    assert (bot.service.shelf.folder / "10-shop.yaml").read_text() == mine


async def test_a_new_file_is_made_and_removed(bot: Running, admin: httpx.AsyncClient) -> None:
    text = "rules:\n  - {name: menu, when: {keyword: menu}, reply: Soup.}\n"
    answer = await send(admin, text, "save", "/console/rules/new", name="20-menu", is_new="1")
    assert answer.headers["location"] == "/console/rules/20-menu.yaml"
    assert await said(bot, "menu") == ["Soup."]
    answer = await send(admin, text, "save", "/console/rules/new", name="../evil", is_new="1")
    assert answer.status_code == 400
    assert "can&#39;t be the name" in answer.text
    answer = await send(admin, text, "remove", "/console/rules/20-menu.yaml")
    assert answer.headers["location"] == "/console/rules"
    assert await said(bot, "menu") == []


async def test_the_history_shows_each_edit_and_puts_an_older_text_back(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    await send(admin, SHOP.replace("9-18", "10-19"), "save")
    html = await page(admin, "/console/rules/history?file=10-shop.yaml")
    assert "in the console" in html
    found = re.search(r"/console/rules/history/([0-9a-f-]{36})", html)
    assert found
    html = await page(admin, found[0])
    assert "Open 10-19." in html
    assert "Open 9-18." in html
    fields = {"csrf": csrf_in(html), "etag": etag_of(SHOP.replace("9-18", "10-19")), "which": "before"}
    stale = await admin.post(f"{found[0]}/restore", data=fields | {"etag": etag_of("else")})
    assert stale.status_code == 409
    answer = await admin.post(f"{found[0]}/restore", data=fields)
    assert answer.headers["location"] == HERE
    assert (bot.service.shelf.folder / "10-shop.yaml").read_text() == SHOP
    assert await said(bot, "hours") == ["Open 9-18."]
    assert "restored" in await page(admin, "/console/rules/history")


async def test_an_older_text_is_checked_like_every_other(bot: Running, admin: httpx.AsyncClient) -> None:
    new = "rules:\n  - {name: hours, when: {keyword: opening}, reply: Nine.}\n"
    await put(bot, "10-shop.yaml", SHOP.replace("name: hours", "name: times"), If_Match=etag_of(SHOP))
    await put(bot, "20-new.yaml", new, If_None_Match="*")
    edit = (await bot.items("/api/rule-edits", file="10-shop.yaml"))[0]
    path = f"/console/rules/history/{edit['id']}"
    html = await page(admin, path)
    now = etag_of(SHOP.replace("name: hours", "name: times"))
    answer = await admin.post(f"{path}/restore", data={"csrf": csrf_in(html), "etag": now, "which": "before"})
    assert answer.status_code == 422  # the name is now that of a rule in the new file
    assert "E301" in answer.text


async def test_an_unmatched_message_becomes_a_drafted_rule_with_a_test(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    await bot.post([inbound(MessageId="m", From="+15555550177", Message="do you deliver?")])
    (message,) = await bot.messages("+15555550177")
    html = await page(admin, f"/console/rules/draft?message={message['id']}")
    assert "- name: deliver" in html
    assert "Write the answer here." in html
    assert "{hear: &#34;do you deliver?&#34;, rule: deliver}" in html
    assert (bot.service.shelf.folder / "10-shop.yaml").read_text() == SHOP
    await page(admin, "/console/rules/draft?message=none", 404)


async def test_a_rule_is_found_by_its_name(admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/console/rules/rule?name=hours")
    assert answer.headers["location"] == f"{HERE}#L3"
    await page(admin, "/console/rules/rule?name=none", 404)


async def test_files_with_errors_are_told_with_what_stays_in_force(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    (bot.service.shelf.folder / "10-shop.yaml").write_text(SHOP.replace("when:", "wen:"))
    await bot.service.shelf.reload()
    html = await page(admin, "/console/rules")
    assert "the rules from before stay in force" in html
    assert "10-shop.yaml:3" in html
    assert re.search(r"✕ \d errors?", html)


async def test_a_viewer_may_try_and_not_save(bot: Running) -> None:
    async with browser(bot, VIEWER) as http:
        html = await page(http)
        assert 'value="save"' not in html
        assert (await send(http, SHOP.replace("9", "8"), "save")).status_code == 403
        assert (await send(http, SHOP, "try", say="hours")).status_code == 200
    assert (bot.service.shelf.folder / "10-shop.yaml").read_text() == SHOP


async def test_a_folder_that_cannot_be_written_to_is_shown_with_the_reason(
    tmp_path: Path, databases: Databases
) -> None:
    acs = Acs()
    await acs.start()
    with shut_folder() as rules, tempfile.TemporaryDirectory() as made:
        # Nobody gets into pytest's folders, and the database is not what this is about.
        file = Path(shutil.copy(make_url(databases.migrated("sqlite")).database or "", Path(made, "bot.db")))
        Path(made).chmod(0o777)
        file.chmod(0o666)
        url = f"sqlite+aiosqlite:///{file}"
        async with running(tmp_path, url, acs, BOT_RULES=str(rules)) as bot, browser(bot, ADMIN) as http:
            with nobody():
                html = await page(http)
                assert "the bot has no right to write into the folder" in html
                assert 'value="save"' not in html
                assert "can only be looked at" in await page(http, "/console/rules")
                answer = await send(http, SHOP.replace("9-18", "1-2"), "save")
            assert answer.status_code == 409
            assert "can&#39;t be changed from here: permission denied" in answer.text
            assert "Open 1-2." in answer.text
    await acs.stop()


async def test_a_change_from_another_page_than_ours_is_refused(
    bot: Running, admin: httpx.AsyncClient
) -> None:
    fields = {"etag": etag_of(SHOP), "text": "rules: []\n", "do": "save"}
    assert (await admin.post(HERE, data=fields)).status_code == 403
    assert (await admin.post(HERE, data=fields | {"csrf": "0" * 64})).status_code == 403


async def test_what_people_wrote_is_inert_on_the_pages(bot: Running, admin: httpx.AsyncClient) -> None:
    evil = "<script>alert(1)</script>\u202e"
    answer = await send(admin, SHOP, "try", say=evil)
    assert "<script>alert" not in answer.text
    html = await page(admin, f"/console/rules/draft?text={evil}")
    assert "<script>alert" not in html


@pytest.mark.parametrize("path", ["/console/rules/none.yaml", "/console/rules/history/x"])
async def test_what_is_not_there_is_a_page_that_says_so(admin: httpx.AsyncClient, path: str) -> None:
    assert "There is no" in await page(admin, path, 404)


async def test_pages_are_small(tmp_path: Path, databases: Databases) -> None:
    """With the rules that are shipped."""
    shipped = {path.name: path.read_text("utf-8") for path in (ROOT / "rules").glob("*.yaml")}
    paths = [f"/console/rules/{name}" for name in shipped]
    forms = [f"{path}?card=file" for path in paths]
    async with running_book(tmp_path, databases, shipped) as bot, browser(bot, ADMIN) as http:
        for path in ["/console/rules", *paths, *forms, "/console/rules/history"]:
            assert len((await page(http, path)).encode()) < 30_000
