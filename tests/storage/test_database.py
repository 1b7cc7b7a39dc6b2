"""The schema is one on both databases, and nobody works on a database that is not theirs."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, inspect, make_url, select, text
from sqlalchemy.exc import DBAPIError, StatementError

from bot.storage import postgresql_engine, postgresql_hosts
from bot.storage.all_tables import metadata
from bot.storage.database import Database, DatabaseInUse, DatabaseUnavailable
from bot.storage.database_errors import cause_of, is_trouble
from bot.storage.schema import NewerSchema, OldSchema, WrongEncoding
from bot.storage.sqlite_engine import LOG_AT_REST
from bot.storage.tables import rejected_events
from tests.support.breaking_connections import breaking_after_begin
from tests.support.databases import KINDS, Databases, Kind
from tests.support.postgresql import shared_server


async def keep(database: Database, moment: datetime) -> datetime:
    row = {"id": "1", "digest": "d", "arrived_at": moment, "reason": "", "raw": ""}
    async with database.writing() as connection:
        await connection.execute(insert(rejected_events), [row])
    async with database.reading() as connection:
        stored: datetime = (await connection.execute(select(rejected_events.c.arrived_at))).scalar_one()
    return stored


async def test_migrations_and_tables_say_the_same(database: Database) -> None:
    def differences(connection: Any) -> Any:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)

    async with database.reading() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrations_and_tables_leave_the_same_room_on_pages(databases: Databases) -> None:
    """Alembic does not compare it."""
    wanted = {
        table.name: [f"{name}={value}" for name, value in given.items()]
        for table in metadata.tables.values()
        if (given := table.dialect_options["postgresql"]["with"])
    }
    with databases.lent("postgresql") as address:
        database = Database(address)
        async with database.reading() as connection:
            found = await connection.execute(
                text(
                    "SELECT relname, reloptions FROM pg_class WHERE relkind = 'r' AND reloptions IS NOT NULL"
                )
            )
            assert {name: options for name, options in found if name in metadata.tables} == wanted
        await database.close()
    assert wanted


async def test_an_upgrade_waits_for_another_one_however_long_that_takes(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_engine, "LOCK_SECONDS", 0.1)
    url = databases.empty("postgresql")
    one, other = Database(url), Database(url)
    try:
        async with one.reading() as another:
            await another.execute(text("SELECT pg_advisory_xact_lock(727766)"))
            upgrade = asyncio.create_task(other.upgrade())
            await asyncio.wait([upgrade], timeout=0.5)
        await upgrade
        await one.check_schema()
    finally:
        await one.close()
        await other.close()


def in_encoding(encoding: str) -> Database:
    name = f"bot_{uuid4().hex[:12]}"
    shared_server().tell(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    return Database(shared_server().url(name))


async def test_a_postgresql_that_can_not_hold_every_text_is_refused() -> None:
    """In LATIN1 an emoji was refused, and with it the message."""
    database = in_encoding("LATIN1")
    for refused in (database.upgrade, database.check_schema):
        with pytest.raises(WrongEncoding, match=r"encoding is LATIN1, .* ENCODING 'UTF8'"):
            await refused()
    await database.close()


async def test_a_postgresql_that_was_made_without_a_locale_keeps_every_text() -> None:
    database = in_encoding("SQL_ASCII")
    await database.upgrade()
    await database.check_schema()
    said = "caf\u00e9 \U0001f600 " + "\u65e5" * 200
    row = {"id": "1", "digest": "d", "arrived_at": datetime.now(UTC), "reason": said, "raw": said}
    async with database.writing() as connection:
        await connection.execute(insert(rejected_events), [row])
    async with database.reading() as connection:
        found = (await connection.execute(select(rejected_events.c.raw, rejected_events.c.reason))).one()
    assert tuple(found) == (said, said)
    await database.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_an_empty_database_is_upgraded_and_a_second_upgrade_does_nothing(
    kind: Kind, databases: Databases
) -> None:
    database = Database(databases.empty(kind))
    with pytest.raises(OldSchema, match=r"revision nothing and .* needs 0.* Run `bot db upgrade`"):
        await database.check_schema()
    await database.upgrade()
    await database.check_schema()
    await database.upgrade()
    async with database.reading() as connection:
        names = await connection.run_sync(lambda plain: inspect(plain).get_table_names())
    assert set(metadata.tables) < set(names)
    await database.close()


async def test_a_schema_from_the_future_is_refused_too(database: Database) -> None:
    async with database.writing() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for use in (database.check_schema, database.upgrade):
        with pytest.raises(NewerSchema, match=r"at revision 9999, of a newer version.* restore a backup"):
            await use()


async def test_a_second_process_may_not_have_the_file(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/deep/bot.db"
    first, second = Database(url), Database(url)
    first.claim()
    with pytest.raises(DatabaseInUse, match=r"bot\.db.*BOT_DATABASE_URL") as refusal:
        second.claim()
    assert str(tmp_path / "deep" / "bot.db") in str(refusal.value)
    await first.close()
    second.claim()
    await second.close()


async def test_a_second_process_may_not_have_the_file_by_another_name_either(tmp_path: Path) -> None:
    link = tmp_path / "data" / "bot.db"
    link.parent.mkdir()
    link.symlink_to("../disk/real.db")
    names = [link, tmp_path / "disk" / "real.db"]
    for one, other in (names, reversed(names)):
        first, second = (Database(f"sqlite+aiosqlite:///{name}") for name in (one, other))
        first.claim()
        with pytest.raises(DatabaseInUse) as refusal:
            second.claim()
        assert str(other) in str(refusal.value)
        await first.close()
        await second.close()
    assert [each.name for each in link.parent.iterdir()] == ["bot.db"]


async def test_postgresql_is_for_many(databases: Databases) -> None:
    url = databases.migrated("postgresql")
    first, second = Database(url), Database(url)
    first.claim()
    second.claim()
    await first.close()
    await second.close()


async def test_a_naive_time_is_refused(database: Database) -> None:
    with pytest.raises((StatementError, ValueError), match="no time zone"):
        await keep(database, datetime(2026, 11, 23))  # noqa: DTZ001 - the mistake itself


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 23, 12, 30, 15, 123456, tzinfo=UTC),
        datetime(2026, 11, 23, 12, 30, 15, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        datetime(1, 1, 2, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ],
)
async def test_a_moment_comes_back_as_it_went_in_and_in_utc(database: Database, moment: datetime) -> None:
    stored = await keep(database, moment)
    assert stored == moment
    assert stored.utcoffset() == timedelta(0)


async def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    class Trouble(Exception):
        pass

    row = {"id": "1", "digest": "d", "arrived_at": datetime.now(UTC), "reason": "", "raw": ""}

    async def store_and_fail() -> None:
        async with database.writing() as connection:
            await connection.execute(insert(rejected_events), [row])
            raise Trouble

    for _ in range(2):
        with pytest.raises(Trouble):
            await store_and_fail()
    async with database.reading() as connection:
        assert (await connection.execute(select(rejected_events))).all() == []


async def test_readers_do_not_wait_for_the_writer(database: Database) -> None:
    async with database.writing() as writing:
        row = {"id": "1", "digest": "d", "arrived_at": datetime.now(UTC), "reason": "", "raw": ""}
        await writing.execute(insert(rejected_events), [row])
        async with database.reading() as reading:
            assert (await reading.execute(select(rejected_events))).all() == []
        assert await database.trouble() is None


async def test_who_reads_sees_one_state_whatever_is_written_meanwhile(database: Database) -> None:
    count = text("SELECT count(*) FROM rejected_events")
    row = {"id": "1", "digest": "d", "arrived_at": datetime.now(UTC), "reason": "", "raw": ""}
    async with database.reading() as reading:
        assert (await reading.execute(count)).scalar_one() == 0
        async with database.writing() as connection:
            await connection.execute(insert(rejected_events), [row])
        assert (await reading.execute(count)).scalar_one() == 0
    async with database.reading() as reading:
        assert (await reading.execute(count)).scalar_one() == 1


async def test_trouble_says_what_is_wrong() -> None:
    database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    assert "refused: 127.0.0.1:1" in (await database.trouble() or "")
    await database.close()


async def test_an_address_that_the_driver_cannot_read_is_trouble_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPORT", "hunter2")
    database = Database("postgresql+asyncpg://127.0.0.1/bot")
    trouble = await database.trouble()
    await database.close()
    assert trouble is not None
    assert trouble.startswith("the driver can't read its address (ValueError); correct it")
    assert "hunter2" not in trouble


@pytest.mark.parametrize("wanted", ["", "&target_session_attrs=read-write"])
async def test_a_first_host_that_says_nothing_does_not_keep_the_bot_from_the_second(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    monkeypatch.setattr(postgresql_hosts, "CONNECT_SECONDS", 0.5)
    tried = 0
    left = asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tried
        tried += 1
        await left.wait()
        writer.close()

    with databases.lent("postgresql") as url:
        made = make_url(url)
        async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
            port = silent.sockets[0].getsockname()[1]
            hosts = f"host=127.0.0.1:{port}&host={made.query['host']}:5432"
            database = Database(f"postgresql+asyncpg://postgres:@/{made.database}?{hosts}{wanted}")
            async with database.reading(), database.reading():
                assert tried == (1 if wanted else 2), (
                    "the next connection begins where there is only one to be found"
                )
            await database.close()
            left.set()


async def test_a_connection_that_breaks_is_no_trouble_of_the_database(databases: Databases) -> None:
    """It answers BEGIN, and breaks before it is asked anything else."""
    async with breaking_after_begin(databases.migrated("postgresql")) as (address, breaks):
        database = Database(address)
        assert await database.trouble() is None
        breaks.set()
        assert await database.trouble() is None
        assert not breaks.is_set(), "one did break"
        await database.close()


async def test_commits_of_sqlite_are_on_the_disk(tmp_path: Path) -> None:
    """WAL with synchronous=FULL: 200 means durable."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/bot.db")
    async with database.writing() as connection:
        assert (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar_one() == "wal"
        assert (await connection.exec_driver_sql("PRAGMA synchronous")).scalar_one() == 2
    await database.close()


async def test_a_log_that_grew_while_somebody_read_is_cut_once_they_have_left(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/bot.db")
    await database.upgrade()
    reader = sqlite3.connect(tmp_path / "bot.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM messages").fetchall()
    wal = tmp_path / "bot.db-wal"
    for at in range(12):
        row = {
            "id": f"{at}",
            "digest": f"{at}",
            "arrived_at": datetime.now(UTC),
            "reason": "",
            "raw": "x" * 500_000,
        }
        async with database.writing() as connection:
            await connection.execute(insert(rejected_events), [row])
    grown = wal.stat().st_size
    assert grown > LOG_AT_REST
    assert not await database.cut_log()
    assert wal.stat().st_size == grown
    async with database.writing() as connection:  # nobody waits for the reader
        await connection.execute(insert(rejected_events), [row | {"id": "last", "digest": "last"}])
    reader.close()
    assert await database.cut_log()
    assert wal.stat().st_size == 0
    assert not await database.cut_log()
    async with database.reading() as connection:
        assert len((await connection.execute(select(rejected_events.c.id))).all()) == 13
    await database.close()


@pytest.mark.parametrize(
    ("statement", "values", "is_of_the_data"),
    [
        ("INSERT INTO rejected_events (id) VALUES (NULL)", (), True),
        ("SELECT * FROM nowhere", (), False),
        ("SELEKT", (), False),
    ],
)
async def test_only_errors_of_the_data_are_the_datas_fault(
    database: Database, statement: str, values: tuple[Any, ...], is_of_the_data: bool
) -> None:
    with pytest.raises((DatabaseUnavailable, DBAPIError)) as refusal:
        async with database.writing() as connection:
            await connection.exec_driver_sql(statement, values)
    assert is_trouble(refusal.value) != is_of_the_data
    assert await database.trouble() is None


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("value", ["a text with \0 in it", "a text with \ud800 in it", "a text " * 5_000])
async def test_a_value_that_postgresql_can_not_store_is_the_datas_fault_and_stands_in_no_error(
    kind: Kind, value: str, databases: Databases
) -> None:
    database = Database(databases.migrated(kind))
    row = {"id": "1", "digest": value, "arrived_at": datetime.now(UTC), "reason": "", "raw": value}
    with pytest.raises((DBAPIError, UnicodeError)) as refusal:
        async with database.writing() as connection:
            await connection.execute(insert(rejected_events), [row])
    assert not is_trouble(refusal.value)
    assert "a text" not in cause_of(refusal.value)
    await database.close()


async def test_what_asyncpg_says_of_its_insides_is_told_in_plain_words(databases: Databases) -> None:
    """`cannot switch to state 12; another operation (2) is in progress` stood as the cause in the log."""
    with databases.lent("postgresql") as url:
        database = Database(url)

        async def ask_twice() -> None:
            async with database.reading() as connection:
                driver: Any = (await connection.get_raw_connection()).driver_connection
                one = asyncio.ensure_future(driver.fetch("SELECT pg_sleep(0.2)"))
                await asyncio.sleep(0.05)
                try:
                    await connection.execute(text("SELECT 1"))
                finally:
                    await one

        with pytest.raises(
            DatabaseUnavailable, match="a connection to the database was given up in the midst"
        ):
            await ask_twice()
        await database.close()
