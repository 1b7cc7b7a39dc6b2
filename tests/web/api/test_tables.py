"""Tables are read, saved, kept and followed as rule files are."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.rulebook.editing.folder import etag_of
from tests.support.api import problem
from tests.support.databases import Databases
from tests.support.envelopes import inbound
from tests.support.rule_files import OPT_OUT, put, said
from tests.support.services import VIEWER, Acs, Running, running

STOPS = 'stop,name,next bus\r\n4711,Market,"10:05, 10:20"\r\nmain street,Main Street,11:00\r\n'
RULES = """\
tables: {stops: stops.csv}
rules:
  - {name: times, when: {table: stops}, reply: "{{ row.name }}: {{ row.next_bus }}"}
  - name: late
    when: {pattern: '^late (?P<stop>.+)'}
    lookup: {table: stops, key: "{{ stop }}", save: found, missing: "No stop {{ stop }}."}
    again: 10m
    reply: "{{ found.name }} is late."
"""


@pytest.fixture
async def rules(tmp_path: Path) -> Path:
    rules = tmp_path / "book"
    rules.mkdir()
    (rules / "00-opt-out.yaml").write_text(OPT_OUT)
    (rules / "10-stops.yaml").write_text(RULES)
    (rules / "stops.csv").write_bytes(STOPS.encode())
    return rules


@pytest.fixture
async def bot(tmp_path: Path, databases: Databases, rules: Path) -> AsyncIterator[Running]:
    acs = Acs()
    await acs.start()
    async with running(tmp_path, databases.migrated("sqlite"), acs, BOT_RULES=str(rules)) as bot:
        yield bot
    await acs.stop()


async def test_table_is_read_and_saved_as_a_rule_file_is(bot: Running, rules: Path) -> None:
    read = await bot.get("/api/rules/stops.csv", token=VIEWER)
    assert (read.text, read.headers["etag"]) == (STOPS, etag_of(STOPS))
    assert read.headers["content-type"].startswith("text/csv")
    assert await said(bot, "Main Street?") == ["Main Street: 11:00"]
    assert "stops.csv" in (await bot.get("/api/rules")).json()["files"]

    text = STOPS.replace("11:00", "11:30")
    saved = await put(bot, "stops.csv", text, If_Match=etag_of(STOPS))
    assert saved.status_code == 200, saved.text
    assert await said(bot, "main street") == ["Main Street: 11:30"]
    assert (rules / "stops.csv").read_bytes() == text.encode()
    problem(await put(bot, "stops.csv", STOPS, If_Match=etag_of(STOPS)), 412)
    problem(await put(bot, "stops.csv", STOPS), 428)
    problem(await put(bot, "stops.csv", text.encode("utf-16"), If_Match=etag_of(text)), 400)

    bad = text + "4711,Twice,12:00\r\n"
    told = problem(await put(bot, "stops.csv", bad, If_Match=etag_of(text)), 422)
    (finding,) = [each for each in told["findings"] if each["level"] == "error"]
    assert (finding["file"], finding["line"], finding["column"]) == ("stops.csv", 4, 1)
    lacking = text.replace("next bus", "departure")
    told = problem(await put(bot, "stops.csv", lacking, If_Match=etag_of(text)), 422)
    assert [each["file"] for each in told["findings"] if each["level"] == "error"] == ["10-stops.yaml"]
    gone = await bot.send("DELETE", "/api/rules/stops.csv", headers={"If-Match": etag_of(text)})
    assert "E320" in {each["code"] for each in problem(gone, 422)["findings"]}
    assert await said(bot, "main street") == ["Main Street: 11:30"]

    made = await put(bot, "prices.csv", "item,price\nemma,9\n", If_None_Match="*")
    assert made.status_code == 201
    assert [each["code"] for each in made.json()["findings"] if each["file"] == "prices.csv"] == ["I417"]
    edits = await bot.items("/api/rule-edits")
    assert [(each["file"], each["who"], each["added"]) for each in edits] == [
        ("prices.csv", "admin", 2),
        ("stops.csv", "admin", 1),
    ]


async def test_table_that_changes_on_the_disk_is_in_force_and_in_the_history(
    bot: Running, rules: Path
) -> None:
    (rules / "stops.csv").write_text(STOPS.replace("Market", "Old Market"))
    for _ in range(100):
        if edits := await bot.items("/api/rule-edits"):
            break
        await asyncio.sleep(0.05)
    assert [(each["file"], each["how"]) for each in edits] == [("stops.csv", "disk")]
    assert await said(bot, "4711") == ["Old Market: 10:05, 10:20"]


async def test_last_good_table_is_in_force_after_a_start_with_a_broken_one(
    tmp_path: Path, databases: Databases, rules: Path
) -> None:
    acs, url = Acs(), databases.migrated("sqlite")
    await acs.start()
    async with running(tmp_path, url, acs, BOT_RULES=str(rules)):
        pass
    for broken in (b'stop,name\n4711,"never closed\n', "stop,name,next bus\nGrüße,x,y\n".encode("cp1252")):
        (rules / "stops.csv").write_bytes(broken)
        async with running(tmp_path, url, acs, BOT_RULES=str(rules)) as bot:
            assert await said(bot, "4711") == ["Market: 10:05, 10:20"]
    await acs.stop()


async def test_what_follows_is_heard_behind_the_words_of_the_message_before(bot: Running) -> None:
    for number, text in enumerate(["late 4711", "nowhere"]):
        await bot.post([inbound(MessageId=f"m{number}", Message=text)])
    said_then = [each["text"] for each in await bot.replies()]
    assert said_then == ["Market is late.", "No stop nowhere."]
    messages = await bot.messages()
    assert [each["text"] for each in messages if each["direction"] == "inbound"] == ["late 4711", "nowhere"]


async def test_rule_that_is_not_enabled_is_listed_and_says_nothing(bot: Running) -> None:
    text = RULES.replace("{name: times,", "{name: times, enabled: false,")
    assert (await put(bot, "10-stops.yaml", text, If_Match=etag_of(RULES))).status_code == 200
    assert await said(bot, "4711") == []
    listed = (await bot.get("/api/rules")).json()["rules"]
    assert [each.get("enabled", True) for each in listed if each["file"] == "10-stops.yaml"] == [False, True]
