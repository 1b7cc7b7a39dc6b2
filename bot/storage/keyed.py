"""Statements about the rows that lists of keys name: compiled once, and given to SQLite's thread all in one trip.

Each trip to the thread of a connection and back waits twice for a processor. On a busy machine a transaction of ten
statements, at four trips each, held the writer for several times as long as its work takes
(`benchmarks/purge_hold.py`).
"""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import ARRAY, Column, ColumnElement, Delete, Dialect, Select, String, Update, bindparam
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles

Process = Any


class AnyOf(ColumnElement[bool]):
    """The column has one of the values of the list that is called `name`."""

    inherit_cache = False

    def __init__(self, column: Column[Any], name: str) -> None:
        self.column = column
        # `required=False`: the SQL is asked for before the keys are known.
        self.as_json = bindparam(name, type_=String, required=False)
        self.as_array = bindparam(name, type_=ARRAY(column.type), required=False)


@compiles(AnyOf, "sqlite")
def _in_json(element: AnyOf, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in (element.column, element.as_json))
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - a column and a parameter


@compiles(AnyOf, "postgresql")
def _in_array(element: AnyOf, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in (element.column, element.as_array))
    return f"{column} = ANY ({values})"


class KeyedStatement:
    """A statement whose parameters are lists of keys, each named in an `AnyOf`, and what is fixed in it."""

    def __init__(self, statement: Update | Delete | Select[Any]) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, list[str], dict[str, Any]]] = {}

    def bound(self, dialect: Dialect, keys: dict[str, Collection[Any]]) -> tuple[str, tuple[Any, ...]]:
        """The SQL, and its parameters as the driver wants them."""
        found = self._compiled.get(dialect.name)
        if found is None:
            found = self._compiled[dialect.name] = self._compile(dialect, keys)
        sql, names, fixed = found
        return sql, tuple(_written(dialect, keys[name]) if name in keys else fixed[name] for name in names)

    def _compile(self, dialect: Dialect, keys: Collection[str]) -> tuple[str, list[str], dict[str, Any]]:
        compiled: Any = self._statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        fixed: dict[str, Any] = {}
        for name, value in compiled.params.items():
            if name not in keys:
                kind = compiled.binds[name].type if name in compiled.binds else String()
                process: Process = kind.dialect_impl(dialect).bind_processor(dialect)
                fixed[name] = value if process is None else process(value)
        return str(compiled), compiled.positiontup or [], fixed


async def execute_all(
    connection: AsyncConnection, statements: Sequence[KeyedStatement], **keys: Collection[Any]
) -> list[int]:
    """Execute these in their order; how many rows each has changed."""
    bound = [statement.bound(connection.dialect, keys) for statement in statements]
    if connection.dialect.name == "sqlite":
        driver: Any = (await connection.get_raw_connection()).driver_connection
        counts: list[int] = await driver.execute_all(bound)
        return counts
    return [(await connection.exec_driver_sql(sql, parameters)).rowcount for sql, parameters in bound]


async def fetch_values(
    connection: AsyncConnection, statement: KeyedStatement, **keys: Collection[Any]
) -> list[Any]:
    """The first column of a SELECT, as the driver gives it."""
    sql, parameters = statement.bound(connection.dialect, keys)
    if connection.dialect.name == "sqlite":
        driver: Any = (await connection.get_raw_connection()).driver_connection
        return [row[0] for row in await driver.execute_fetchall(sql, parameters)]
    return list((await connection.exec_driver_sql(sql, parameters)).scalars())


def _written(dialect: Dialect, values: Collection[Any]) -> Any:
    return msgspec.json.encode(list(values)).decode() if dialect.name == "sqlite" else list(values)
