"""`bot db copy`: everything of an SQLite database stands in PostgreSQL afterwards, and the bot goes on there."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, insert, select, text

from bot.app import Service
from bot.cli.commands.db import db
from bot.settings import load
from bot.storage import copy
from bot.storage.all_tables import metadata
from bot.storage.database import Database
from bot.storage.tables import conversations
from tests.support.bots import Bot, heard
from tests.support.databases import Databases
from tests.support.full_bots import full_bot, leave_traces

NEW_PEER = "+15555550199"


async def filled(url: str) -> None:
    async with full_bot(url) as (bot, _shop):
        await leave_traces(bot)


async def rows_of(url: str) -> dict[str, list[dict[str, Any]]]:
    database = Database(url)
    try:
        async with database.reading() as connection:
            return {
                table.name: sorted(
                    (dict(row) for row in (await connection.execute(select(table))).mappings()), key=str
                )
                for table in metadata.sorted_tables
            }
    finally:
        await database.close()


async def started(service: Service) -> None:
    try:
        await service.start()
    finally:
        await service.stop()


def run(source: str, target: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(db, ["copy", "--to", target, "--json"], env={"BOT_DATABASE_URL": source})
    return done.exit_code, done.stdout, " ".join(done.stderr.replace("│", " ").split())


def test_all_is_copied_again_after_an_interruption_and_the_bot_goes_on_there(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source, target = databases.migrated("sqlite"), databases.empty("postgresql")
    asyncio.run(filled(source))
    monkeypatch.setattr(copy, "_AT_ONCE", 3)
    rows, calls = copy._rows, 0

    async def interrupted(*arguments: Any) -> Any:
        nonlocal calls
        async for some in rows(*arguments):
            calls += 1
            if calls == 5:
                raise OSError("the cable")
            yield some

    with monkeypatch.context() as patch:
        patch.setattr(copy, "_rows", interrupted)
        status, _, error = run(source, target)
    assert status == 2
    assert "the cable" in error
    settings = {
        "BOT_DATABASE_URL": target, "BOT_RULES": str(tmp_path), "BOT_WEBHOOK_SECRETS": "a-secret-of-the-test",
        "BOT_ACS_CONNECTION_STRING": "endpoint=http://127.0.0.1:9/;accesskey=c2VjcmV0",
    }  # fmt: skip
    with pytest.raises(
        copy.UnfinishedCopy, match=r"unfinished copy of another one\. Run the same `bot db copy` again"
    ):
        asyncio.run(started(Service(load(settings))))
    status, out, error = run(source, target)
    assert (status, error) == (0, "")
    before, after = asyncio.run(rows_of(source)), asyncio.run(rows_of(target))
    assert after == before
    assert json.loads(out)["rows"] == {name: len(each) for name, each in before.items()}
    assert before["status_changes"]
    assert before["answers"]
    status, _, error = run(source, target)
    assert status == 2
    assert "in use" in error

    async def go_on() -> None:
        bot = Bot(target)
        await bot.start()
        try:
            assert await bot.replies(), "what was said before is there"
            await bot.hear(heard("hours", peer=NEW_PEER))
            await bot.settled(NEW_PEER)
        finally:
            await bot.stop()

    asyncio.run(go_on())


def test_what_differs_is_found(databases: Databases) -> None:
    source, target = databases.migrated("sqlite"), databases.migrated("postgresql")
    asyncio.run(filled(source))

    async def differ() -> None:
        one, other = Database(source), Database(target)
        try:
            await copy._begin(one, other)
            async with one.reading() as connection:
                row = (await connection.execute(select(conversations).limit(1))).mappings().one()
            async with other.writing() as connection:
                await connection.execute(insert(conversations).values(dict(row) | {"last_text": "another"}))
                assert (
                    await connection.execute(select(func.count()).select_from(conversations))
                ).scalar() == 1
                await connection.execute(text("SELECT 1"))
        finally:
            await one.close()
            await other.close()

    asyncio.run(differ())
    status, _, error = run(source, target)
    assert status == 2
    assert "copy to an empty database" in error


def test_a_running_bot_and_a_wrong_direction_are_refused(databases: Databases, tmp_path: Path) -> None:
    source, target = databases.migrated("sqlite"), databases.migrated("postgresql")
    running = Database(source)
    running.claim()
    try:
        assert "stop it first" in run(source, target)[2]
    finally:
        assert running._lock
        running._lock.release()
    assert "goes from SQLite" in run(target, source)[2]
    assert "There is no database" in run(f"sqlite+aiosqlite:///{tmp_path / 'none.db'}", target)[2]
