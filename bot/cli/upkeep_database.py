"""The database for commands that change it without the running bot: with a writer of their own."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from bot.cli.database_access import require_database, unusable_database
from bot.cli.errors import CommandFailed
from bot.storage.database import DATABASE_ERRORS, Database, DatabaseInUse
from bot.storage.schema import SCHEMA_ERRORS
from bot.storage.writer import StorageUnavailable, Writer


@asynccontextmanager
async def writing_database(url: str) -> AsyncGenerator[tuple[Database, Writer, bool]]:
    """The database, a writer, and whether no other process uses it; what keeps it from being used is said.

    A bot may run on it: both wait for each other's short transactions.
    """
    database = Database(url)
    try:
        require_database(database)
        is_alone = _claimed(database)
        await database.check_schema()
        writer = Writer(database)
        writer.start()
        try:
            yield database, writer, is_alone
        finally:
            await writer.stop()
    except SCHEMA_ERRORS as error:
        raise CommandFailed(str(error)) from None
    except (StorageUnavailable, *DATABASE_ERRORS) as error:
        raise unusable_database(error, database.path) from None
    finally:
        await database.close()


def is_in_use(url: str) -> bool:
    """Whether a bot runs on this SQLite file; of a PostgreSQL nobody can tell, and nobody need."""
    database = Database(url)
    if database.path is None or not database.path.exists():
        return False
    try:
        database.claim()
    except DatabaseInUse:
        return True
    asyncio.run(database.close())
    return False


def _claimed(database: Database) -> bool:
    try:
        database.claim()
    except DatabaseInUse:
        return False
    return database.is_sqlite
