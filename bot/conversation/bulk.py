"""Core statements for many rows at once, compiled once per dialect and given straight to the driver.

SQLAlchemy's own `execute(statement, rows)` builds a dict of parameters for each row and calls every type's processor
on every value; and each call of aiosqlite is a trip to its thread and back, of which SQLAlchemy's adapter makes four
for a statement where one will do. Together that was two thirds of the time an event took (`benchmarks/intake.py`).
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Dialect,
    Select,
    Table,
    bindparam,
    insert,
    literal_column,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles

Process = Callable[[Any], Any]
_NOTHING = object()


class Bulk:
    """An INSERT or UPDATE of many rows; a row is a tuple in the order of `columns`."""

    def __init__(self, statement: Any, columns: tuple[str, ...]) -> None:
        self.columns = columns
        self._statement = statement
        self._compiled: dict[str, tuple[str, tuple[int, ...], list[Process | None]]] = {}

    @classmethod
    def insert(cls, table: Table, columns: tuple[str, ...], **constants: str) -> "Bulk":
        """Insert rows with these columns; `constants` are the same in every row."""
        values: dict[str, Any] = {name: bindparam(name, type_=table.c[name].type) for name in columns}
        values |= {name: literal_column(f"'{value}'") for name, value in constants.items()}
        return cls(insert(table).values(values), columns)

    @classmethod
    def update(cls, table: Table, columns: tuple[str, ...]) -> "Bulk":
        """Set these columns where the primary key `id` is the row's first value."""
        values = {table.c[name]: bindparam(f"new_{name}", type_=table.c[name].type) for name in columns}
        statement = update(table).where(table.c.id == bindparam("key", type_=table.c.id.type)).values(values)
        return cls(statement, ("key", *(f"new_{name}" for name in columns)))

    async def execute(self, connection: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run the statement for every row; none is fine."""
        if not rows:
            return
        sql, order, processes = self._for(connection.dialect)
        given = list(zip(*rows, strict=True))
        columns = [_bound(process, given[place]) for place, process in zip(order, processes, strict=True)]
        await _execute_many(connection, sql, list(zip(*columns, strict=True)))

    def _for(self, dialect: Dialect) -> tuple[str, tuple[int, ...], list[Process | None]]:
        found = self._compiled.get(dialect.name)
        if found is None:
            compiled = self._statement.compile(dialect=dialect)
            names = compiled.positiontup
            processes = [compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
            order = tuple(self.columns.index(name) for name in names)
            found = self._compiled[dialect.name] = str(compiled), order, processes
        return found


class Lookup:
    """A SELECT of the rows in which one column has one of many values."""

    def __init__(self, statement: Select[Any], column: Column[str]) -> None:
        self._statement = statement.where(_OneOf(column))
        self._compiled: dict[str, tuple[str, list[Process | None]]] = {}

    async def fetch(self, connection: AsyncConnection, values: Collection[str]) -> list[tuple[Any, ...]]:
        """The rows, in the order of the statement's columns."""
        if not values:
            return []
        sql, processes = self._for(connection.dialect)
        if connection.dialect.name == "sqlite":
            given = msgspec.json.encode(list(values)).decode()
            rows = await (await _driver(connection)).execute_fetchall(sql, (given,))
        else:
            rows = (await connection.exec_driver_sql(sql, (list(values),))).all()
        return [
            tuple([process(value) if process else value for process, value in zip(processes, row, strict=True)])
            for row in rows
        ]

    def _for(self, dialect: Dialect) -> tuple[str, list[Process | None]]:
        found = self._compiled.get(dialect.name)
        if found is None:
            columns = self._statement.selected_columns
            processes = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
            found = self._compiled[dialect.name] = str(self._statement.compile(dialect=dialect)), processes
        return found


class _OneOf(ColumnElement[bool]):
    """`column IN (values)` with all values in one parameter, so that the statement is always the same."""

    inherit_cache = False

    def __init__(self, column: Column[str]) -> None:
        self.column = column


@compiles(_OneOf, "sqlite")  # type: ignore[no-untyped-call,untyped-decorator]
def _in_json(element: _OneOf, compiler: Any, **options: Any) -> str:
    return f"{compiler.process(element.column, **options)} IN (SELECT value FROM json_each(?))"


@compiles(_OneOf, "postgresql")  # type: ignore[no-untyped-call,untyped-decorator]
def _in_array(element: _OneOf, compiler: Any, **options: Any) -> str:
    return f"{compiler.process(element.column, **options)} = ANY ($1::VARCHAR[])"


async def _driver(connection: AsyncConnection) -> Any:
    """The driver's own connection: on SQLite an `aiosqlite.Connection`."""
    return (await connection.get_raw_connection()).driver_connection


async def _execute_many(connection: AsyncConnection, sql: str, rows: list[tuple[Any, ...]]) -> None:
    if connection.dialect.name == "sqlite":
        await (await _driver(connection)).executemany(sql, rows)
    else:
        await connection.exec_driver_sql(sql, rows)


def _bound(process: Process | None, values: Sequence[Any]) -> Sequence[Any]:
    """The values as the driver wants them. Neighbours are often the same object: the time of the transaction, None."""
    if process is None:
        return values
    bound = []
    last = result = _NOTHING
    for value in values:
        if value is not last:
            last, result = value, process(value)
        bound.append(result)
    return bound
