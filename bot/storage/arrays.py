"""Statements for many rows in which each column is one parameter: an array of PostgreSQL.

A statement given to the driver with many rows is bound and executed by PostgreSQL once for each row, with a plan made
ready and put away each time; `unnest` gives it all rows in one execution, at about half of the processor's time a row.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    ColumnElement,
    DateTime,
    Integer,
    String,
    Table,
    Text,
    cast,
    column,
    func,
    literal_column,
)
from sqlalchemy.types import BigInteger, TypeEngine

from bot.storage.columns import CheckedJson, UtcTime

#: What stands before a column's name: a statement's own columns keep theirs.
_GIVEN = "given_"


class GivenRows:
    """The rows of `unnest($1, $2, …)`, as a statement names them: a column for each column of a table."""

    def __init__(self, table: Table, names: Sequence[str]) -> None:
        kinds: dict[str, TypeEngine[Any]] = {name: table.c[name].type for name in names}
        # They are sent as any other JSON.
        kinds = {
            name: kind.impl_instance if isinstance(kind, CheckedJson) else kind
            for name, kind in kinds.items()
        }
        arrays = [
            literal_column(f"${place}", ARRAY(_sent_as(kind))) for place, kind in enumerate(kinds.values(), 1)
        ]
        self._rows: Any = (
            func.unnest(*(cast(each, each.type) for each in arrays))
            .table_valued(*(column(_GIVEN + name, _sent_as(kind)) for name, kind in kinds.items()))
            .render_derived(name="given")
        )
        self._kinds = kinds

    def __getitem__(self, name: str) -> ColumnElement[Any]:
        """What the rows have for a column."""
        given: ColumnElement[Any] = self._rows.c[_GIVEN + name]
        kind = self._kinds[name]
        return cast(given, kind) if isinstance(kind, JSON) else given


def columns_of(columns: Iterable[Sequence[Any]]) -> tuple[Sequence[Any], ...]:
    """The arrays to send: one without any value is sent empty, which `unnest` fills up with NULLs."""
    return tuple([() if not any_given(values) else values for values in columns])


def any_given(values: Sequence[Any]) -> bool:
    """Whether any is not None."""
    return values.count(None) < len(values)


def in_turns(rows: Sequence[Any], keys: int) -> list[Sequence[Any]]:
    """The rows, parted so that none has the same first `keys` fields as another one of its part.

    Nobody can say which of two such rows a statement takes. In parts, the last one is written last.
    """
    if len({row[:keys] for row in rows}) == len(rows):
        return [rows]
    parts: list[list[Any]] = []
    times: dict[Hashable, int] = {}
    for row in rows:
        turn = times[row[:keys]] = times.get(row[:keys], -1) + 1
        if turn == len(parts):
            parts.append([])
        parts[turn].append(row)
    return list(parts)


def _sent_as(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type of an array's elements. No text has a length: a cast would cut what is too long, in silence."""
    if isinstance(kind, UtcTime):
        return DateTime(timezone=True)
    if isinstance(kind, String | JSON):
        return Text()
    for known in (Boolean, BigInteger, Integer):
        if isinstance(kind, known):
            return known()
    raise TypeError(f"There is no array of {kind!r} yet")
