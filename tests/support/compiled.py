"""Statements compiled once in a process of the tests, not once for each of its thousands of databases."""

from typing import Any

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
