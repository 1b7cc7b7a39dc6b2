"""SELECTs that are compiled once find what SQLAlchemy's own would."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pkgutil import iter_modules

import pytest
from sqlalchemy import Integer, bindparam, func, select

import bot.conversation
import bot.operator
import bot.sending
from bot.storage.columns import UtcTime
from bot.storage.database import Database
from bot.storage.keyed import AnyOf
from bot.storage.lookups import LookupByKeys, PreparedSelect, fetch_together
from bot.storage.tables import rejected_events
from tests.support.databases import Databases
from tests.support.rejected_rows import INSERT, STORED, Rejected

NOON = datetime(2026, 11, 23, 12, 0, 0, 5, tzinfo=UTC)


async def fill(database: Database) -> None:
    """Four rows, a second between two of them."""
    async with database.writing() as connection:
        await INSERT.execute(
            connection,
            [Rejected(str(at), f"digest {at}", NOON + timedelta(seconds=at), "No.", "") for at in range(4)],
        )


@pytest.fixture
async def filled(database: Database) -> Database:
    await fill(database)
    return database


async def test_lookups_that_travel_together_find_what_each_would_alone(databases: Databases) -> None:
    """On SQLite, in one trip; on PostgreSQL nothing does."""
    ids = LookupByKeys(select(rejected_events.c.id, rejected_events.c.arrived_at), rejected_events.c.digest)
    with databases.lent("sqlite") as address:
        database = Database(address)
        await fill(database)
        async with database.writing() as connection:
            found = await fetch_together(
                connection, (STORED, ["1", "9"]), (ids, {"digest 2"}), (ids, []), (STORED, ["0"] * 40)
            )
            alone = [await STORED.fetch(connection, [key]) for key in ("1", "0")]
        assert found == [alone[0], [("2", NOON + timedelta(seconds=2))], [], alone[1]]
        await database.close()


async def test_a_query_takes_other_parameters_each_time(filled: Database) -> None:
    query = PreparedSelect(
        select(rejected_events.c.id, rejected_events.c.arrived_at)
        .where(rejected_events.c.id > bindparam("after"))
        .order_by(rejected_events.c.id)
        .limit(bindparam("most", type_=Integer))
    )
    async with filled.reading() as connection:
        found = [await query.fetch(connection, after=after, most=2) for after in ("0", "2")]
    times = [NOON + timedelta(seconds=at) for at in range(4)]
    assert found == [[("1", times[1]), ("2", times[2])], [("3", times[3])]]


@pytest.mark.parametrize("rows", [None, 4, 1_000])
async def test_a_query_takes_lists_of_keys_times_and_what_is_fixed_in_it(
    filled: Database, rows: int | None
) -> None:
    """Wherever SQLite executes it: `rows` says so."""
    query = PreparedSelect(
        select(
            rejected_events.c.reason,
            func.count().label("times"),
            func.max(rejected_events.c.id).label("last"),
        )
        .where(
            AnyOf(rejected_events.c.id, "ids"),
            rejected_events.c.arrived_at > bindparam("since", type_=UtcTime, required=False),
            rejected_events.c.reason.in_(["No.", "Never."]),
        )
        .group_by(rejected_events.c.reason)
    )
    async with filled.writing() as connection:
        for ids, since, expected in (
            (["0", "1", "3"], NOON, [("No.", 2, "3")]),
            (["0"], NOON, []),
            ([], NOON, []),
            (["0", "9"], NOON - timedelta(seconds=1), [("No.", 1, "0")]),
        ):
            assert await query.fetch(connection, rows=rows, ids=ids, since=since) == expected


async def test_a_lookup_with_a_parameter_of_its_own_is_refused(filled: Database) -> None:
    """PostgreSQL would take it for the keys, which are `$1`."""
    lookup = LookupByKeys(
        select(rejected_events.c.id).where(rejected_events.c.reason == "No."), rejected_events.c.id
    )
    async with filled.reading() as connection:
        with pytest.raises(TypeError, match="no other parameter"):
            await lookup.fetch(connection, ["1"])


def lookups() -> Iterator[tuple[str, LookupByKeys]]:
    """Each look-up of the rooms that write, with its name."""
    for room in (bot.conversation, bot.sending, bot.operator):
        for module in iter_modules(room.__path__, f"{room.__name__}."):
            for name, value in vars(import_module(module.name)).items():
                if isinstance(value, LookupByKeys):
                    yield f"{module.name}.{name}", value


async def test_each_look_up_finds_its_keys_by_an_index_of_them(databases: Databases) -> None:
    """Not by a condition that many rows meet: SQLite had found reports by their lack of a message."""
    plans: dict[str, str] = {}
    with databases.lent("sqlite") as address:
        database = Database(address)
        async with database.reading() as connection:
            for name, lookup in lookups():
                sql, _ = lookup.compiled(connection.dialect)
                key = re.search(r'(\w+)"? IN \(SELECT value', sql)
                assert key is not None, sql
                rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", ("[]",))
                plan = [row[-1] for row in rows]
                if not any(re.search(rf"USING .*INDEX .*\({key[1]}=\?", step) for step in plan):
                    plans[name] = "; ".join(plan)
        await database.close()
    assert not plans
    assert len(dict(lookups())) > 10
