"""`bot opt-outs`, `bot consent` and `bot evidence`, as people call them."""

import asyncio
import io
import json
import random
import subprocess
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.cli import opt_outs
from bot.cli.consent import show
from bot.cli.errors import AnswerIsNo, CommandFailed
from bot.cli.evidence import evidence
from bot.cli.evidence_verifier import verify
from bot.sandbox.app import Sandbox
from bot.text.numbers import TOO_FEW_DIGITS
from tests.support.bit_flips import found_flips
from tests.support.console import browser
from tests.support.envelopes import inbound
from tests.support.sandboxes import listening
from tests.support.services import VIEWER, Running

PEER, LISTED = "+15555550101", "+15555550199"


@pytest.fixture(autouse=True)
def quiet(logs: list[MutableMapping[str, Any]]) -> None:
    """What is logged is not printed."""


def a_file(content: str, name: str = "list.csv") -> io.BytesIO:
    file = io.BytesIO(content.encode())
    file.name = name
    return file


async def bring(content: str, *, as_json: bool = True) -> None:
    await asyncio.to_thread(
        opt_outs.import_command, a_file(content), "the old provider", None, as_json=as_json
    )


async def test_a_list_is_imported_beside_the_bot_exported_and_imported_again(
    bot: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    await bot.replies(PEER)
    await bring(f"phone\n(555) 555-0101\n{LISTED}\nnobody\n{LISTED}\n")
    said = json.loads(capsys.readouterr().out)
    assert said | {"unread": 1} == {
        "read": 2, "repeated": 1, "imported": 2, "known": 0, "opted_out": 1, "opted_in_since": 0, "unread": 1,
    }  # fmt: skip
    assert said["unread"] == [{"line": 4, "text": "nobody", "reason": "This is no phone number."}]
    await bot.post([inbound(Message="hours", From=LISTED, MessageId="Incoming_9")])
    assert [each["status"] for each in await bot.replies(LISTED, "suppressed")] == ["suppressed"]
    await asyncio.to_thread(opt_outs.export, None, as_json=False)
    exported = capsys.readouterr().out
    assert exported.startswith("﻿peer,number,at,source,words,conversation_id\r\n")
    assert {line.split(",")[0] for line in exported.splitlines()[1:]} == {PEER, LISTED}
    await bring(exported)
    assert json.loads(capsys.readouterr().out)["opted_out"] == 0
    await bring(exported, as_json=False)
    assert "2 numbers read: 0 new, 2 known before." in capsys.readouterr().out
    await asyncio.to_thread(opt_outs.export, None, as_json=False)
    assert capsys.readouterr().out == exported
    with pytest.raises(AnswerIsNo):
        await bring("phone\nnobody\n", as_json=False)
    assert "1 line not read:\n  line 2: nobody: This is no phone number." in capsys.readouterr().out


async def test_an_export_is_imported_again_whatever_people_wrote(
    bot: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = bot.service.settings.rules / "shop.yaml"
    rules.write_text("rules: [{name: stop, when: {keyword: stop}, opt_out: true, reply: Goodbye.}]\n")
    await bot.service.shelf.reload()
    await bot.post([inbound(Message="Stop\n+15559998888,\r\n\x85+15559997777", From=PEER, MessageId="2")])
    await asyncio.to_thread(opt_outs.export, None, as_json=False)
    exported = capsys.readouterr().out
    assert exported.count("\n") == 2
    await bring(exported)
    said = json.loads(capsys.readouterr().out)
    assert (said["read"], said["known"] + said["imported"], said["unread"]) == (1, 1, [])
    await asyncio.to_thread(opt_outs.export, None, as_json=True)
    (told,) = json.loads(capsys.readouterr().out)
    assert told["words"].startswith("Stop\n+15559998888,"), "as it was written"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            f'phone,name\n{LISTED},"Ann\n+447700900123,Bob\n',
            'Nothing was imported. list.csv, line 2: a " opens a cell in this row and is never closed.',
        ),
        (
            f"phone,date\n{LISTED},2026-01-02\n+447700900123,02/01/2026\n",
            "Nothing was imported. list.csv, line 3: “02/01/2026” in the column “date” is no time that can be read.",
        ),
    ],
    ids=["a quote", "a time"],
)
async def test_of_a_list_that_can_not_be_read_to_its_end_nothing_is_imported(
    bot: Running, content: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandFailed) as failed:
        await bring(content)
    assert str(failed.value).startswith(sentence)
    assert failed.value.exit_code == 2
    assert capsys.readouterr().out == ""
    assert await bot.items("/api/opt-outs") == []


async def test_the_api_and_the_page_list_and_search_them(bot: Running) -> None:
    await bring(f"{LISTED}\n+447700900123\n")
    assert [each["peer"] for each in await bot.items("/api/opt-outs")] == [LISTED, "+447700900123"]
    assert [each["peer"] for each in await bot.items("/api/opt-outs", q="+44 7700")] == ["+447700900123"]
    assert len(await bot.items("/api/opt-outs", q=" ")) == 2
    consent = (await bot.get("/api/consent/+1%20555%20555%200199")).json()
    assert [each["words"] for each in consent["events"]] == ["the old provider"]


@pytest.mark.parametrize("typed", ["55", "+1", "x"])
async def test_a_search_by_too_little_does_not_say_that_nobody_opted_out(bot: Running, typed: str) -> None:
    await bring(LISTED)
    answer = await bot.get("/api/opt-outs", params={"q": typed})
    assert (answer.status_code, answer.json()["detail"]) == (400, TOO_FEW_DIGITS)
    async with browser(bot, VIEWER) as http:
        page = (await http.get("/console/opt-outs", params={"number": typed})).text
        assert TOO_FEW_DIGITS in page
        assert "Nobody" not in page
        assert "Nobody with this number" in (await http.get("/console/opt-outs?number=777")).text
        assert "555" in (await http.get("/console/opt-outs?number=555")).text
        assert "Back to all" not in (await http.get("/console/opt-outs?number=")).text


async def test_consent_is_shown_by_number(bot: Running, capsys: pytest.CaptureFixture[str]) -> None:
    await bot.replies(PEER)
    now = datetime.now(UTC).isoformat()
    await bot.post([inbound(Message="STOP", From=PEER, MessageId="Incoming_2", ReceivedTimestamp=now)])
    await bot.replies(PEER)
    await asyncio.to_thread(show, "555 555-0101".replace("555 ", "+1555", 1), as_json=False)
    said = capsys.readouterr().out
    for part in (
        "has opted out by",
        "by their own message",
        "they said:",
        "STOP",
        "Goodbye.",
        "rule:",
        "Incoming_2",
    ):
        assert part in said, said
    assert "nothing left any more" in said
    await asyncio.to_thread(show, PEER, as_json=True)
    assert json.loads(capsys.readouterr().out)["events"][0]["words"] == "STOP"
    with pytest.raises(AnswerIsNo):
        await asyncio.to_thread(show, "+15555550177", as_json=False)


@pytest.fixture
async def folder(bot: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Evidence of some opt-outs."""
    await bring(f"{LISTED}\n+447700900123\n")
    await bot.post([inbound(Message="STOP", From=PEER, MessageId="Incoming_2")])
    capsys.readouterr()
    folder = tmp_path / "evidence"
    await asyncio.to_thread(evidence, folder, "1h", as_json=True)
    return folder


def run(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", str(folder / "verify.py")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


async def test_evidence_is_checked_by_python_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = json.loads(capsys.readouterr().out)
    lines = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    assert said["lines"] == len(lines)
    kinds = [each["kind"] for each in lines]
    assert kinds == ["ledger", "opt_out", "opt_out", "opt_out", "rule_book"]
    assert (lines[1]["words"], lines[1]["our_words"], lines[1]["rule"]) == ("STOP", ["Goodbye."], "stop")
    assert lines[1]["book_version"] == lines[4]["version"]
    assert "opt_out" in str(lines[4]["texts"])
    done = await asyncio.to_thread(run, folder)
    assert done.returncode == 0, done
    assert done.stdout.splitlines()[-1] == said["seal"]
    (folder / "more.txt").write_text("added")
    assert (await asyncio.to_thread(run, folder)).returncode == 1
    with pytest.raises(CommandFailed, match="not empty"):
        evidence(folder, "1h", as_json=False)


async def test_any_bit_that_is_changed_is_found(folder: Path) -> None:
    """`benchmarks/evidence_soak.py` does it 10,000 times."""
    assert found_flips(folder, 300, random.Random(19)) == (300, [])
    verify(folder)


async def test_azures_list_is_compared_and_nothing_is_changed(
    bot: Running, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "c2VjcmV0"
    sandbox = Sandbox("http://127.0.0.1:9/events", access_key=key)
    sandbox.weather = replace(sandbox.weather, opted_out=(PEER,))
    async with listening(sandbox) as address:
        monkeypatch.setenv("BOT_ACS_CONNECTION_STRING", f"endpoint={address};accesskey={key}")
        with pytest.raises(AnswerIsNo):
            await asyncio.to_thread(opt_outs.check, as_json=True)
        found = json.loads(capsys.readouterr().out)
        assert found["only_at_azure"] == [{"peer": PEER, "number": "+15555550100"}]
        assert (found["compared"], found["only_here"]) == (1, [])
        await bring(LISTED)
        with pytest.raises(AnswerIsNo):
            await asyncio.to_thread(opt_outs.check, as_json=False)
        said = capsys.readouterr().out
        assert f"{LISTED} has opted out of +15555550100 here, and not at Azure." in said
        assert f"{PEER} has opted out of +15555550100 at Azure, and not here." in said
        assert (await bot.items("/api/conversations"))[0]["opted_out"] is False
        sandbox.weather = replace(sandbox.weather, opted_out=(LISTED,))
        await asyncio.to_thread(opt_outs.check, as_json=False)
        assert "2 pairs of numbers compared; nothing was changed." in capsys.readouterr().out
        monkeypatch.setenv("BOT_ACS_CONNECTION_STRING", f"endpoint={address};accesskey=b3RoZXI=")
        with pytest.raises(CommandFailed, match="refuses the credential"):
            await asyncio.to_thread(opt_outs.check, as_json=False)
