"""How a command asks the database that the settings name."""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from bot.cli.errors import CommandFailed, lacking_right, may, unusable_path
from bot.settings import load, read_environment
from bot.storage.database import DATABASE_ERRORS, Database, DatabaseConnection, cause_of
from bot.storage.schema import SCHEMA_ERRORS

Answer = TypeVar("Answer")


#: Where nothing answers.
_REACH_IT = (
    " Check that PostgreSQL listens on this host and port, and that no firewall or pooler keeps what it says."
)


def require_database(database: Database) -> None:
    """Raise `CommandFailed` where the SQLite file is not there; a PostgreSQL says itself what is wrong."""
    if database.path is not None and not database.path.exists():
        raise CommandFailed(
            f"There is no database at {database.path}: `bot serve` makes it, or set BOT_DATABASE_URL to where it is;"
            " the demo's is at sqlite+aiosqlite:///data/demo.db."
        )


def unusable_database(error: BaseException, path: Path | None, done: str = "used") -> CommandFailed:
    """The sentence about a database that can't be `done`; `path` is that of an SQLite file."""
    if isinstance(error, OSError) and (refused := unusable_path(error)):
        return refused
    if path is not None and may(path.parent, os.F_OK) and not may(path, os.R_OK, os.W_OK):
        return lacking_right(path)
    mend = _REACH_IT if isinstance(error.__cause__ or error, TimeoutError) else ""
    return CommandFailed(
        f"The database at BOT_DATABASE_URL can't be {done}: {cause_of(error).removesuffix('.')}.{mend}"
    )


def ask_database(ask: Callable[[DatabaseConnection], Awaitable[Answer]]) -> Answer:
    """What a query answers; what keeps the database from being read is a `CommandFailed`."""

    async def run() -> Answer:
        async with asking_database() as connection:
            return await ask(connection)

    return asyncio.run(run())


@asynccontextmanager
async def asking_database() -> AsyncGenerator[DatabaseConnection]:
    """A connection to read from; what keeps it from being read is a `CommandFailed`."""
    database = Database(load(read_environment()).database_url)
    try:
        require_database(database)
        await database.check_schema()
        async with database.reading() as connection:
            yield connection
    except SCHEMA_ERRORS as error:
        raise CommandFailed(str(error)) from None
    except DATABASE_ERRORS as error:
        raise unusable_database(error, database.path, "read") from None
    finally:
        await database.close()
