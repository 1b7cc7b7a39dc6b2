"""What statements for SQLite and PostgreSQL have in common and SQLAlchemy does not."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Dialect, Table, UnaryExpression, case, literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.operators import custom_op

from bot.storage.columns import read_json
from bot.storage.tables import messages

#: What every engine is made with.
ENGINE_OPTIONS: Final[dict[str, Any]] = {
    "hide_parameters": True,  # texts and numbers of people, which would stand in errors
    "json_serializer": lambda value: msgspec.json.encode(value).decode(),
    "json_deserializer": read_json,
}


def insert_for(at: AsyncConnection | Dialect, table: Table) -> Any:
    """An INSERT that has `on_conflict_do_nothing` and `on_conflict_do_update`, which both dialects spell alike."""
    dialect = at if isinstance(at, Dialect) else at.dialect
    return sqlite.insert(table) if dialect.name == "sqlite" else postgresql.insert(table)


def status_is(status: str, column: ColumnElement[Any] = messages.c.status) -> ColumnElement[bool]:
    """The status, or another column, is this word.

    The word is written into the statement: a partial index is used only when its condition is seen at compile time,
    and a parameter hides it (SQLite always, PostgreSQL in a generic plan).
    """
    return column == constant(status)


def direction_is(direction: str, column: ColumnElement[Any] = messages.c.direction) -> ColumnElement[bool]:
    """The same for the direction of a message."""
    return column == constant(direction)


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column, by which SQLite sorts what it finds by an index of the statement's other conditions.

    It would rather look through a whole table in the column's order. PostgreSQL knows how many rows each way has.
    """
    return _Unindexed(column, operator=custom_op("+"), type_=column.type)


class _Unindexed(UnaryExpression[Any]):
    inherit_cache = True


@compiles(_Unindexed, "sqlite")
def _with_plus(element: _Unindexed, compiler: Any, **options: Any) -> str:
    return f"+{compiler.process(element.element, **options)}"


@compiles(_Unindexed)
def _as_it_is(element: _Unindexed, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.element, **options))


def constant(word: str) -> ColumnElement[str]:
    """A word written into a statement."""
    return literal_column(f"'{_word(word)}'")


def _word(word: str) -> str:
    if not word.isidentifier():
        raise ValueError(f"{word!r} is no word that may be written into a statement")
    return word


def text_in(column: ColumnElement[Any], key: str) -> ColumnElement[str | None]:
    """What a JSON column has under a key, as a text that SQLite does not take for JSON any more.

    None where the column's text is no JSON, of which SQLite would make an error of the whole statement.
    """
    text: ColumnElement[str | None] = column[key].as_string().concat("")
    return case((_IsJson(column), text))


def number_in(column: ColumnElement[Any], *keys: str) -> ColumnElement[float | None]:
    """The number that a JSON column has under keys within keys; None where it has none there."""
    return case((_IsNumberIn(column, keys), column[keys].as_float()))


class _IsJson(ColumnElement[bool]):
    """A JSON column has JSON, of which PostgreSQL makes sure."""

    inherit_cache = False

    def __init__(self, column: ColumnElement[Any]) -> None:
        self.column = column


class _IsNumberIn(_IsJson):
    """The same, with a number under these keys."""

    inherit_cache = False

    def __init__(self, column: ColumnElement[Any], keys: Sequence[str]) -> None:
        super().__init__(column)
        self.keys = keys


@compiles(_IsJson, "sqlite")
def _is_valid(element: _IsJson, compiler: Any, **options: Any) -> str:
    return f"json_valid({compiler.process(element.column, **options)})"


@compiles(_IsJson, "postgresql")
def _is_given(element: _IsJson, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.column, **options)} IS NOT NULL)"


@compiles(_IsNumberIn, "sqlite")
def _is_number_there(element: _IsNumberIn, compiler: Any, **options: Any) -> str:
    column, path = compiler.process(element.column, **options), ".".join(("$", *map(_word, element.keys)))
    kind = f"json_type({column}, '{path}')"
    return f"(json_valid({column}) AND {kind} IN ('integer', 'real'))"


@compiles(_IsNumberIn, "postgresql")
def _is_number_within(element: _IsNumberIn, compiler: Any, **options: Any) -> str:
    column, path = compiler.process(element.column, **options), ",".join(map(_word, element.keys))
    return f"(json_typeof({column} #> '{{{path}}}') = 'number')"
