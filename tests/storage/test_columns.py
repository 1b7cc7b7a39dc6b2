"""What stands in a column of JSON is of the column's shape, or is read as nothing."""

from collections.abc import MutableMapping
from typing import Any

import pytest
from sqlalchemy import JSON
from sqlalchemy.dialects import postgresql, sqlite

from bot.storage.all_tables import metadata
from bot.storage.columns import CheckedJson
from bot.storage.sql import ENGINE_OPTIONS

COLUMNS = {
    f"{table.name}.{column.name}": column
    for table in metadata.sorted_tables
    for column in table.columns
    if isinstance(column.type, CheckedJson | JSON)
}
#: Of no column's shape, as SQLite's driver gives them.
WRITTEN = [
    "{",
    "",
    "vip",
    "5",
    '"vip"',
    "[[1]]",
    '{"values": 5, "rule": 5, "before": 5}',
    "[" * 5_000,
    5,
    b"\xff",
    "[1e999]",
]


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_what_is_of_another_shape_is_read_as_nothing_and_told_once(
    name: str, dialect: str, logs: list[MutableMapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One such row made a 500 of every list that had it, and kept its person's next message as rejected."""
    monkeypatch.setattr(CheckedJson, "told", set())
    kind = COLUMNS[name].type
    assert isinstance(kind, CheckedJson)
    given = (sqlite if dialect == "sqlite" else postgresql).dialect()
    read = kind.result_processor(given, None)
    driver: Any = ENGINE_OPTIONS["json_deserializer"] if dialect == "postgresql" else lambda stored: stored
    nothing = None if kind.empty is None else kind.empty()
    assert [read(driver(written)) for written in WRITTEN] == [nothing] * len(WRITTEN)
    assert read(None) is None
    assert [line["action"] for line in logs] == [
        "tags_unreadable" if name.endswith(".tags") else "json_unreadable"
    ]
    # A copy to a database that wants something there has something to write.
    assert nothing is not None or COLUMNS[name].nullable
