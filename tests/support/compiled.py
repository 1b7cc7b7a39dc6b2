"""Statements compiled once in a process of the tests, not once for each of its thousands of databases.

And what SQLAlchemy asks the first connection of each engine: a version and how it is set. All databases of one kind
answer alike here.
"""

from functools import wraps
from typing import Any

from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.sql.compiler import Compiled

from bot.storage.sql import ENGINE_OPTIONS

#: Statements; the tests have fewer. Beyond it they are compiled again.
_MOST = 5_000


class SharedStatements(dict[Any, Compiled]):
    """What every engine of a process keeps its compiled statements in.

    SQLAlchemy's key of a statement begins with the dialect of its engine. All engines of one kind of database compile
    alike, so their statements are kept under the name of the dialect and of its driver.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_of_any_engine(key), default)

    def __setitem__(self, key: Any, compiled: Compiled) -> None:
        if len(self) >= _MOST:
            self.clear()
        super().__setitem__(_of_any_engine(key), compiled)


def _of_any_engine(key: Any) -> tuple[Any, ...]:
    dialect, *others = key
    return (dialect.name, dialect.driver, *others)


def share_statements() -> None:
    """Let every engine that is made from now on in this process use the same compiled statements."""
    ENGINE_OPTIONS["execution_options"] = {"compiled_cache": SharedStatements()}


def share_first_answers() -> None:
    """Let every engine on PostgreSQL know what the first one of its isolation level was answered."""
    ask: Any = PGDialect_asyncpg.initialize
    known: dict[Any, dict[str, Any]] = {}

    @wraps(ask)
    def initialize(dialect: Any, connection: Any) -> None:
        level = dialect._on_connect_isolation_level
        if level not in known:
            before = dict(vars(dialect))
            ask(dialect, connection)
            known[level] = {
                name: value
                for name, value in vars(dialect).items()
                if name not in before or before[name] is not value
            }
        vars(dialect).update(known[level])

    PGDialect_asyncpg.initialize = initialize  # type: ignore[method-assign]
