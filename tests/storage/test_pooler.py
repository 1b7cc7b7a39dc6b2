"""A pooler between the bot and PostgreSQL is refused with a sentence where it keeps no sessions."""

import pytest

from bot.storage.database import Database
from bot.storage.pooler import NoLastingSessions
from tests.support.databases import Databases
from tests.support.pgbouncer import PROGRAM, pgbouncer

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
@pytest.mark.parametrize("more", [(), (IGNORED,)], ids=["as it comes", "told to ignore the setting"])
async def test_a_pooler_that_keeps_no_sessions_is_refused(
    databases: Databases, mode: str, more: tuple[str, ...]
) -> None:
    refused = pytest.raises(NoLastingSessions, match="PostgreSQL's own address")
    with pgbouncer(databases.migrated("postgresql"), mode, *more) as url, refused:
        await check(url)


@pytest.mark.skipif(PROGRAM is None, reason="there is no PgBouncer here")
async def test_a_pooler_that_keeps_them_is_taken(databases: Databases) -> None:
    with pgbouncer(databases.migrated("postgresql"), "session", IGNORED) as url:
        await check(url)
