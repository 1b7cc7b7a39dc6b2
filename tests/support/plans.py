"""Which statements are made, and how a database would find their rows."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

from bot.storage.database import Database

Made = tuple[str, Any]


@contextmanager
def statements() -> Iterator[list[Made]]:
    """Every statement that SQLAlchemy hands to a driver meanwhile, with its parameters."""
    seen: list[Made] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def plan_of(database: Database, statement: str, parameters: Any) -> list[str]:
    """The steps in which the database would execute a statement."""
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    async with database.writing() as connection:
        if not database.is_sqlite:
            # PostgreSQL scans small tables whatever indexes they have, unless it is kept from it.
            await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        rows = await connection.exec_driver_sql(f"{explain} {statement}", parameters)
        return [str(row[-1]) for row in rows]


async def scanned(database: Database, statement: str, parameters: Any) -> set[str]:
    """The tables that the database would read from beginning to end for a statement."""
    plan = await plan_of(database, statement, parameters)
    return set(re.findall(r"(?:SCAN|Seq Scan on) (\w+)", "\n".join(plan)))
