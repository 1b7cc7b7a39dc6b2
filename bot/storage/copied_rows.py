"""Many new rows to PostgreSQL by COPY, which takes less of the processor of both sides than any INSERT.

A COPY goes the way of a statement with many rows, through SQLAlchemy and its errors, up to the driver's connection.
"""

from collections.abc import Collection
from typing import Final

#: Rows from which a COPY pays: it is one trip more than an INSERT.
FEWEST: Final = 32


class CopyStatement(str):
    """What stands for a COPY in the log of statements and in errors, with its table and columns."""

    __slots__ = ("columns", "table")

    table: str
    columns: Collection[str]


def copy_statement(table: str, columns: Collection[str]) -> CopyStatement:
    """A COPY of rows with these columns."""
    statement = CopyStatement(f"COPY {table} ({', '.join(columns)}) FROM STDIN")
    statement.table, statement.columns = table, columns
    return statement
