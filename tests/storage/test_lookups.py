"""SELECTs that are compiled once find what SQLAlchemy's own would."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Integer, bindparam, func, select

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
