"""Copies an SQLite database, whose bot is stopped, to a PostgreSQL: table by table, in the order of the primary keys.

A copy that was interrupted goes on after the last row that arrived: until it is whole, a comment on the target's table
of revisions says which database it is a copy of. At the end both sides are read again and compared.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Column, String, Table, collate, delete, func, insert, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.all_tables import metadata
from bot.storage.database import Database

#: Rows that one transaction writes, and one query reads.
_AT_ONCE = 1_000
#: The tables that only a database in use has rows of.
_IN_USE = ("conversations", "rejected_events")

#: Begins the comment on an unfinished copy.
_UNFINISHED = "unfinished copy of"

#: Called with how many rows are done, and of how many.
Tell = Callable[[int, int], None]
Key = tuple[Any, ...]


class CannotCopy(Exception):
    """The target can't take the copy, or did not come out like the source; the message has the mend."""


class UnfinishedCopy(Exception):
    """The database has a part of another one: `bot db copy` was interrupted."""

    def __init__(self) -> None:
        super().__init__(
            "The database at BOT_DATABASE_URL is an unfinished copy of another one. Run the same `bot db copy` again,"
            " which goes on where it stopped, then start."
        )


class Digest(NamedTuple):
    """What two equal tables have in common, whatever the order of their rows."""

    rows: int
    #: The sum of the rows' hashes, modulo 2**64.
    total: int


async def copy_database(source: Database, target: Database, tell: Tell) -> dict[str, int]:
    """Copy all rows; how many each table has. Both have this version's tables. Raises `CannotCopy`."""
    tables = metadata.sorted_tables
    async with source.reading() as connection:
        counts = {table.name: await _count(connection, table) for table in tables}
    whole = 2 * sum(counts.values())
    await _begin(source, target)
    done = 0
    for table in tables:
        async with target.reading() as connection:
            last, arrived = await _last_key(connection, table), await _count(connection, table)
        done += arrived
        async for rows in _rows(source, table, last):
            async with target.writing() as connection:
                await connection.execute(insert(table), rows)
            done += len(rows)
            tell(done, whole)
    for table in tables:
        await _compare(source, target, table)
        done += counts[table.name]
        tell(done, whole)
    await _end(target)
    return counts


async def check_whole(database: Database) -> None:
    """Raise `UnfinishedCopy` for a PostgreSQL to which a copy has not come to its end."""
    async with database.reading() as connection:
        if ((await connection.execute(_READ_MARK)).scalar() or "").startswith(_UNFINISHED):
            raise UnfinishedCopy


async def _begin(source: Database, target: Database) -> None:
    """Mark the target as an unfinished copy, unless it is that already; raises `CannotCopy`."""
    mark = f"{_UNFINISHED} {hashlib.sha256(str(source.path and source.path.resolve()).encode()).hexdigest()}"
    async with target.writing() as connection:
        found = (await connection.execute(_READ_MARK)).scalar()
        if found == mark:
            return
        in_use = [name for name in _IN_USE if await _count(connection, metadata.tables[name])]
        if found is not None or in_use:
            raise CannotCopy(
                "The database to copy to is in use, or has an unfinished copy of another one: give an empty one."
            )
        for table in reversed(metadata.sorted_tables):  # what a new database begins with comes with the copy
            await connection.execute(delete(table))
        await connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{mark}'"))


async def _end(target: Database) -> None:
    """Have numbers go on after the copied ones, and take the mark away."""
    async with target.writing() as connection:
        for table in metadata.sorted_tables:
            column = table.autoincrement_column
            if column is None or not (await connection.execute(_SEQUENCE_OF, _names(table, column))).scalar():
                continue
            newest = (await connection.execute(select(func.max(column)))).scalar()
            if newest is not None:
                await connection.execute(_GO_ON, _names(table, column) | {"newest": newest})
        await connection.execute(text("COMMENT ON TABLE alembic_version IS NULL"))


def _names(table: Table, column: Column[Any]) -> dict[str, Any]:
    return {"table": table.name, "column": column.name}


_READ_MARK = text("SELECT obj_description('alembic_version'::regclass)")
_SEQUENCE_OF = text("SELECT pg_get_serial_sequence(CAST(:table AS text), CAST(:column AS text))")
_GO_ON = text(
    "SELECT setval(pg_get_serial_sequence(CAST(:table AS text), CAST(:column AS text)), CAST(:newest AS bigint))"
)


async def _rows(database: Database, table: Table, after: Key | None) -> AsyncIterator[list[dict[str, Any]]]:
    """The rows of a table in the order of their keys, some at a time."""
    while True:
        query = select(table).order_by(*_key(database, table)).limit(_AT_ONCE)
        if after is not None:
            query = query.where(tuple_(*_key(database, table)) > tuple_(*after))
        async with database.reading() as connection:
            rows = [dict(row) for row in (await connection.execute(query)).mappings()]
        if rows:
            yield rows
            after = tuple(rows[-1][column.name] for column in table.primary_key)
        if len(rows) < _AT_ONCE:
            return


def _key(database: Database, table: Table) -> list[Any]:
    """The primary key in an order that is the same in both databases: texts byte by byte."""
    return [
        column if database.is_sqlite or not isinstance(column.type, String) else collate(column, "C")
        for column in table.primary_key
    ]


async def _last_key(connection: AsyncConnection, table: Table) -> Key | None:
    order = [
        (collate(each, "C") if isinstance(each.type, String) else each).desc() for each in table.primary_key
    ]
    row = (await connection.execute(select(*table.primary_key).order_by(*order).limit(1))).first()
    return None if row is None else tuple(row)


async def _count(connection: AsyncConnection, table: Table) -> int:
    return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def _compare(source: Database, target: Database, table: Table) -> None:
    """Raise `CannotCopy` unless both have the same rows."""
    there, here = await _digest(source, table), await _digest(target, table)
    if there != here:
        raise CannotCopy(
            f"The copy of {table.name} is not like the original ({here.rows:,} rows of {there.rows:,}): the bot"
            " has run meanwhile. Stop it, and copy to an empty database."
        )


async def _digest(database: Database, table: Table) -> Digest:
    count, total = 0, 0
    async for rows in _rows(database, table, None):
        count += len(rows)
        total += sum(_hash(list(row.values())) for row in rows)
    return Digest(count, total % 2**64)


def _hash(values: Sequence[Any]) -> int:
    encoded = msgspec.json.encode(values, order="sorted")
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest())
