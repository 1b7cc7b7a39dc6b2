"""A pooler before PostgreSQL that keeps no sessions is refused with a sentence; any other is no hindrance."""

import asyncio
import itertools
import time
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import text

from bot.clock import utc_now
from bot.replica_parts import ReplicaPart
from bot.storage import pooler, postgresql_engine, postgresql_hosts
from bot.storage.database import Database
from bot.storage.database_errors import DatabaseUnavailable
from bot.storage.pooler import NoLastingSessions
from bot.storage.writer import Writer
from bot.supervisor import Supervisor
from bot.web.guesses import Guesses
from tests.support.bots import until
from tests.support.databases import Databases
from tests.support.pgbouncer import PROGRAM, pgbouncer

#: As older versions of the bot needed it.
IGNORED = "ignore_startup_parameters = lock_timeout"


async def check(url: str) -> None:
    database = Database(url)
    try:
        await database.check_schema()
    finally:
        await database.close()


async def test_postgresql_itself_is_taken(databases: Databases) -> None:
    await check(databases.migrated("postgresql"))


@pytest.mark.skipif(PROGRAM is None, reason="there is no PgBouncer here")
@pytest.mark.parametrize("mode", ["transaction", "statement"])
@pytest.mark.parametrize("more", [(), (IGNORED,)], ids=["as it comes", "told to ignore"])
async def test_a_pooler_that_keeps_no_sessions_is_refused(
    databases: Databases, mode: str, more: tuple[str, ...]
) -> None:
    refused = pytest.raises(NoLastingSessions, match="PostgreSQL's own address")
    with pgbouncer(databases.migrated("postgresql"), mode, *more) as url, refused:
        await check(url)


@pytest.mark.skipif(PROGRAM is None, reason="there is no PgBouncer here")
async def test_a_pooler_that_takes_its_connections_in_turn_is_refused(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`server_round_robin` with `max_prepared_statements`, of PgBouncer 1.21 and later: no two sessions meet."""
    answering = itertools.cycle(range(5))

    async def in_turn(*_sessions: object) -> tuple[int, int]:
        return next(answering), next(answering)

    monkeypatch.setattr(pooler, "_processes", in_turn)
    with pgbouncer(databases.migrated("postgresql"), "session") as url, pytest.raises(NoLastingSessions):
        await check(url)


@pytest.mark.skipif(PROGRAM is None, reason="there is no PgBouncer here")
@pytest.mark.parametrize("more", [(), (IGNORED,)], ids=["as it comes", "told to ignore"])
async def test_a_pooler_that_keeps_them_is_taken_and_no_lock_is_waited_for_without_end(
    databases: Databases, more: tuple[str, ...]
) -> None:
    with pgbouncer(databases.migrated("postgresql"), "session", *more) as url:
        database = Database(url)
        try:
            await database.check_schema()
            async with database.writing() as writing, database.reading() as reading:
                for each in (writing, reading):
                    assert await each.scalar(text("SHOW lock_timeout")) == "5s"
        finally:
            await database.close()


@pytest.mark.skipif(PROGRAM is None, reason="there is no PgBouncer here")
async def test_a_pooler_that_has_no_connection_left_is_not_waited_for_without_end(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the connection all the same, and answers nothing on it until one is free."""
    for module in (postgresql_engine, postgresql_hosts):
        monkeypatch.setattr(module, "CONNECT_SECONDS", 0.5)
    with pgbouncer(databases.migrated("postgresql"), "session", "default_pool_size = 1") as url:
        database = Database(url)
        try:
            async with asyncio.timeout(30), database.writing() as one:
                await one.execute(text("SELECT 1"))
                with pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.1:\d+ did not answer in 0\.5 s"):
                    async with database.reading() as other:
                        await other.execute(text("SELECT 1"))
        finally:
            await database.close()


@pytest.mark.skipif(PROGRAM is None, reason="there is no PgBouncer here")
async def test_behind_a_pooler_a_replica_hears_of_others_and_not_of_itself(databases: Databases) -> None:
    """A pooler makes up the number of the process by which a replica knew its own notices."""
    async with AsyncExitStack() as running:
        url = running.enter_context(pgbouncer(databases.migrated("postgresql"), "session"))
        both: list[Guesses] = []
        for _ in range(2):
            database = Database(url)
            running.push_async_callback(database.close)
            part = ReplicaPart(database, Writer(database), utc_now)
            both.append(part.count_together(Guesses()))
            part.notices.start(Supervisor())
            running.push_async_callback(part.notices.stop)
        one, other = both
        marks = itertools.count()

        def have_met() -> bool:
            one.note(f"of one {next(marks)}", time.monotonic())
            other.note(f"of the other {next(marks)}", time.monotonic())
            return _knows(one, "of the other") and _knows(other, "of one")

        await until(have_met)
        for each in both:
            each.note("203.0.113.1", time.monotonic())
        for each in both:
            each.note("the last", time.monotonic())
        await until(lambda: all(each._wrong["the last"][1] >= 2 for each in both))
        assert [each._wrong["203.0.113.1"][1] for each in both] == [2, 2]


def _knows(guesses: Guesses, beginning: str) -> bool:
    return any(address.startswith(beginning) for address in guesses._wrong)
