"""What statements for SQLite and PostgreSQL have in common and SQLAlchemy does not."""

from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Dialect, Table, literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.tables import messages

#: What every engine is made with.
ENGINE_OPTIONS: Final[dict[str, Any]] = {
    "hide_parameters": True,  # texts and numbers of people, which would stand in errors
    "json_serializer": lambda value: msgspec.json.encode(value).decode(),
    "json_deserializer": msgspec.json.decode,
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


def constant(word: str) -> ColumnElement[str]:
    """A word written into a statement."""
    if not word.isidentifier():
        raise ValueError(f"{word!r} is no word that may be written into a statement")
    return literal_column(f"'{word}'")


def as_text(value: Any) -> ColumnElement[str | None]:
    """What a JSON column has under a key, as a text that SQLite does not take for JSON any more."""
    text: ColumnElement[str | None] = value.as_string().concat("")
    return text
