"""Searches all that a database holds, without the bot's own code: for what must not be there any more."""

import sqlite3
from pathlib import Path

from sqlalchemy.engine import make_url

from tests.support.postgresql import shared_server


def tables_with(url: str, needle: str) -> set[str]:
    """The tables that have this text in any of their rows."""
    if url.startswith("sqlite"):
        return _sqlite_tables_with(Path(str(make_url(url).database)), needle)
    name = str(make_url(url).database)
    names = shared_server().ask(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
        database=name,
    )
    assert not set(needle) & set('"\\'), "they are doubled in the text of a row"
    rows = " UNION ALL ".join(f"SELECT '{table}', one::text FROM \"{table}\" AS one" for (table,) in names)
    return {table for table, row in shared_server().ask(rows, database=name) if needle in row}


def _sqlite_tables_with(path: Path, needle: str) -> set[str]:
    connection = sqlite3.connect(path)
    try:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            table
            for table in names
            if any(
                needle in str(value)
                for row in connection.execute(f'SELECT * FROM "{table}"')
                for value in row
            )
        }
    finally:
        connection.close()


def bytes_with(url: str, needle: str) -> int:
    """How often a text stands in the bytes of an SQLite file and of what lies beside it; 0 on PostgreSQL."""
    if not url.startswith("sqlite"):
        return 0
    path = Path(str(make_url(url).database))
    files = (path, Path(f"{path}-wal"), Path(f"{path}-journal"))
    return sum(file.read_bytes().count(needle.encode()) for file in files if file.exists())
