"""`bot rules replay` on a database that a bot has written."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli.commands.rules import rules
from bot.storage.database import Database
from tests.support.bots import Bot, heard

CANDIDATE = "rules: [{name: hours, when: {keyword: hours}, reply: We open at 10.}]"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a candidate book, and BOT_DATABASE_URL naming a database that is not there yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOT_DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path / 'bot.db'}")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "new.yaml").write_text(CANDIDATE)
    return tmp_path


async def fill(url: str) -> None:
    database = Database(url)
    await database.upgrade()
    await database.close()
    bot = Bot(url)
    bot.inbox._on_queued = lambda _numbers: None
    await bot.start(sending=False)
    await bot.hear(heard("hours"), heard("quiet"), heard("name"))
    await bot.stop()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(rules, ["replay", *arguments])


def test_it_lists_every_reply_that_would_change(folder: Path) -> None:
    asyncio.run(fill(f"sqlite+aiosqlite:///{folder / 'bot.db'}"))
    result = run()
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stdout.splitlines() if not line.startswith("  20")]
    assert lines == [
        "No rule: 1 reply would change",
        "  heard:     name",
        "  said:      You are +15555550101.",
        "  would say: (nothing)",
        "  rule:      none, and it was name",
        "Rule hours: 1 reply would change",
        "  heard:     hours",
        "  said:      We are open.",
        "  would say: We open at 10.",
        "3 messages replayed: 2 would be answered otherwise, 1 as before.",
    ]
    answer = json.loads(run("rules", "--since", "1h", "--json").stdout)
    assert (answer["messages"], answer["changed"]) == (3, 2)
    assert {group["rule"]: group["count"] for group in answer["rules"]} == {"hours": 1, None: 1}


def test_without_a_database_it_says_so(folder: Path) -> None:
    result = run()
    assert result.exit_code == 2
    assert "There is no database at" in result.stderr


@pytest.mark.parametrize("since", ["yesterday", "2026-11-23T18:30"])
def test_since_is_a_time_or_how_long_ago(folder: Path, since: str) -> None:
    result = run("--since", since)
    assert result.exit_code == 2
    assert f'--since: "{since}" is not a time with a zone' in result.stderr


@pytest.mark.parametrize(
    ("since", "sentence"),
    [("99999d", "the longest is 3650d."), ("9999-12-31T23:59:59-14:00", "is out of range")],
)
def test_a_time_beyond_the_calendar_is_refused(folder: Path, since: str, sentence: str) -> None:
    result = run("--since", since)
    assert result.exit_code == 2
    assert sentence in result.stderr
