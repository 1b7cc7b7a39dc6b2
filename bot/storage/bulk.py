"""Core statements for many rows at once, compiled once per dialect and given straight to the driver.

SQLAlchemy's own `execute(statement, rows)` builds a dict of parameters for each row and calls every type's processor
on every value; and each call of aiosqlite is a trip to its thread and back, of which SQLAlchemy's adapter makes four
for a statement where one will do. Together that was two thirds of the time an event took (`benchmarks/intake.py`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import repeat
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import (
    Column,
    ColumnElement,
    Dialect,
    Select,
    Table,
    bindparam,
    select,
    update,
)
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles

from bot.storage.arrays import GivenRows, columns_of, in_turns
from bot.storage.copied_rows import FEWEST, CopyStatement, copy_statement
from bot.storage.sql import constant, insert_for

Process = Callable[[Any], Any]
_NOTHING = object()
#: As many statements an INSERT may become by the columns that are left out of it.
_MOST_WAYS = 32

#: A NamedTuple with a field for each column: what the driver takes as it is, and mypy knows by name.
AnyRow = TypeVar("AnyRow", bound=tuple[Any, ...])


class _Compiled(Struct, frozen=True, kw_only=True):
    """A statement in one dialect."""

    sql: str
    #: For each parameter, which field of a row it takes.
    order: tuple[int, ...]
    #: For each parameter, what makes the field's value ready for the driver.
    processes: list[Process | None]
    #: On PostgreSQL all rows are one execution; no two of them may begin with the same so many fields, None: they may.
    differ_in: int | None = None
    #: The same for many new rows on PostgreSQL, and the values of the columns that it has beside those of a row.
    copy: CopyStatement | None = None
    constants: tuple[str, ...] = ()


class _BulkStatement(Generic[AnyRow]):
    """A statement for many rows; a row is a NamedTuple, whose fields are the columns."""

    def __init__(self, table: Table, row: type[AnyRow]) -> None:
        self._table = table
        self._columns: tuple[str, ...] = row._fields  # type: ignore[attr-defined]  # of every NamedTuple
        self._compiled: dict[str, _Compiled] = {}
        if missing := set(self._columns) - set(table.c.keys()):
            raise TypeError(
                f"{row.__name__} has fields that {table.name} has no columns for: {sorted(missing)}"
            )

    async def execute(self, connection: AsyncConnection, rows: Sequence[AnyRow]) -> None:
        """Write the rows; none is fine. On SQLite it is done with the next statement, or with the COMMIT."""
        if not rows:
            return
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = self._compile(dialect)
        await _execute(connection, compiled, rows)

    def _compile(self, dialect: Dialect) -> _Compiled:
        raise NotImplementedError


class BulkInsert(_BulkStatement[AnyRow]):
    """An INSERT of many rows."""

    def __init__(
        self,
        table: Table,
        row: type[AnyRow],
        *,
        constants: Mapping[str, str] | None = None,
        replacing: tuple[str, ...] = (),
    ) -> None:
        """`constants` are the same in every row; where a row's `id` is there already, `replacing` are set instead."""
        super().__init__(table, row)
        self._constants = dict(constants or {})
        self._replacing = replacing
        #: Places of the fields without which a row means the same when they are None.
        self._omissible = [
            place
            for place, name in enumerate(self._columns)
            if table.c[name].nullable and table.c[name].server_default is None
        ]
        self._ways: dict[tuple[int, ...], _Compiled] = {}

    async def execute(self, connection: AsyncConnection, rows: Sequence[AnyRow]) -> None:
        """As of every statement; on SQLite without the columns that are None in all rows.

        Python's driver looks for an adapter of each None that it binds: without them a new conversation, which has six,
        takes 5.5 of 7.5 µs, and a reply 4.6 of 5.5.
        """
        if not rows or connection.dialect.name != "sqlite":
            await super().execute(connection, rows)
            return
        given = list(zip(*rows, strict=True))
        omitted = tuple(
            [
                place
                for place in self._omissible
                if given[place][0] is None and given[place].count(None) == len(rows)
            ]
        )
        if omitted not in self._ways and len(self._ways) >= _MOST_WAYS - 1:
            omitted = ()  # which leaves none out
        compiled = self._ways.get(omitted)
        if compiled is None:
            compiled = self._ways[omitted] = self._compile(connection.dialect, omitted)
        _postpone(connection, compiled, given)

    def _compile(self, dialect: Dialect, omitted: Sequence[int] = ()) -> _Compiled:
        column = self._table.c
        statement: Any = insert_for(dialect, self._table)
        constants = {name: constant(value) for name, value in self._constants.items()}
        if dialect.name == "postgresql":
            given = GivenRows(self._table, self._columns)
            selected = select(*(given[name] for name in self._columns), *constants.values())
            statement = statement.from_select([*self._columns, *constants], selected)
        else:
            kept = [name for place, name in enumerate(self._columns) if place not in omitted]
            values = {name: bindparam(name, type_=column[name].type) for name in kept}
            statement = statement.values(values | constants).inline()
        if self._replacing:
            statement = statement.on_conflict_do_update(
                index_elements=["id"], set_={name: statement.excluded[name] for name in self._replacing}
            )
        compiled: Any = statement.compile(dialect=dialect)
        names = compiled.positiontup or self._columns
        return _Compiled(
            sql=str(compiled),
            order=tuple(self._columns.index(name) for name in names),
            processes=[column[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names],
            differ_in=self._columns.index("id") + 1 if self._replacing else None,
            copy=None
            if self._replacing
            else copy_statement(self._table.name, [*self._columns, *self._constants]),
            constants=tuple(self._constants.values()),
        )


class BulkUpdate(_BulkStatement[AnyRow]):
    """An UPDATE of many rows, each found by its `keys`, which are the first fields of a row."""

    def __init__(
        self,
        table: Table,
        row: type[AnyRow],
        *,
        keys: tuple[str, ...] = ("id",),
        constants: Mapping[str, ColumnElement[Any]] | None = None,
    ) -> None:
        """`constants` are set by the same expression in every row."""
        super().__init__(table, row)
        if self._columns[: len(keys)] != keys:
            raise TypeError(f"{row.__name__} must begin with its keys: {', '.join(keys)}")
        self._keys = keys
        self._constants = dict(constants or {})

    def _compile(self, dialect: Dialect) -> _Compiled:
        # No parameter may have a column's own name: an UPDATE keeps those for itself.
        given = [f"given_{name}" for name in self._columns]
        types = [self._table.c[name].type for name in self._columns]
        named: Any = (
            GivenRows(self._table, self._columns)
            if dialect.name == "postgresql"
            else dict(zip(self._columns, map(bindparam, given, [None] * len(given), types), strict=True))
        )
        values = {name: named[name] for name in self._columns if name not in self._keys}
        statement = (
            update(self._table)
            .where(*(self._table.c[name] == named[name] for name in self._keys))
            .values(values | self._constants)
        )
        compiled: Any = statement.compile(dialect=dialect)
        order = tuple(given.index(name) for name in compiled.positiontup or given)
        return _Compiled(
            sql=str(compiled),
            order=order,
            processes=[types[place].dialect_impl(dialect).bind_processor(dialect) for place in order],
            differ_in=len(self._keys),
        )


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
            rows = await _driver(connection).look_up(sql, (_as_json(values),), keys=len(values))
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
    (found,) = await _driver(connection).look_up(sql, given, keys=max(len(values) for _, values in wanted))
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

        `rows`: about how many it reads, where it finds them by an index and a transaction has begun; then a few of
        SQLite's are read without a trip to its thread.
        """
        dialect = connection.dialect
        found = self._compiled.get(dialect.name)
        if found is None:
            found = self._compiled[dialect.name] = self._compile(dialect, parameters)
        values = tuple([_ready(dialect, process, given) for process, given in found.of(parameters)])
        if dialect.name == "sqlite":
            driver = _driver(connection)
            if rows is None:
                answer = await driver.execute_fetchall(found.sql, values)
            else:
                answer = await driver.look_up(found.sql, values, keys=rows)
            return _read_rows(msgspec.json.decode(answer[0][0]), found.results)
        return _read_rows((await connection.exec_driver_sql(found.sql, values)).all(), found.results)

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

    def of(self, given: Mapping[str, Any]) -> list[tuple[Process | None, Any]]:
        """The parameters' values, each with what makes it ready."""
        return [
            (self.processes.get(name), given[name] if name in given else self.fixed[name])
            for name in self.names
        ]


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


async def _execute(connection: AsyncConnection, compiled: _Compiled, rows: Sequence[tuple[Any, ...]]) -> None:
    if connection.dialect.name == "sqlite":
        _postpone(connection, compiled, list(zip(*rows, strict=True)))
        return
    if compiled.copy is not None and len(rows) >= FEWEST:
        columns = [*_columns(compiled, rows), *(repeat(word, len(rows)) for word in compiled.constants)]
        await connection.exec_driver_sql(compiled.copy, list(zip(*columns, strict=True)))
        return
    for part in [rows] if compiled.differ_in is None else in_turns(rows, compiled.differ_in):
        await connection.exec_driver_sql(compiled.sql, columns_of(_columns(compiled, part)))


def _postpone(connection: AsyncConnection, compiled: _Compiled, given: list[tuple[Any, ...]]) -> None:
    """Have SQLite execute a statement with what comes next; `given` are all rows' values, field by field."""
    bound = list(zip(*_parameters(compiled, given), strict=True))
    _driver(connection).postpone(compiled.sql, bound)


def _columns(compiled: _Compiled, rows: Sequence[tuple[Any, ...]]) -> list[Sequence[Any]]:
    """For each parameter, the values of all rows as the driver wants them."""
    return _parameters(compiled, list(zip(*rows, strict=True)))


def _parameters(compiled: _Compiled, given: list[tuple[Any, ...]]) -> list[Sequence[Any]]:
    return [
        _bound(process, given[place])
        for place, process in zip(compiled.order, compiled.processes, strict=True)
    ]


async def flush(connection: AsyncConnection) -> None:
    """Have everything executed that was told to be, so that its errors are raised here."""
    if connection.dialect.name == "sqlite":
        await _driver(connection).flush()


def _driver(connection: AsyncConnection) -> Any:
    """The driver's own connection: on SQLite an `aiosqlite.Connection`.

    It is there, so nothing is awaited: SQLAlchemy's `get_raw_connection` begins a greenlet, 10 µs.
    """
    sync = connection.sync_connection
    if sync is None:
        raise InvalidRequestError("the connection is closed")
    return sync.connection.driver_connection


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
