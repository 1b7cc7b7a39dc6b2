"""The rows of a real bot of an older version, and what its API answered (`tests/upgrade/test_old_database.py`)."""

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import DateTime

_FILE = Path(__file__).parents[1] / "upgrade" / "database_8938281.json.gz"
OLD: dict[str, Any] = json.loads(gzip.decompress(_FILE.read_bytes()))
#: The newest migration of that bot.
REVISION = "0002"
#: Rows are written in this order, as they refer to each other.
FIRST = ("conversations", "messages")


def fitted(row: dict[str, Any], table: Any, dialect: str) -> dict[str, Any]:
    """The row, which is as SQLite has it, as this database wants it."""
    values: dict[str, Any] = {}
    for name, value in row.items():
        kind = table.c[name].type
        if value is None:
            values[name] = None
        elif type(kind).__name__ in {"JSON", "JSONB"}:
            values[name] = json.loads(value)
        elif isinstance(kind, DateTime):
            values[name] = datetime.fromisoformat(value)
        elif dialect == "postgresql" and type(kind).__name__ == "BOOLEAN":
            values[name] = bool(value)
        else:
            values[name] = value
    return values
