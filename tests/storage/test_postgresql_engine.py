"""A PostgreSQL that has no connection left to give: those that the bot has serve all, and are kept."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import text

from bot.storage import postgresql_engine
from bot.storage.database import Database
from bot.storage.database_errors import DatabaseUnavailable
from tests.support.databases import Databases

PID = text("SELECT pg_backend_pid()")


@pytest.fixture(scope="module")
def url(databases: Databases) -> str:
    """A database whose role may have two connections: one to write and one to read."""
    role = f"role_{uuid4().hex[:12]}"
    name, url = databases.with_role(role, "secret")
    databases.tell(name, f"ALTER ROLE {role} CONNECTION LIMIT 2")
    return url


@pytest.fixture
async def narrow(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    yield database
    await database.close()


async def read(database: Database) -> int:
    async with database.asking() as connection:
        return int((await connection.execute(PID)).scalar_one())


async def write(database: Database) -> int:
    async with database.writing() as connection:
        return int((await connection.execute(PID)).scalar_one())


async def test_reads_share_the_connections_that_there_are(narrow: Database) -> None:
    writer = await write(narrow)
    async with narrow.reading() as connection:
        reader = (await connection.execute(PID)).scalar_one()
        others = [asyncio.create_task(read(narrow)) for _ in range(8)]
        done, _ = await asyncio.wait(others, timeout=0.2)
        assert not done
    assert {await each for each in others} == {reader}
    assert await write(narrow) == writer


async def test_a_read_that_gets_none_says_why_and_costs_nobody_a_connection(
    narrow: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another client could take the place of a connection that is closed to be made anew."""
    monkeypatch.setattr(postgresql_engine, "POOL_SECONDS", 0.1)
    writer = await write(narrow)
    async with narrow.reading() as connection:
        reader = (await connection.execute(PID)).scalar_one()
        with pytest.raises(DatabaseUnavailable, match="too many connections"):
            await read(narrow)
    assert (await read(narrow), await write(narrow)) == (reader, writer)


async def test_where_others_have_all_every_read_says_so_at_once(narrow: Database, url: str) -> None:
    """Nothing would be given back: events are held and refused in time, and health knows why."""
    other = Database(url)
    await read(other)
    await write(other)
    async with asyncio.timeout(postgresql_engine.POOL_SECONDS / 2):
        failures = await asyncio.gather(*[read(narrow) for _ in range(8)], return_exceptions=True)
        assert {str(each)[:20] for each in failures} == {"too many connections"}
        assert "too many connections" in str(await narrow.trouble())
    await other.close()
    await write(narrow)
