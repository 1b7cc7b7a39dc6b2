"""What people answered: listed, counted, exported, and no cell of it runs in a spreadsheet."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest
import pytest_asyncio
from click.testing import CliRunner

from bot.cli.commands.answers import answers as command
from bot.cli.commands.rules import rules as rules_command
from tests.support.api import conversation_of, problem
from tests.support.console import browser
from tests.support.cursors import FORGED
from tests.support.databases import Databases, Kind
from tests.support.envelopes import inbound
from tests.support.rule_files import running_book
from tests.support.services import ADMIN, VIEWER, Acs, Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

RULES = """\
rules:
  - name: booking
    when: {keyword: book}
    ask:
      - {save: day, question: "Which day?", expect: {one_of: [mon, tue, fri]}}
      - {save: people, question: "How many?", expect: {number: {min: 1, max: 8}}}
      - {save: note, question: "Anything else?"}
    reply: "Booked for {{ people }} on {{ day }}."
  - name: vote
    when: {pattern: '^vote (?P<option>[abc])$'}
    record: {option: "{{ option | upcase }}"}
    once: replace
    reply: "Counted: {{ option | upcase }}."
  - name: yes/no
    when: {exact: [aye]}
    record: {said: "{{ message }}"}
    reply: "Noted."
  - name: vote.csv
    when: {exact: [file]}
    record: {said: "{{ message }}"}
    reply: "Noted."
  - name: yes/no/summary
    when: {exact: [sum]}
    record: {said: "{{ message }}"}
    reply: "Noted."
tests:
  - {hear: "vote b", say: "Counted: B.", rule: vote}
"""
#: What a stranger may try on whoever opens the spreadsheet.
FORMULAS = [
    "=HYPERLINK(1)",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    " =1+1",
    "\t=1",
    "＝1+1",
    "-5",
    "+44 7700 900",
]
ROW = ["id", "rule", "conversation_id", "peer", "number", "status", "values", "started_at", "finished_at"]


def peer(number: int) -> str:
    return f"+1555556{number:04}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(
    database_kind: Kind, tmp_path_factory: pytest.TempPathFactory, databases: Databases
) -> AsyncIterator[Running]:
    acs = Acs()
    await acs.start()
    folder = tmp_path_factory.mktemp("bot")
    rules = folder / "rules"
    rules.mkdir()
    (rules / "10.yaml").write_text(RULES, "utf-8")
    url = databases.migrated(database_kind)
    async with running(folder, url, acs) as bot:
        for number, note in enumerate(FORMULAS):
            for text in ("book", "fri", str(number % 8 + 1), note):
                await bot.post([inbound(MessageId=f"{number}{text}", From=peer(number), Message=text)])
        await bot.post([inbound(MessageId="c1", From=peer(50), Message="book")])
        await bot.post([inbound(MessageId="c2", From=peer(50), Message="mon")])
        await bot.post([inbound(MessageId="c3", From=peer(50), Message="cancel")])
        for number in range(5):
            await bot.post(
                [inbound(MessageId=f"v{number}", From=peer(number), Message=f"Vote {'abcab'[number]}")]
            )
        yield bot
    await acs.stop()


async def test_the_rules_that_keep_answers_are_listed(bot: Running) -> None:
    listed = (await bot.get("/api/answers")).json()
    assert listed["next"] is None
    booking, vote, *_ = listed["items"]
    assert list(booking) == ["rule", "fields", "started", "finished", "last_at"]
    assert booking | {"last_at": ""} == {
        "rule": "booking", "fields": ["day", "people", "note"], "started": 10, "finished": 9, "last_at": "",
    }  # fmt: skip
    assert (vote["rule"], vote["fields"], vote["started"]) == ("vote", ["option"], 5)
    first = (await bot.get("/api/answers?limit=1")).json()
    second = (await bot.get(f"/api/answers?limit=4&cursor={first['next']}")).json()
    assert [*first["items"], *second["items"]] == listed["items"]
    assert second["next"] is None


async def test_rows_come_newest_first_page_by_page(bot: Running) -> None:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await bot.get(f"/api/answers/booking?limit=3{cursor}")).json()
        found += page["items"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert len(found) == len({row["id"] for row in found}) == 10
    assert [row["started_at"] for row in found] == sorted((row["started_at"] for row in found), reverse=True)
    assert all(list(row) == ROW for row in found)
    whole = (await bot.get("/api/answers/booking?status=finished&limit=200")).json()["items"]
    assert {row["values"]["note"] for row in whole} == {note.strip() for note in FORMULAS}
    (cancelled,) = (await bot.get("/api/answers/booking?status=cancelled")).json()["items"]
    assert (cancelled["values"], cancelled["peer"]) == ({"day": "mon"}, peer(50))
    conversation = (await bot.get(f"/api/conversations/{cancelled['conversation_id']}")).json()
    assert conversation["peer"] == peer(50)


async def test_a_forged_cursor_is_the_askers_mistake(bot: Running) -> None:
    for cursor in FORGED:
        if cursor and cursor.isascii() and cursor.isprintable():
            answer = await bot.get("/api/answers/booking", params={"cursor": cursor})
            assert "cursor" in problem(answer, 400)["detail"], cursor


@pytest.mark.both_databases
async def test_rows_of_a_stretch_of_time(bot: Running) -> None:
    rows = (await bot.get("/api/answers/booking?limit=200")).json()["items"]
    middle = rows[5]["started_at"]
    since = (await bot.get(f"/api/answers/booking?since={middle}&limit=200")).json()["items"]
    until = (await bot.get(f"/api/answers/booking?until={middle}&limit=200")).json()["items"]
    assert since + until == rows
    plus = middle.replace("Z", "+00:00")
    assert (await bot.get(f"/api/answers/booking?since={plus}&limit=200")).json()["items"] == since
    for wrong in ("since=noon", "until=2026-13-01", "status=lost", "limit=0", "cursor=x"):
        problem(await bot.get(f"/api/answers/booking?{wrong}"), 400)


async def test_a_forged_cursor_of_rows_is_the_askers_mistake(bot: Running) -> None:
    address = httpx.URL("/api/answers/booking")
    for cursor in FORGED:
        if cursor and cursor.isprintable():
            problem(await bot.get(str(address.copy_merge_params({"cursor": cursor}))), 400)


async def test_a_tally_has_the_shape_of_the_contract(bot: Running) -> None:
    summary = (await bot.get("/api/answers/booking/summary")).json()
    assert {name: summary[name] for name in ("rule", "started", "finished", "cancelled", "expired", "failed")} == {
        "rule": "booking", "started": 10, "finished": 9, "cancelled": 1, "expired": 0, "failed": 0,
    }  # fmt: skip
    day, people, note = summary["fields"]
    assert day == {
        "name": "day", "kind": "choice", "answered": 10, "counts": {"fri": 9, "mon": 1}, "min": None, "max": None,
        "mean": None,
    }  # fmt: skip
    assert (people["kind"], people["min"], people["max"], people["mean"]) == ("number", 1, 8, 37 / 9)
    assert people["counts"]["1"] == 2
    assert (note["kind"], note["answered"]) == ("text", 9)
    (option,) = (await bot.get("/api/answers/vote/summary")).json()["fields"]
    assert option["counts"] == {"A": 2, "B": 2, "C": 1}


async def test_a_rule_with_a_slash_in_its_name_is_found(bot: Running) -> None:
    await bot.post([inbound(MessageId="aye", From=peer(60), Message="aye")])
    for name in ("yes%2Fno", "yes/no"):
        (row,) = (await bot.get(f"/api/answers/{name}?status=finished")).json()["items"]
        assert (row["rule"], row["values"]) == ("yes/no", {"said": "aye"})
        assert (await bot.get(f"/api/answers/{name}/summary")).json()["finished"] == 1
        assert (await bot.get(f"/api/answers/{name}.csv")).text.count("\r\n") == 2
    assert "'no/such'" in problem(await bot.get("/api/answers/no%2Fsuch/summary"), 404)["detail"]


async def test_a_suffix_is_one_also_where_another_rules_name_ends_so(bot: Running) -> None:
    answer = await bot.get("/api/answers/vote.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="answers-vote.csv"'
    other = await bot.get("/api/answers/vote.csv.csv")
    assert other.headers["content-disposition"] == 'attachment; filename="answers-vote_csv.csv"'
    assert (await bot.get("/api/answers/vote.csv/summary")).json()["rule"] == "vote.csv"
    assert (await bot.get("/api/answers/yes%2Fno/summary")).json()["rule"] == "yes/no"


@pytest.mark.both_databases
async def test_csv_runs_nothing_and_loses_nothing(bot: Running) -> None:
    answer = await bot.get("/api/answers/booking.csv", token=VIEWER)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbfid,status,peer,")
    lines = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert len(lines) == 10
    assert all(b"\n" not in line for line in answer.content.split(b"\r\n"))
    notes = {line["note"] for line in lines}
    assert {"'=HYPERLINK(1)", "'-2+3", "'@SUM(1)", "-5", "+44 7700 900", "'＝1+1"} < notes
    assert not [note for note in notes if note[:1] in {"=", "@", "\t"}]
    assert {line["peer"] for line in lines} > {peer(0), peer(50)}
    only = await bot.get("/api/answers/booking.csv?status=cancelled")
    assert len(only.text.strip().splitlines()) == 2


async def test_who_may_see_it(bot: Running) -> None:
    for path in ("/api/answers", "/api/answers/vote", "/api/answers/vote/summary", "/api/answers/vote.csv"):
        assert (await bot.get(path, token=VIEWER)).status_code == 200
        problem(await bot.http.get(path), 401)
    for path in (
        "/api/answers/nothing",
        "/api/answers/nothing/summary",
        "/api/answers/stop",
        "/api/answers/x.csv",
    ):
        assert "keeps answers" in problem(await bot.get(path), 404)["detail"]


async def test_an_operator_corrects_what_is_saved(bot: Running) -> None:
    (row,) = (await bot.get("/api/answers/booking?status=cancelled")).json()["items"]
    path = f"/api/conversations/{row['conversation_id']}"
    http = bot.http
    sent = await http.put(f"{path}/values/street", json={"value": " 4 Elm Street "}, headers=bearer())
    assert sent.json()["values"] == {"street": "4 Elm Street"}
    assert (await bot.get(path)).json()["values"] == {"street": "4 Elm Street"}
    gone = await http.delete(f"{path}/values/street", headers=bearer())
    assert "values" not in gone.json()
    actions = (await bot.get(f"{path}/actions")).json()["items"]
    assert [(each["action"], each["details"]) for each in actions] == [
        ("set value", "street: 4 Elm Street"), ("forget value", "street"),
    ]  # fmt: skip
    for name in ("now", "a-b", "x" * 65):
        problem(await http.put(f"{path}/values/{name}", json={"value": "x"}, headers=bearer()), 400)
    for value in ("", " ", "x" * 1_001, 4):
        problem(await http.put(f"{path}/values/street", json={"value": value}, headers=bearer()), 400)
    problem(await http.put(f"{path}/values/street", json={"value": "x"}, headers=bearer(VIEWER)), 403)
    problem(await http.put("/api/conversations/x/values/street", json={"value": "x"}, headers=bearer()), 404)


def bearer(token: str = ADMIN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


# The command


async def run(bot: Running, *arguments: str) -> Any:
    settings = bot.service.settings
    where = {"BOT_DATABASE_URL": settings.database_url, "BOT_RULES": str(settings.rules)}
    return await asyncio.to_thread(CliRunner(env=where).invoke, command, arguments)


async def test_the_command_shows_what_the_api_shows(bot: Running) -> None:
    assert json.loads((await run(bot, "list", "--json")).stdout) == (await bot.get("/api/answers")).json()
    summary = (await bot.get("/api/answers/booking/summary")).json()
    assert json.loads((await run(bot, "show", "booking", "--json")).stdout) == summary
    shown = (await run(bot, "show", "booking")).stdout
    assert "booking: 10 started; 9 finished, 1 cancelled, 0 expired, 0 failed, 0 open." in shown
    assert "people (number): 9 answered\n  from 1 to 8, 4.11 on average" in shown
    assert "booking" in (await run(bot, "list")).stdout
    nobody = await run(bot, "show", "nobody")
    assert (nobody.exit_code, nobody.stdout) == (1, "")
    assert "bot answers list" in nobody.stderr


async def test_a_check_says_of_which_list_few_codes_are_left(bot: Running) -> None:
    settings = bot.service.settings
    rules = settings.rules
    text = "rules: [{name: code, when: {exact: code}, code: {from: c.csv, save: c, missing: x}, reply: '{{ c }}'}]\n"
    (rules / "20.yaml").write_text(text)
    (rules / "c.csv").write_text("code\n" + "".join(f"C{number}\n" for number in range(11)))
    await bot.service.shelf.reload()
    where = {"BOT_DATABASE_URL": settings.database_url, "BOT_RULES": str(rules)}
    for count, low in ((9, False), (10, True)):
        await bot.post([inbound(MessageId=f"code{n}", From=peer(n), Message="code") for n in range(count)])
        checked = await asyncio.to_thread(CliRunner(env=where).invoke, rules_command, ["check"])
        assert ("W446 Of the codes of c.csv 1 of 11 are left" in checked.stdout) is low, checked.stdout
    elsewhere = where | {"BOT_DATABASE_URL": f"sqlite+aiosqlite:///{rules}/none.db"}
    checked = await asyncio.to_thread(CliRunner(env=elsewhere).invoke, rules_command, ["check"])
    assert "W446" not in checked.stdout


async def test_the_command_exports(bot: Running, tmp_path: Path) -> None:
    exported = await run(bot, "export", "booking")
    assert exported.stdout_bytes == (await bot.get("/api/answers/booking.csv")).content
    lines = (
        await run(bot, "export", "booking", "--format", "jsonl", "--since", "2001-01-01T00:00Z")
    ).stdout.splitlines()
    assert [json.loads(line) for line in lines] == (await bot.get("/api/answers/booking?limit=200")).json()[
        "items"
    ]
    assert (
        await run(bot, "export", "booking", "--format", "jsonl", "--since", "2100-01-01T00:00Z")
    ).stdout == ""
    file = tmp_path / "answers.xlsx"
    assert (await run(bot, "export", "booking", "--format", "xlsx", "--output", str(file))).exit_code == 0
    assert (await run(bot, "export", "booking", "--since", "noon")).exit_code == 2
    with ZipFile(file) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "=HYPERLINK(1)" in sheet
    assert sheet.count("<row ") == 11


async def test_a_conversation_awaits_no_answer_once_the_time_for_it_is_over(
    tmp_path: Path, databases: Databases
) -> None:
    async with running_book(tmp_path, databases, {"10.yaml": RULES}) as own:
        asked, late = peer(1), peer(2)
        for who, at in ((asked, datetime.now(UTC)), (late, datetime.now(UTC) - timedelta(days=2))):
            await own.post(
                [inbound(MessageId=who, From=who, Message="book", ReceivedTimestamp=at.isoformat())]
            )
        shown = {who: await conversation_of(own, who) for who in (asked, late)}
        rows = await own.items("/api/answers/booking")
        async with browser(own) as http:
            await http.post("/console/login", data={"token": ADMIN})
            pages = {
                who: (await http.get(f"/console/conversations/{talk['id']}")).text
                for who, talk in shown.items()
            }
            inbox = (await http.get("/console/conversations")).text
    assert {row["peer"]: row["status"] for row in rows} == {asked: "open", late: "expired"}
    assert (shown[asked]["flow"]["awaits"], shown[late]["flow"]) == ("day", None)
    assert "asked for day" in pages[asked]
    assert pages[late].count("asked for") < pages[asked].count("asked for")
    assert inbox.count("asked for day") == 1
