"""Core statements for many rows at once, compiled once per dialect and given straight to the driver.

SQLAlchemy's own `execute(statement, rows)` builds a dict of parameters for each row and calls every type's processor
on every value; and each call of aiosqlite is a trip to its thread and back, of which SQLAlchemy's adapter makes four
for a statement where one will do. Together that was two thirds of the time an event took (`benchmarks/intake.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any, Generic, TypeVar

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Dialect,
    Table,
    bindparam,
    select,
    update,
)
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncConnection

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
    driver_of(connection).postpone(compiled.sql, bound)


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
        await driver_of(connection).flush()


def driver_of(connection: AsyncConnection) -> Any:
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
