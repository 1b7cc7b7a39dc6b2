"""The driver's connection to PostgreSQL: what it asks PostgreSQL of types, and what it knows from others."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from bot.storage.copying_connection import CopyingConnection
from tests.support.databases import Databases

MOMENT = datetime(2026, 11, 26, 12, tzinfo=UTC)


@asynccontextmanager
async def connected(address: str) -> Any:
    url = make_url(address).set(drivername="postgresql")
    connection = await asyncpg.connect(
        url.render_as_string(hide_password=False), connection_class=CopyingConnection
    )
    yield connection
    await connection.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """The numbers of the types that PostgreSQL was asked of."""
    asked: list[set[int]] = []
    ask = asyncpg.Connection._introspect_types

    async def note(self: Any, numbers: Any, *options: Any) -> Any:
        asked.append(set(numbers))
        return await ask(self, numbers, *options)

    monkeypatch.setattr(asyncpg.Connection, "_introspect_types", note)
    monkeypatch.setattr("bot.storage.copying_connection._own_types", {})
    return asked


async def test_postgresqls_own_types_are_asked_of_once(databases: Databases, asked: list[set[int]]) -> None:
    address = databases.empty("postgresql")
    for _ in range(2):
        async with connected(address) as connection:
            assert await connection.fetchval("SELECT $1::timestamptz[]", [MOMENT]) == [MOMENT]
            assert await connection.fetchval("SELECT $1::int8[]", [1, None]) == [1, None]
    assert len(asked) == 2, "one question a type, of the first connection alone"


async def test_types_of_a_database_are_asked_of_by_each_connection(
    databases: Databases, asked: list[set[int]]
) -> None:
    """Another database may have another type by the same number."""
    for values in ("'a', 'b'", "'c'"):
        async with connected(databases.empty("postgresql")) as connection:
            await connection.execute(f"CREATE TYPE mood AS ENUM ({values})")
            wanted = values[1]
            assert await connection.fetchval("SELECT $1::mood[]", [wanted]) == [wanted]
    assert len([numbers for numbers in asked if max(numbers) >= 10_000]) == 2
