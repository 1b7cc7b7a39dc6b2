"""Who looks after people reads on a terminal what was said, what was answered and why, and whether it arrived."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli.commands.conversations import conversations
from bot.cli.commands.db import db
from bot.cli.conversations import _in_words
from bot.sending.sms_service import SendFailed
from tests.support.bots import PEER, Bot, heard, report, until


@pytest.fixture
def database_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    url = f"sqlite+aiosqlite:///{tmp_path}/bot.db"
    monkeypatch.setenv("BOT_DATABASE_URL", url)
    return url


@pytest.fixture
def talks(database_url: str) -> str:
    """Two people: one was answered and the answer delivered, the other's words are of no rule."""

    async def tell() -> None:
        bot = Bot(database_url)
        await bot.database.upgrade()
        await bot.start()
        await bot.hear(heard("Hours?", peer="+15555550199"))
        await bot.hear(heard("evil \x1b[31m words \u202e", peer=PEER))
        (reply,) = await bot.settled("+15555550199")
        assert reply.provider_message_id is not None
        await bot.hear(report(reply.provider_message_id))
        await bot.settled("+15555550199", "delivered")
        await bot.stop()

    asyncio.run(tell())
    return database_url


def run(*arguments: str) -> Result:
    return CliRunner().invoke(conversations, arguments)


@pytest.mark.usefixtures("talks")
def test_the_list_is_newest_first_with_the_state_of_the_newest_reply() -> None:
    result = run("list")
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert PEER in lines[1]
    assert "no reply" in lines[1]
    assert "+15555550199" in lines[2]
    assert "✓✓ delivered" in lines[2]


def test_a_reply_that_waits_shows_how_often_it_was_tried_and_why_it_waits(database_url: str) -> None:
    async def tell() -> str:
        bot = Bot(database_url)
        await bot.database.upgrade()
        await bot.start()
        bot.sms.script = [SendFailed(reason="ACS answered 429.", scope="number", retry_after=60)]
        await bot.hear(heard())
        await until(lambda: bool(bot.sms.calls))
        (conversation,) = await bot.conversations()
        await bot.stop()
        return conversation.id

    conversation = asyncio.run(tell())
    shown = run("show", conversation).stdout
    assert re.search(r"tried 1×; next try \d{4}-\d\d-\d\d [\d:]{8} ACS answered 429\.", shown)
    (_, reply) = json.loads(run("show", conversation, "--json").stdout)["messages"]
    assert (reply["attempts"], reply["last_error"]) == (1, "ACS answered 429.")


@pytest.mark.usefixtures("talks")
def test_a_list_can_be_narrowed_to_a_state_and_to_a_number_in_any_writing() -> None:
    delivered = json.loads(run("list", "--delivery", "delivered", "--json").stdout)["items"]
    assert [item["peer"] for item in delivered] == ["+15555550199"]
    one = json.loads(run("list", "--peer", "1 (555) 555-0199", "--json").stdout)["items"]
    assert [item["peer"] for item in one] == ["+15555550199"]


@pytest.mark.usefixtures("talks")
def test_a_conversation_shows_each_message_its_rule_and_every_change_of_its_state() -> None:
    (item,) = json.loads(run("list", "--peer", "+15555550199", "--json").stdout)["items"]
    shown = run("show", item["id"])
    assert shown.exit_code == 0
    for expected in (
        "Hours?",
        'hours, by keyword "hours"',
        "◌ queued",
        "✓ sent",
        "✓✓ delivered",
        "No error.",
    ):
        assert expected in shown.stdout
    told = json.loads(run("show", item["id"], "--json").stdout)
    assert told["id"] == item["id"]
    assert [message["status"] for message in told["messages"]] == ["received", "delivered"]


@pytest.mark.usefixtures("talks")
def test_a_strangers_escapes_are_shown_and_not_obeyed() -> None:
    assert "\x1b" not in run("list").stdout
    assert "\\x1b[31m words \\u202e" in run("list").stdout


@pytest.mark.usefixtures("talks")
def test_an_unknown_conversation_is_a_no_in_one_sentence() -> None:
    result = run("show", "nobody")
    assert result.exit_code == 1
    assert result.stderr.startswith("There is no conversation nobody;")


@pytest.mark.usefixtures("database_url")
def test_no_database_yet_is_said_with_what_makes_one() -> None:
    result = run("list")
    assert result.exit_code == 2
    assert "`bot serve` makes it" in result.stderr


@pytest.mark.usefixtures("database_url")
def test_the_schema_is_brought_up_to_date_once() -> None:
    assert "Upgraded the schema from nothing to revision" in CliRunner().invoke(db, ["upgrade"]).stdout
    assert "The schema is up to date" in CliRunner().invoke(db, ["upgrade"]).stdout
    assert run("list").stdout == "No conversations.\n"


@pytest.mark.parametrize(
    ("details", "shown"),
    [
        ("ErrorCode: 4004. ErrorMessage: Oops", "the number doesn't exist (4004)"),
        ("No error.", "No error."),
        ("Too late: it waited longer than BOT_REPLY_TTL.", "Too late: it waited longer than BOT_REPLY_TTL."),
        ("Gremlins", "Gremlins"),
    ],
)
def test_a_code_of_azures_is_said_in_plain_words(details: str, shown: str) -> None:
    assert _in_words(details) == shown
