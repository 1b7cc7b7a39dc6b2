"""Rule files are read and saved over HTTP: checked as a whole, nothing of anybody overwritten, in force at once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.rulebook.editing.folder import etag_of
from tests.support.api import problem
from tests.support.databases import Databases
from tests.support.envelopes import inbound
from tests.support.rule_files import OPT_OUT, SHOP, nobody, put, running_book, said, shut_folder
from tests.support.services import ADMIN, VIEWER, Acs, Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILES = {"10-shop.yaml": SHOP}


@pytest.fixture
def bot(rules_bot: Running) -> Running:
    return rules_bot


def folder_of(bot: Running) -> Path:
    return bot.service.shelf.folder


# Reading


async def test_a_file_is_read_as_it_is_with_its_entity_tag(bot: Running) -> None:
    answer = await bot.get("/api/rules/10-shop.yaml", token=VIEWER)
    assert answer.status_code == 200
    assert answer.text == SHOP
    assert answer.headers["etag"] == etag_of(SHOP)
    assert answer.headers["content-type"].startswith("application/yaml")
    again = await bot.send("GET", "/api/rules/10-shop.yaml", headers={"If-None-Match": etag_of(SHOP)})
    assert (again.status_code, again.content) == (304, b"")


#: Rules that look at the clock of somewhere else, days back and days ahead.
CLOCKS = """\
timezone: ZONE
hours:
  shop: Mon-Sat 9-18
closed: [{holidays: US-NY}, {holidays: DE-BY}, {holidays: JP}, 12-24..12-26]
rules:
  - name: night
    when: {keyword: hours}
    only: {closed: shop}
    reply: "Closed at {{ now }}."
    later: {after: 366d, between: 9-18, reply: "{{ now }}"}
  - name: dates
    when: {keyword: hours}
    only: {dates: 01-01..12-31, hours: Mon-Fri 9-12}
    reply: Morning.
    later: {after: 1s, between: 10-11, reply: Again.}
  - name: hours
    when: {keyword: hours}
    reply: Open.
  - name: book
    when: {keyword: book}
    ask: {save: day, question: When?, expect: {date: {min: today, max: 9999d}}}
    again: 10m
    expires: 3650d
    reply: "{{ day }}"
"""


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Kiritimati"])
async def test_a_try_may_be_of_any_time(tmp_path: Path, databases: Databases, zone: str) -> None:
    ends = "0001-01-01T00:00:00", "0001-01-03T12:00:00", "9999-12-20T12:00:00", "9999-12-31T23:59:59"
    times = [f"{end}{offset}" for end in ends for offset in ("Z", "-05:00", "+14:00")]
    texts = "hours", "book", "book monday", "book next week", "book yesterday"
    async with running_book(tmp_path, databases, {"10-clocks.yaml": CLOCKS.replace("ZONE", zone)}) as bot:
        answers = {
            (text, at): await bot.send("POST", "/api/try", json={"text": text, "at": at})
            for at in times
            for text in texts
        }
    assert {what: answer.text for what, answer in answers.items() if answer.status_code != 200} == {}
    assert all(answer.json()["replies"] for answer in answers.values())


NO_RULE_FILES = (
    ["none.yaml", "..", "%2e%2e", "..%2fbot.db", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%5cx.yaml", ".hidden.yaml",
     "10-shop.yaml%00", "%00", "10-shop.yaml%2f..%2f..%2fx.yaml", "10-SHOP.yaml", "10-shop.yaml/"]
)  # fmt: skip


async def test_no_name_shows_anything_but_a_rule_file(bot: Running) -> None:
    (folder_of(bot) / ".hidden.yaml").write_text("values: {password: hunter2}\n")
    (folder_of(bot).parent / "x.yaml").write_text("values: {password: hunter2}\n")
    for name in NO_RULE_FILES:
        answer = await bot.get(f"/api/rules/{name}")
        if answer.status_code == 200:  # `/api/rules/..` is `/api`, and a slash at the end is none
            assert "hunter2" not in answer.text, name
            assert answer.text == SHOP, name
        else:
            problem(answer, 404)
    (folder_of(bot).parent / "x.yaml").unlink()


async def test_a_link_out_of_the_folder_shows_nothing(bot: Running) -> None:
    (folder_of(bot).parent / "secret.txt").write_text("password: hunter2\n")
    (folder_of(bot) / "link.yaml").symlink_to(folder_of(bot).parent / "secret.txt")
    answer = await bot.get("/api/rules/link.yaml")
    assert "leads out" in problem(answer, 409)["detail"]
    assert "hunter2" not in answer.text


# Saving


async def test_a_saved_text_is_in_force_when_the_answer_comes(bot: Running) -> None:
    text = SHOP.replace("Open 9-18.", "Open 10-19.")
    answer = await put(bot, "10-shop.yaml", text, If_Match=etag_of(SHOP))
    assert await said(bot, "hours") == ["Open 10-19."]
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == etag_of(text)
    document = answer.json()
    assert document["file"] == "10-shop.yaml"
    assert document["version"] == (await bot.get("/api/rules")).json()["version"]
    assert (folder_of(bot) / "10-shop.yaml").read_text() == text


async def test_the_answer_counts_the_tests_that_fail(bot: Running) -> None:
    before = (await put(bot, "10-shop.yaml", SHOP, If_Match=etag_of(SHOP))).json()["tests"]
    text = SHOP.replace("reply: Open", "reply: Shut")
    after = (await put(bot, "10-shop.yaml", text, If_Match=etag_of(SHOP))).json()["tests"]
    assert after == {"passed": before["passed"] - 1, "failed": before["failed"] + 1}


async def test_what_is_saved_answers_the_next_message(bot: Running) -> None:
    await put(bot, "10-shop.yaml", SHOP.replace("9-18", "10-19"), If_Match=etag_of(SHOP))
    await bot.post([inbound(MessageId="m1", Message="hours")])
    assert [each["text"] for each in await bot.replies()] == ["Open 10-19."]


async def test_a_new_file_is_made_and_another_one_never_replaced_by_it(bot: Running) -> None:
    text = "rules:\n  - {name: menu, when: {keyword: menu}, reply: Soup.}\n"
    made = await put(bot, "20-menu.yaml", text, If_None_Match="*")
    assert made.status_code == 201, made.text
    assert await said(bot, "menu") == ["Soup."]
    problem(await put(bot, "20-menu.yaml", text, If_None_Match="*"), 412)


async def test_a_file_is_removed(bot: Running) -> None:
    etag = {"If-Match": etag_of(SHOP)}
    assert (await bot.send("DELETE", "/api/rules/10-shop.yaml", headers=etag)).status_code == 200
    assert await said(bot, "hours") == []
    problem(await bot.send("DELETE", "/api/rules/10-shop.yaml", headers=etag), 412)


async def test_a_save_without_a_condition_is_refused_with_what_to_give(bot: Running) -> None:
    answer = await put(bot, "10-shop.yaml", SHOP.replace("9", "8"))
    assert "If-Match" in problem(answer, 428)["detail"]
    problem(await bot.send("DELETE", "/api/rules/10-shop.yaml"), 428)
    assert (folder_of(bot) / "10-shop.yaml").read_text() == SHOP


async def test_an_error_changes_nothing_and_every_finding_is_told(bot: Running) -> None:
    version = (await bot.get("/api/rules")).json()["version"]
    bad = SHOP.replace("when:", "wen:")
    told = problem(await put(bot, "10-shop.yaml", bad, If_Match=etag_of(SHOP)), 422)
    first = told["findings"][0]
    assert set(first) == {"file", "line", "column", "level", "code", "message"}
    assert (first["file"], first["line"], first["level"]) == ("10-shop.yaml", 3, "error")
    assert (folder_of(bot) / "10-shop.yaml").read_text() == SHOP
    assert (await bot.get("/api/rules")).json()["version"] == version
    assert await said(bot, "hours") == ["Open 9-18."]


async def test_an_error_of_meaning_is_an_error_of_the_whole_book(bot: Running) -> None:
    told = problem(
        await put(bot, "00-opt-out.yaml", "rules: []\n", If_Match=etag_of(OPT_OUT)), 422
    )  # 10-shop.yaml replies, and nobody could opt out any more
    assert "E401" in {each["code"] for each in told["findings"]}
    assert (folder_of(bot) / "00-opt-out.yaml").read_text() == OPT_OUT


@pytest.mark.parametrize("text", [b"\xff\xfe", b"rules: [", b"", b"a: &a [*a]", b"\x00"])
async def test_what_is_no_rule_file_is_refused(bot: Running, text: bytes) -> None:
    answer = await put(bot, "10-shop.yaml", text, If_Match=etag_of(SHOP))
    if text == b"":  # an empty file is none to complain of: its tests and rules are gone
        assert answer.status_code == 200
    else:
        assert answer.status_code in {400, 422}, answer.text
        assert (folder_of(bot) / "10-shop.yaml").read_text() == SHOP


async def test_a_text_without_end_is_refused(bot: Running) -> None:
    answer = await put(bot, "10-shop.yaml", b"#" * 11_000_000, If_Match=etag_of(SHOP))
    assert answer.status_code in {413, 422}
    assert (folder_of(bot) / "10-shop.yaml").read_text() == SHOP


async def test_no_file_is_made_under_a_name_that_is_not_read(bot: Running) -> None:
    before = sorted(folder_of(bot).parent.rglob("*.y*ml*"))
    for name in ("shop.yml", ".x.yaml", "..%5cx.yaml", "a%00.yaml", "x.yaml%20", "a%1b.yaml"):
        problem(await put(bot, name, SHOP, If_None_Match="*"), 400)
        assert sorted(folder_of(bot).parent.rglob("*.y*ml*")) == before, name


async def test_no_file_is_made_outside_of_the_folder(bot: Running) -> None:
    for name in ("..%2fx.yaml", "%2e%2e%2fx.yaml", "sub%2fx.yaml", "%2ftmp%2fx.yaml"):
        problem(await put(bot, name, SHOP, If_None_Match="*"), 404)
        assert not (folder_of(bot).parent / "x.yaml").exists(), name


async def test_a_viewer_may_look_and_not_save(bot: Running) -> None:
    headers = {"If-Match": etag_of(SHOP)}
    for method in ("PUT", "DELETE"):
        answer = await bot.send(
            method, "/api/rules/10-shop.yaml", token=VIEWER, headers=headers, content=SHOP
        )
        problem(answer, 403)
        answer = await bot.send(
            method, "/api/rules/10-shop.yaml", token="wrong", headers=headers, content=SHOP
        )
        problem(answer, 401)
    assert (folder_of(bot) / "10-shop.yaml").read_text() == SHOP


# Several at once


async def test_of_two_who_save_at_once_one_is_told(bot: Running) -> None:
    texts = [SHOP.replace("9-18", hours) for hours in ("1-2", "3-4", "5-6")]
    answers = await asyncio.gather(
        *(put(bot, "10-shop.yaml", text, If_Match=etag_of(SHOP)) for text in texts)
    )
    assert sorted(each.status_code for each in answers) == [200, 412, 412]
    winner = texts[[each.status_code for each in answers].index(200)]
    assert (folder_of(bot) / "10-shop.yaml").read_text() == winner
    for each in answers:
        assert each.headers["etag"] == etag_of(winner)
        if each.status_code == 412:
            assert "Somebody else has saved" in problem(each, 412)["detail"]


async def test_two_files_saved_at_once_are_both_in_force(bot: Running) -> None:
    new = "rules:\n  - {name: %s, when: {keyword: %s}, reply: %s.}\n"
    answers = await asyncio.gather(
        *(put(bot, f"{name}.yaml", new % (name, name, name), If_None_Match="*") for name in "abcde")
    )
    assert [each.status_code for each in answers] == [201] * 5
    for name in "abcde":
        assert await said(bot, name) == [f"{name}."]


async def test_a_file_that_an_editor_has_saved_meanwhile_is_not_overwritten(bot: Running) -> None:
    by_hand = SHOP.replace("9-18", "7-20")
    (folder_of(bot) / "10-shop.yaml").write_text(by_hand)
    answer = await put(bot, "10-shop.yaml", SHOP.replace("9-18", "1-2"), If_Match=etag_of(SHOP))
    problem(answer, 412)
    assert answer.headers["etag"] == etag_of(by_hand)
    assert (folder_of(bot) / "10-shop.yaml").read_text() == by_hand


async def test_other_files_that_an_editor_has_saved_meanwhile_count(bot: Running) -> None:
    (folder_of(bot) / "05-more.yaml").write_text(
        "rules: [{name: more, when: {keyword: more}, reply: More.}]\n"
    )
    text = SHOP.replace("9-18", "1-2")
    assert (await put(bot, "10-shop.yaml", text, If_Match=etag_of(SHOP))).status_code == 200
    assert await said(bot, "more") == ["More."]
    assert await said(bot, "hours") == ["Open 1-2."]


async def test_saving_leaves_nothing_for_hot_reload_to_do(bot: Running) -> None:
    await put(bot, "10-shop.yaml", SHOP.replace("9-18", "1-2"), If_Match=etag_of(SHOP))
    book = bot.service.shelf.book()
    await bot.service.shelf.reload()
    assert bot.service.shelf.book() is book
    assert len(await bot.items("/api/rule-edits")) == 1


# A folder that cannot be written to


async def test_a_folder_without_the_right_to_write_says_so(tmp_path: Path, databases: Databases) -> None:
    acs, url = Acs(), databases.migrated("sqlite")
    await acs.start()
    with shut_folder() as rules:
        async with running(tmp_path, url, acs, BOT_RULES=str(rules)) as bot:
            with nobody():
                answer = await put(bot, "10-shop.yaml", SHOP.replace("9", "8"), If_Match=etag_of(SHOP))
                read = await bot.get("/api/rules/10-shop.yaml")
            assert "permission denied" in problem(answer, 409)["detail"]
            assert read.text == SHOP
    await acs.stop()


# History


async def test_every_save_is_in_the_history_with_who_and_how(bot: Running) -> None:
    text = SHOP.replace("9-18", "1-2")
    saved = (await put(bot, "10-shop.yaml", text, If_Match=etag_of(SHOP))).json()
    (edit,) = await bot.items("/api/rule-edits")
    assert edit | {"id": "", "at": ""} == {
        "id": "", "file": "10-shop.yaml", "at": "", "who": "admin", "how": "api", "version": saved["version"],
        "added": 2, "removed": 2,
    }  # fmt: skip
    whole = (await bot.get(f"/api/rule-edits/{edit['id']}")).json()
    assert (whole["before"], whole["after"]) == (SHOP, text)
    problem(await bot.get("/api/rule-edits/none"), 404)


async def test_what_an_editor_saved_on_the_disk_is_in_the_history_too(bot: Running) -> None:
    (folder_of(bot) / "10-shop.yaml").write_text(SHOP.replace("9-18", "7-20"))
    for _ in range(100):
        if edits := await bot.items("/api/rule-edits"):
            break
        await asyncio.sleep(0.05)
    assert [(each["file"], each["who"], each["how"]) for each in edits] == [("10-shop.yaml", None, "disk")]


async def test_what_was_changed_while_the_bot_was_down_is_in_the_history(
    tmp_path: Path, databases: Databases
) -> None:
    acs, url, rules = Acs(), databases.migrated("sqlite"), tmp_path / "book"
    rules.mkdir()
    await acs.start()
    (rules / "00-opt-out.yaml").write_text(OPT_OUT)
    async with running(tmp_path, url, acs, BOT_RULES=str(rules)) as bot:
        assert await bot.items("/api/rule-edits") == []
    (rules / "10-shop.yaml").write_text(SHOP)
    async with running(tmp_path, url, acs, BOT_RULES=str(rules)) as bot:
        (edit,) = await bot.items("/api/rule-edits")
        assert (edit["file"], edit["how"], edit["removed"]) == ("10-shop.yaml", "disk", 0)
    await acs.stop()


async def test_the_history_comes_in_pages_newest_first_and_by_file(bot: Running) -> None:
    text = SHOP
    for hour in range(3):
        new = SHOP.replace("9-18", f"{hour}-18")
        await put(bot, "10-shop.yaml", new, If_Match=etag_of(text))
        text = new
    await put(bot, "20-more.yaml", "rules: []\n", If_None_Match="*")
    everything: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await bot.get("/api/rule-edits", params=params)).json()
        everything += page["items"]
        cursor = page["next"]
    assert [each["file"] for each in everything] == ["20-more.yaml", *["10-shop.yaml"] * 3]
    assert len(await bot.items("/api/rule-edits", file="10-shop.yaml")) == 3
    problem(await bot.get("/api/rule-edits", params={"cursor": "nonsense"}), 400)


async def test_the_history_takes_a_token(bot: Running) -> None:
    assert (await bot.http.get("/api/rule-edits")).status_code == 401
    assert (await bot.get("/api/rule-edits", token=VIEWER)).status_code == 200
    assert (await bot.get("/api/rules/10-shop.yaml", token=ADMIN)).status_code == 200
