"""`bot forget`, `bot db purge` and `bot conversations export`, as people call them."""

import asyncio
import json
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import pytest

from bot.cli.consent import show
from bot.cli.conversation_export import export
from bot.cli.conversations import list_command
from bot.cli.errors import CommandFailed
from bot.cli.forget import forget
from bot.cli.purge import purge
from tests.support.bots import heard
from tests.support.databases import Databases, change_beside
from tests.support.envelopes import inbound
from tests.support.full_bots import full_bot
from tests.support.remains import tables_with
from tests.support.services import VIEWER, Running

PEER = "+15555550101"


@pytest.fixture(autouse=True)
def quiet(logs: list[MutableMapping[str, Any]]) -> None:
    """What is logged is not printed."""


def url_of(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder}/bot.db"


async def test_the_running_bot_forgets_and_the_command_says_what(
    bot: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await bot.post([inbound(Message="stop", From=PEER, MessageId="Incoming_2")])
    await asyncio.to_thread(forget, "+1 (555) 555-0101", None, is_sure=True, as_json=True)
    erased = json.loads(capsys.readouterr().out)
    assert (erased["peer"], erased["conversations"], erased["opt_outs_kept"]) == (PEER, 1, 1)
    assert erased["messages"] >= 3
    assert await bot.items("/api/conversations") == []
    assert tables_with(url_of(tmp_path), PEER.removeprefix("+")) == set()
    await asyncio.to_thread(forget, PEER, None, is_sure=True, as_json=False)
    assert f"Nothing is kept of {PEER}." in capsys.readouterr().out


async def test_what_is_neither_a_number_nor_a_sender_of_whom_something_is_kept_is_wrong_usage(
    bot: Running, logs: list[MutableMapping[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    await bot.post([inbound(Message="Your code is 1234", From="InfoSMS", MessageId="Incoming_2")])
    commands: dict[str, Callable[[str], None]] = {
        "consent show": lambda peer: show(peer, as_json=True),
        "conversations export": lambda peer: export(None, peer),
        "conversations list": lambda peer: list_command(
            "failed", peer, 50, None, waiting=False, handed_over=False, as_json=True
        ),
        "forget": lambda peer: forget(peer, None, is_sure=True, as_json=True),
    }
    for run in commands.values():
        with pytest.raises(
            CommandFailed, match=r'^"abc" is no phone number, and nothing is kept of a sender '
        ):
            await asyncio.to_thread(run, "abc")
        assert capsys.readouterr().out == ""
        await asyncio.to_thread(run, "InfoSMS")
        capsys.readouterr()
    with pytest.raises(CommandFailed, match=r'^"InfoSMS" is no phone number'):
        await asyncio.to_thread(commands["forget"], "InfoSMS")
    await asyncio.to_thread(commands["forget"], "+15555550199")
    assert len([line for line in logs if line.get("action") == "person_erased"]) == 1


async def test_only_the_admin_erases(bot: Running) -> None:
    answer = await bot.send("DELETE", f"/api/peers/{PEER}", token=VIEWER)
    assert answer.status_code in (401, 403)
    assert len(await bot.items("/api/conversations")) == 1
    done = await bot.send("DELETE", "/api/peers/+1%20555%20555%200101")
    assert (done.status_code, done.json()["conversations"]) == (200, 1)


async def test_the_api_refuses_what_is_no_number_in_the_same_words(bot: Running) -> None:
    await bot.post([inbound(Message="Your code is 1234", From="InfoSMS", MessageId="Incoming_2")])
    for method, path in (("DELETE", "/api/peers"), ("GET", "/api/consent")):
        for name in ("abc", "%20"):
            answer = await bot.send(method, f"{path}/{name}")
            assert answer.status_code == 400, answer.text
            assert (
                "is no phone number, and nothing is kept of a sender with that name"
                in answer.json()["detail"]
            )
        assert (await bot.send(method, f"{path}/+15555550199")).status_code == 200
    assert (await bot.get("/api/consent/InfoSMS")).status_code == 200
    assert (await bot.send("DELETE", "/api/peers/InfoSMS")).json()["conversations"] == 1


async def test_without_a_bot_the_database_is_opened(
    bot: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await bot.service.stop()
    monkeypatch.delenv("BOT_ADMIN_TOKEN")
    with pytest.raises(CommandFailed, match=r'^"abc" is no phone number'):
        await asyncio.to_thread(forget, "abc", None, is_sure=True, as_json=False)
    await asyncio.to_thread(forget, PEER, None, is_sure=True, as_json=False)
    said = capsys.readouterr().out
    assert f"Erased of {PEER}: 1 conversation, " in said
    assert "Backups and logs" in said
    assert tables_with(url_of(tmp_path), PEER.removeprefix("+")) == set()


async def test_purge_runs_beside_the_bot_and_says_what_went(
    bot: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await change_beside(
        tmp_path / "bot.db",
        "UPDATE messages SET created_at = '2020-01-01T00:00:00.000000+00:00', status = 'delivered'",
    )
    await asyncio.to_thread(purge, "1s", as_json=True)
    assert json.loads(capsys.readouterr().out)["messages"] == 2
    await asyncio.to_thread(purge, "90d", as_json=False)
    assert "Nothing is older than 90d" in capsys.readouterr().out
    with pytest.raises(CommandFailed, match="is not a duration"):
        await asyncio.to_thread(purge, "ninety days", as_json=False)


async def test_an_export_has_a_conversation_a_line(
    bot: Running, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    await bot.post([inbound(Message="two", From="15555550177", MessageId="Incoming_2")])
    await asyncio.to_thread(export, None, None)
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [line["peer"] for line in lines] == ["+15555550177", PEER]
    assert [message["text"] for message in lines[0]["messages"]] == ["two", "first", "second"]
    assert lines[0]["actions"] == []
    await asyncio.to_thread(export, None, "+1 555 555 0101")
    (line,) = capfdbinary.readouterr().out.splitlines()
    assert json.loads(line)["peer"] == PEER
    await asyncio.to_thread(export, "2999-01-01T00:00Z", None)
    assert capfdbinary.readouterr().out == b""


async def test_answers_are_exported_with_their_conversation_and_counted_when_forgotten(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    url = databases.migrated("sqlite")
    monkeypatch.setenv("BOT_DATABASE_URL", url)
    async with full_bot(url) as (full, _):
        for text in ("vote red", "coupon", "visited Rome", "book", "Josephine"):
            await full.hear(heard(text))
        await full.no_longer_queued()
    await asyncio.to_thread(export, None, None)
    (line,) = [json.loads(each) for each in capfdbinary.readouterr().out.splitlines()]
    assert {(each["rule"], each["status"]) for each in line["answers"]} == {
        ("vote", "finished"),
        ("booking", "open"),
    }
    assert {"name": "Josephine"} in [each["values"] for each in line["answers"]]
    await asyncio.to_thread(forget, PEER, None, is_sure=True, as_json=False)
    said = " ".join(capfdbinary.readouterr().out.decode().split())
    for each in ("1 conversation", "1 forward", "1 follow-up", "2 answers", "1 code"):
        assert each in said, said
