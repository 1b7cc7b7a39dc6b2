"""Which errors are the database's trouble, to be waited for, and which are the data's own fault."""

import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError, IntegrityError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeout

#: PostgreSQL's classes of errors that the data itself is to blame for: a value, a constraint, a value larger than an
#: index takes. Everything else is trouble: read-only (25), a password (28), a right (42), a full disk (53) ...
_OF_THE_DATA = ("22", "23", "54")
#: Of them, those that pass while the connection stays good: a conflict between transactions, a lock. Not a statement
#: that took too long (57014): the time-out may be the connection's own, of a setting that the server has no more.
_OF_THE_MOMENT = ("40", "55")
#: Two transactions that waited for each other.
_DEADLOCK = "40P01"
#: A lock that was waited for in vain.
_LOCKED = "55P03"
#: PostgreSQL, this role or this database has as many connections as it may have.
_FULL = "53300"
#: What asyncpg says of a connection whose last order was given up half-way: its own words, and nobody's trouble.
_INTERNALS = ("cannot switch to state", "another operation", "cannot perform operation")
#: SQLite's primary codes for the same: busy, locked, and a disk that is full or fails, which says nothing of the file.
_MOMENT_CODES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
}


class DatabaseUnavailable(Exception):
    """The database can't be read or written just now; the message is the cause, without a full stop."""


class DatabaseBusy(DatabaseUnavailable):
    """Every connection was in use for as long as one was waited for; of the database itself that says nothing."""


class DatabaseInUse(Exception):
    """Another bot has this SQLite file open."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"Another `bot serve` is using {path}. Stop it first, or give this one its own BOT_DATABASE_URL;"
            " for several at once use PostgreSQL."
        )


class StorageUnavailable(Exception):
    """The database could not take a write for as long as the request could be held."""

    def __init__(self, cause: str) -> None:
        super().__init__(
            f"The database can't store this now ({cause}); nothing was kept. Send it again later."
        )


class CommitInDoubt(DatabaseUnavailable):
    """The transaction was committed into a file that is not in its place any more, or never came to its end."""


#: What any use of the database may raise when it can't be reached, read or written. SQLite's driver is also spoken to
#: without SQLAlchemy, which would have put an error of its own around the driver's.
DATABASE_ERRORS = (DatabaseUnavailable, DBAPIError, sqlite3.Error, PoolTimeout, OSError, TimeoutError)


def cause_of(error: BaseException) -> str:
    """What the driver said, without SQLAlchemy's words around it, and without the values that a row had."""
    if isinstance(error, PoolTimeout):
        return "every connection to the database is in use"
    driver = getattr(error, "orig", None) or error
    if isinstance(driver, Exception) and is_of_the_data(driver):
        return f"{type(driver).__name__} {_state_of(driver)}".strip()
    if any(word in str(driver) for word in _INTERNALS):
        return "a connection to the database was given up in the midst of an answer; it is made anew"
    if isinstance(driver, TimeoutError) and not driver.args:  # of a bound of the bot's own
        return "the database does not answer"
    lines = str(driver).splitlines()  # PostgreSQL's DETAIL shows the row
    return lines[0].removesuffix(".") if lines else type(driver).__name__


def is_conflict(error: BaseException) -> bool:
    """Whether a constraint found what another transaction had just written, or what is wrong with the data.

    Or whether two transactions waited for each other, and PostgreSQL gave up this one.
    """
    if isinstance(error, DatabaseUnavailable):
        return _state_of(getattr(error.__cause__, "orig", None) or error) == _DEADLOCK
    return isinstance(error, IntegrityError | sqlite3.IntegrityError)


def is_lock_timeout(error: DatabaseUnavailable) -> bool:
    """Whether PostgreSQL gave up the wait for what another transaction holds."""
    return _state_of(getattr(error.__cause__, "orig", None) or error) == _LOCKED


def is_full(error: BaseException) -> bool:
    """Whether PostgreSQL gave no new connection since it has as many as it may have."""
    return _state_of(getattr(error, "orig", None) or error) == _FULL


def is_trouble(error: BaseException) -> bool:
    """Whether the database could not do what would have been right a moment before or after."""
    if isinstance(error, DBAPIError | sqlite3.Error):
        return not is_of_the_data(error)
    return isinstance(
        error, DatabaseUnavailable | PoolTimeout | PendingRollbackError | OSError | TimeoutError
    )


def is_of_the_data(error: BaseException) -> bool:
    """Whether the values are at fault, not the database."""
    driver = getattr(error, "orig", None) or error
    if is_conflict(error) or isinstance(driver, sqlite3.IntegrityError | sqlite3.DataError):
        return True
    if isinstance(driver, sqlite3.ProgrammingError | sqlite3.InterfaceError):
        return "bind" in str(driver)  # of a value that no column can hold
    if isinstance(driver.__cause__, ValueError):  # asyncpg's word for one that it can't even send
        return True
    return _state_of(driver).startswith(_OF_THE_DATA)


def spoils_connections(error: BaseException) -> bool:
    """Whether connections made before this error are better made anew: another server may answer, or another role."""
    driver = getattr(error, "orig", None) or error
    if isinstance(driver, sqlite3.Error):
        return _primary_code(driver) not in _MOMENT_CODES
    if isinstance(driver, DatabaseUnavailable | PoolTimeout) or is_full(driver):
        return False
    return not _state_of(driver).startswith(_OF_THE_MOMENT)


def is_broken_connection(error: BaseException | None) -> bool:
    """Whether a connection that was open ended, as all do when PostgreSQL starts anew or changes its place."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _primary_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _state_of(error: BaseException) -> str:
    return str(getattr(error, "sqlstate", None) or "")


def trouble_of(error: Exception) -> DatabaseUnavailable:
    """What is raised in the place of SQLAlchemy's own error."""
    kind = DatabaseBusy if isinstance(error, PoolTimeout) else DatabaseUnavailable
    return kind(cause_of(error))


def is_locked(error: BaseException) -> bool:
    """Whether somebody else writes to the SQLite file just now."""
    driver = getattr(error.__cause__, "orig", None) or error.__cause__
    code: int = getattr(driver, "sqlite_errorcode", 0)
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
