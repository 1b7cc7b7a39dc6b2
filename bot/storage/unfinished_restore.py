"""The mark of a restore to PostgreSQL that has not come to its end: a table of its own.

It stands from before the dump's first table until what came is safe to start on. Whoever may restore may make a table;
a comment on the database only its owner may make.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.all_tables import metadata
from bot.storage.readers import OrderedReaders

#: The table that is the mark.
MARK: Final = "unfinished_restore"

_IS_MARKED = text(f"SELECT to_regclass('{MARK}') IS NOT NULL")
#: Which of these tables there are, each as a statement names it.
_THERE = text(
    "SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'r' AND relname = ANY(CAST(:names AS text[]))"
    " AND relnamespace = current_schema()::regnamespace"
)


class UnfinishedRestore(Exception):
    """The database has what a backup had, and nothing keeps it from being said twice: `bot db restore` was cut off."""

    def __init__(self) -> None:
        super().__init__(
            "The database is an unfinished restore: what is queued in it may have been sent already. Run the same"
            " `bot db restore` again, which begins anew, then start."
        )


async def check_finished(database: OrderedReaders) -> None:
    """Raise `UnfinishedRestore` for a PostgreSQL at which a restore has not come to its end."""
    if database.is_sqlite:  # a backup gets the database's name only once it is safe
        return
    async with database.reading() as connection:
        if (await connection.execute(_IS_MARKED)).scalar():
            raise UnfinishedRestore


async def begin_anew(connection: AsyncConnection, tables: Iterable[str]) -> bool:
    """Where a restore was cut off, remove what it left, `tables` among it; whether one was. The mark stays."""
    if not (await connection.execute(_IS_MARKED)).scalar():
        return False
    # One that still runs ends first; its mark is gone then, and this an error.
    await connection.execute(text(f"LOCK TABLE {MARK} IN ACCESS EXCLUSIVE MODE"))
    names = sorted({*metadata.tables, *tables, "alembic_version"} - {MARK})
    for name in (await connection.execute(_THERE, {"names": names})).scalars().all():
        await connection.execute(text(f"DROP TABLE {name} CASCADE"))
    return True


async def mark(connection: AsyncConnection) -> None:
    """Have no bot start until `unmark`."""
    await connection.execute(text(f"CREATE TABLE {MARK} ()"))


async def unmark(connection: AsyncConnection) -> None:
    """Let a bot start, once this transaction is committed."""
    await connection.execute(text(f"DROP TABLE IF EXISTS {MARK}"))
