"""SELECTs that are asked again and again, compiled once per dialect and given straight to the driver.

What SQLite finds comes back as one value: Python's driver lets go of the interpreter lock for each row that it steps
to, and has to wait for the busy event loop to get it back.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Column, ColumnElement, Dialect, Select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles

from bot.storage.bulk import driver_of

Process = Callable[[Any], Any]


class LookupByKeys:
    """A SELECT of the rows in which one column has one of many values."""

    def __init__(self, statement: Select[Any], column: Column[str]) -> None:
        self._statement = statement.where(_AnyOfKeys(column))
        self._compiled: dict[str, tuple[str, list[Process | None]]] = {}

    async def fetch(self, connection: AsyncConnection, values: Collection[str]) -> list[tuple[Any, ...]]:
        """The rows, in the order of the statement's columns."""
        if not values:
            return []
        dialect = connection.dialect
        sql, processes = self.compiled(dialect)
        if dialect.name == "sqlite":
            rows = await driver_of(connection).look_up(sql, (_as_json(values),), keys=len(values))
            return _read_rows(msgspec.json.decode(rows[0][0]), processes)
        return _read_rows((await connection.exec_driver_sql(sql, (list(values),))).all(), processes)

    def compiled(self, dialect: Dialect) -> tuple[str, list[Process | None]]:
        """The SQL to give to the driver, and what turns a row's values into Python's."""
        found = self._compiled.get(dialect.name)
        if found is None:
            compiled: Any = self._statement.compile(dialect=dialect)
            if compiled.params:
                # The values are the first and only parameter: PostgreSQL's is written as `$1`.
                raise TypeError(
                    f"A lookup by keys takes no other parameter, and this has {sorted(compiled.params)}"
                )
            found = self._compiled[dialect.name] = _as_one_value(self._statement, str(compiled), dialect)
        return found


async def fetch_together(
    connection: AsyncConnection, *wanted: tuple[LookupByKeys, Collection[str]]
) -> list[list[tuple[Any, ...]]]:
    """What several look-ups find in SQLite, in one trip to its thread and back, which takes 60 to 100 µs."""
    compiled = [lookup.compiled(connection.dialect) for lookup, _ in wanted]
    sql = "SELECT " + ", ".join(f"({sql})" for sql, _ in compiled)  # each of one value
    given = [_as_json(values) for _, values in wanted]
    (found,) = await driver_of(connection).look_up(sql, given, keys=max(len(values) for _, values in wanted))
    return [
        _read_rows(msgspec.json.decode(value), processes)
        for value, (_, processes) in zip(found, compiled, strict=True)
    ]


class PreparedSelect:
    """A SELECT that is asked again and again, with other parameters; lists of keys by `bot.storage.keyed.AnyOf`."""

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._compiled: dict[str, _CompiledSelect] = {}

    async def fetch(
        self, connection: AsyncConnection, *, rows: int | None = None, **parameters: Any
    ) -> list[tuple[Any, ...]]:
        """The rows, in the order of the statement's columns.

        `rows`: how many it reads at most, where it finds them by an index and a transaction has begun; then a few of
        SQLite's are read without a trip to its thread.
        """
        dialect = connection.dialect
        found = self._of(dialect, parameters)
        values = found.values(dialect, parameters)
        if dialect.name == "sqlite":
            driver = driver_of(connection)
            if rows is None:
                answer = await driver.execute_fetchall(found.sql, values)
            else:
                answer = await driver.look_up(found.sql, values, keys=rows)
            return _read_rows(msgspec.json.decode(answer[0][0]), found.results)
        return _read_rows((await connection.exec_driver_sql(found.sql, values)).all(), found.results)

    def bound(self, dialect: Dialect, parameters: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
        """The SQL to give to the driver, and its parameters as that wants them."""
        found = self._of(dialect, parameters)
        return found.sql, found.values(dialect, parameters)

    def _of(self, dialect: Dialect, given: Collection[str]) -> "_CompiledSelect":
        found = self._compiled.get(dialect.name)
        if found is None:
            found = self._compiled[dialect.name] = self._compile(dialect, given)
        return found

    def _compile(self, dialect: Dialect, given: Collection[str]) -> "_CompiledSelect":
        compiled: Any = self._statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        sql, results = _as_one_value(self._statement, str(compiled), dialect)
        # What is fixed in the statement; SQLite's dialect adds the OFFSET that goes with a LIMIT.
        fixed = {name: value for name, value in compiled.params.items() if name not in given}
        processes = {
            name: compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)
            for name in compiled.positiontup
            if name in compiled.binds
        }
        return _CompiledSelect(
            sql=sql, results=results, names=compiled.positiontup, fixed=fixed, processes=processes
        )


class _CompiledSelect(Struct, frozen=True, kw_only=True):
    """A SELECT in one dialect."""

    sql: str
    #: What turns a row's values into Python's.
    results: list[Process | None]
    #: The parameters in their order, what is fixed of them, and what makes their values ready for the driver.
    names: list[str]
    fixed: dict[str, Any]
    processes: dict[str, Process | None]

    def values(self, dialect: Dialect, given: Mapping[str, Any]) -> tuple[Any, ...]:
        """The parameters as the driver wants them."""
        return tuple(
            [
                _ready(dialect, self.processes.get(name), given[name] if name in given else self.fixed[name])
                for name in self.names
            ]
        )


def _ready(dialect: Dialect, process: Process | None, value: Any) -> Any:
    """A parameter as the driver wants it."""
    if isinstance(value, list):
        return _as_json(value) if dialect.name == "sqlite" else value
    return value if process is None else process(value)


class _AnyOfKeys(ColumnElement[bool]):
    """`column IN (values)` with all values in one parameter, so that the statement is always the same."""

    inherit_cache = False

    def __init__(self, column: Column[str]) -> None:
        self.column = column


@compiles(_AnyOfKeys, "sqlite")
def _in_json(element: _AnyOfKeys, compiler: Any, **options: Any) -> str:
    return f"{compiler.process(element.column, **options)} IN (SELECT value FROM json_each(?))"  # noqa: S608 - a column


@compiles(_AnyOfKeys, "postgresql")
def _in_array(element: _AnyOfKeys, compiler: Any, **options: Any) -> str:
    return f"{compiler.process(element.column, **options)} = ANY ($1::VARCHAR[])"


def _as_one_value(statement: Select[Any], sql: str, dialect: Dialect) -> tuple[str, list[Process | None]]:
    """The SQL to give to the driver, and what turns a row's values into Python's."""
    columns = statement.selected_columns
    processes: list[Process | None] = [
        column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns
    ]
    if dialect.name == "sqlite":
        # All rows in one value: Python's driver lets go of the interpreter lock for each row that it steps to, and
        # has to wait for the busy event loop to get it back (looking up 128 took 1.2 ms, now 0.5).
        names = ", ".join(column.name for column in columns)
        sql = f"SELECT json_group_array(json_array({names})) FROM ({sql})"  # noqa: S608 - columns of ours
    return sql, processes


def _as_json(values: Collection[str]) -> str:
    return msgspec.json.encode(list(values)).decode()


def _read_rows(rows: Sequence[Sequence[Any]], processes: Sequence[Process | None]) -> list[tuple[Any, ...]]:
    active = [(place, process) for place, process in enumerate(processes) if process is not None]
    return [_read_row(row, active) for row in rows]


def _read_row(row: Sequence[Any], active: list[tuple[int, Process]]) -> tuple[Any, ...]:
    values = list(row)
    for place, process in active:
        if values[place] is not None:  # most are; and no type makes anything else of it
            values[place] = process(values[place])
    return tuple(values)
