"""A process of the version before goes on while others are upgraded: what it writes and reads fits the newest schema.

So a migration adds and takes nothing away that an older version names; `docs/upgrading.md` says when what may go.
"""

import json
from typing import Any

import pytest
import pytest_asyncio
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, insert, select, update

from bot.installed import newest_schema
from bot.storage.database import Database
from bot.storage.schema import alembic_config
from tests.support.databases import KINDS, Databases, Kind
from tests.support.old_rows import FIRST, OLD, REVISION, fitted

OLDER = sorted(each.revision for each in ScriptDirectory.from_config(alembic_config()).walk_revisions())[:-1]


def apply_up_to(connection: Connection, revision: str) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def tables_at(connection: Connection, revision: str) -> MetaData:
    """Apply the migrations up to this one, and learn the tables as that version knew them."""
    apply_up_to(connection, revision)
    known = MetaData()
    known.reflect(connection)
    return known


@pytest.mark.parametrize("kind", KINDS)
async def test_what_an_old_process_writes_is_taken_by_the_newest_schema(
    kind: Kind, databases: Databases
) -> None:
    """The rows of a real bot of then, in the columns that it named, inserted, changed and read after the upgrade."""
    database = Database(databases.empty(kind))
    async with database.writing() as connection:
        old = await connection.run_sync(tables_at, REVISION)
    await database.upgrade()
    async with database.writing() as connection:
        await connection.run_sync(write_as_then, old)
    async with database.writing() as connection:
        changed = await connection.run_sync(change_as_then, old)
    await database.close()
    assert changed == len(OLD["rows"]["messages"])


def write_as_then(connection: Connection, old: MetaData) -> None:
    for name in sorted(OLD["rows"], key=lambda name: name not in FIRST):
        table, rows = old.tables[name], OLD["rows"][name]
        if not rows:
            continue
        statement = insert(table)
        connection.execute(statement, [fitted(row, table, connection.dialect.name) for row in rows])
        stored = connection.execute(select(table)).mappings().all()
        assert len(stored) == len(rows), name
        plain = [json.dumps(dict(row), default=str, sort_keys=True) for row in stored]
        assert len(set(plain)) == len(rows), name


def change_as_then(connection: Connection, old: MetaData) -> int:
    """What a process does with a message that it has sent, in its own words."""
    messages = old.tables["messages"]
    done: Any = connection.execute(
        update(messages).values(status="unconfirmed", attempts=messages.c.attempts + 1)
    )
    return int(done.rowcount)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def schemas(databases: Databases) -> dict[str, dict[str, Table]]:
    """The tables as each version knew them, learnt from one database that is upgraded step by step."""
    database = Database(databases.empty("sqlite"))
    known: dict[str, dict[str, Table]] = {}
    learnt: dict[tuple[str, str], Table] = {}
    for revision in (*OLDER, newest_schema()):
        async with database.writing() as connection:
            known[revision] = await connection.run_sync(tables_by_name, revision, learnt)
    await database.close()
    return known


def tables_by_name(
    connection: Connection, revision: str, learnt: dict[tuple[str, str], Table]
) -> dict[str, Table]:
    """Apply the migrations up to this one; a table is learnt anew where the statement that makes it has changed."""
    apply_up_to(connection, revision)
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'").all()
    made = {(str(row.name), str(row.sql)) for row in rows}
    if new := made - learnt.keys():
        known = MetaData()
        known.reflect(connection, only=[name for name, _ in new], resolve_fks=False)
        learnt.update({each: known.tables[each[0]] for each in new})
    return {each[0]: learnt[each] for each in made}


@pytest.mark.parametrize("revision", OLDER)
def test_a_migration_only_adds_and_what_it_adds_may_be_left_out(
    revision: str, schemas: dict[str, dict[str, Table]]
) -> None:
    """Every column that an older version names is there as it was; every other one has a value without it."""
    old, new = schemas[revision], schemas[newest_schema()]
    for name, table in old.items():
        now = new[name]
        for column in table.c:
            kept = now.c[column.name]
            assert str(kept.type) == str(column.type), f"{name}.{column.name}"
            assert kept.nullable or not column.nullable, f"{name}.{column.name} takes no NULL any more"
        for column in now.c:
            may_be_left_out = column.nullable or column.server_default is not None
            assert column.name in table.c or may_be_left_out, f"{name}.{column.name}"


def test_the_newest_schema_is_known_without_alembic() -> None:
    assert newest_schema() == ScriptDirectory.from_config(alembic_config()).get_current_head()
