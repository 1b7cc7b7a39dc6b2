"""Statements for many rows at once do to the database what SQLAlchemy's own would."""

import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

import pytest
from sqlalchemy import literal_column, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from bot.conversation.thread import ConversationRow
from bot.storage.bulk import _MOST_WAYS, BulkInsert, BulkUpdate
from bot.storage.database import Database
from bot.storage.database_errors import is_conflict, is_of_the_data
from bot.storage.lookups import LookupByKeys
from bot.storage.tables import conversations, rejected_events
from tests.support.databases import Databases
from tests.support.rejected_rows import INSERT, STORED, Rejected

NOON = datetime(2026, 11, 23, 12, 0, 0, 5, tzinfo=UTC)
ODD = "a'b\"c\\ \u2028 ✓ {}[] %s :x"


class Reason(NamedTuple):
    id: str
    reason: str
    arrived_at: datetime


class OfTwo(NamedTuple):
    id: str
    digest: str
    reason: str


class Raw(NamedTuple):
    id: str
    raw: str


class Arrived(NamedTuple):
    id: str
    arrived_at: datetime


class Talk(NamedTuple):
    id: str
    number: str
    peer: str
    opted_out: bool
    handed_over: bool
    tags: tuple[str, ...] | None
    last_position: int
    last_message_at: datetime
    last_text: str
    created_at: datetime


class Half(NamedTuple):
    id: str
    peer: str
    opted_out: bool
    handed_over: bool
    tags: list[str] | None
    last_position: int
    last_message_at: datetime
    created_at: datetime


async def filled(database: Database) -> None:
    async with database.writing() as connection:
        await INSERT.execute(
            connection, [Rejected(str(at), f"digest {at}", NOON, "No.", ODD) for at in range(4)]
        )


async def rows(database: Database, *ids: str) -> list[tuple[object, ...]]:
    async with database.reading() as connection:
        return await STORED.fetch(connection, ids)


async def test_what_is_written_in_bulk_is_found_as_it_was(database: Database) -> None:
    await filled(database)
    assert await rows(database, "3", "1", "no such") == [
        ("1", "digest 1", NOON, "No.", ODD),
        ("3", "digest 3", NOON, "No.", ODD),
    ]
    assert await rows(database) == []


async def test_a_change_writes_each_rows_own_values_and_leaves_the_others(database: Database) -> None:
    await filled(database)
    change = BulkUpdate(rejected_events, Reason)
    later = (NOON + timedelta(hours=1)).astimezone(timezone(timedelta(hours=2)))
    async with database.writing() as connection:
        await change.execute(
            connection, [Reason("2", "Yes.", later), Reason("0", ODD, NOON), Reason("no such", "", NOON)]
        )
        await change.execute(connection, [])
    assert [row[:4] for row in await rows(database, "0", "1", "2")] == [
        ("0", "digest 0", NOON, ODD),
        ("1", "digest 1", NOON, "No."),
        ("2", "digest 2", NOON + timedelta(hours=1), "Yes."),
    ]


async def test_a_change_by_two_keys_wants_both(database: Database) -> None:
    await filled(database)
    change = BulkUpdate(rejected_events, OfTwo, keys=("id", "digest"))
    async with database.writing() as connection:
        await change.execute(connection, [OfTwo("1", "digest 1", "both"), OfTwo("2", "digest 1", "one")])
    assert [row[3] for row in await rows(database, "1", "2")] == ["both", "No."]


async def test_a_changes_constants_are_expressions_of_the_database(database: Database) -> None:
    await filled(database)
    change = BulkUpdate(rejected_events, Raw, constants={"reason": literal_column("reason || id")})
    async with database.writing() as connection:
        await change.execute(connection, [Raw("1", "x"), Raw("2", "y")])
    assert [row[3:] for row in await rows(database, "0", "1", "2")] == [
        ("No.", ODD), ("No.1", "x"), ("No.2", "y"),
    ]  # fmt: skip


async def test_a_naive_time_is_refused(database: Database) -> None:
    change = BulkUpdate(rejected_events, Arrived)
    with pytest.raises(ValueError, match="no time zone"):
        async with database.writing() as connection:
            await change.execute(connection, [Arrived("1", NOON.replace(tzinfo=None))])


async def test_a_bulk_insert_may_set_anew_what_is_there(database: Database) -> None:
    save = BulkInsert(conversations, Talk, replacing=("opted_out", "tags"))
    async with database.writing() as connection:
        await save.execute(connection, [Talk("c", "+1", "+2", *(False, False), None, 1, NOON, "a", NOON)])
        await save.execute(connection, [Talk("c", "+1", "+2", *(True, True), ("x", "y"), 2, NOON, "b", NOON)])
    lookup = LookupByKeys(select(*(conversations.c[name] for name in Talk._fields)), conversations.c.peer)
    async with database.reading() as connection:
        found = await lookup.fetch(connection, {"+2"})
    assert found == [("c", "+1", "+2", True, False, ["x", "y"], 1, NOON, "a", NOON)]


async def test_what_is_set_anew_may_be_nothing(database: Database) -> None:
    """On SQLite a column that is None in all rows is left out of the statement, and emptied all the same."""
    save = BulkInsert(conversations, Talk, replacing=("opted_out", "tags"))
    async with database.writing() as connection:
        for tags in (("x",), None, ("y",), None):
            await save.execute(connection, [Talk("c", "+1", "+2", *(False, False), tags, 1, NOON, "a", NOON)])
    lookup = LookupByKeys(select(conversations.c.id, conversations.c.tags), conversations.c.id)
    async with database.reading() as connection:
        assert await lookup.fetch(connection, {"c"}) == [("c", None)]


async def test_an_insert_becomes_few_statements_whatever_its_rows_lack(database: Database) -> None:
    """Each combination of columns that are left out is a statement of its own, up to a bound; none goes wrong."""
    names = (
        "tags", "memory", "latest_outbound_id", "delivery", "unanswered_since", "consent_at", "assigned_to",
    )  # fmt: skip
    save = BulkInsert(conversations, ConversationRow)
    usual = ConversationRow(
        "", "+1", "", *(False, False), ["x"], {"values": {}}, 1, NOON, ODD, "o", "sent", NOON, NOON, NOON, "Ann", NOON
    )  # fmt: skip
    given = []
    for number in range(2 ** len(names)):
        lacks = {name: None for place, name in enumerate(names) if number >> place & 1}
        given.append(usual._replace(id=f"c{number:03}", peer=f"+{number}", **lacks))
    async with database.writing() as connection:
        for row in given:
            await save.execute(connection, [row])
    lookup = LookupByKeys(
        select(*(conversations.c[name] for name in ConversationRow._fields)).order_by(conversations.c.id),
        conversations.c.number,
    )
    async with database.reading() as connection:
        assert await lookup.fetch(connection, ["+1"]) == given
    assert len(save._ways) <= _MOST_WAYS


@pytest.mark.parametrize("count", [15, 31, 32, 100, 128])
async def test_many_rows_are_written_as_few_are(database: Database, count: int) -> None:
    """On PostgreSQL many rows are copied."""
    given = [Rejected(f"{at:03d}", f"digest {at}", NOON, "No.", ODD) for at in range(count)]
    async with database.writing() as connection:
        await INSERT.execute(connection, given)
    assert await rows(database, *(row.id for row in given)) == given


@pytest.mark.parametrize("count", [2, 200])
async def test_many_rows_have_their_constants_and_their_odd_values(database: Database, count: int) -> None:
    insert = BulkInsert(conversations, Half, constants={"last_text": "same", "number": "ours"})
    given = [
        Half(f"c{at}", ODD + str(at), *(at % 2 == 0, False), [ODD] * (at % 3) or None, at, NOON, NOON)
        for at in range(count)
    ]
    async with database.writing() as connection:
        await insert.execute(connection, given)
    columns = (*(conversations.c[name] for name in Half._fields), conversations.c.last_text)
    async with database.reading() as connection:
        lookup = LookupByKeys(select(*columns), conversations.c.number)
        found = await lookup.fetch(connection, {"ours"})
    assert sorted(found) == sorted((*each, "same") for each in given)


@pytest.mark.parametrize("count", [2, 200])
async def test_a_row_that_is_there_is_a_conflict_however_many_come(database: Database, count: int) -> None:
    given = [Rejected(str(at), f"digest {at}", NOON, "No.", ODD) for at in range(count)]
    async with database.writing() as connection:
        await INSERT.execute(connection, given[-1:])
    with pytest.raises((IntegrityError, sqlite3.IntegrityError)) as raised:
        async with database.writing() as connection:
            await INSERT.execute(connection, given)
    assert is_conflict(raised.value)
    async with database.writing() as connection:
        await INSERT.execute(connection, given[:-1])
    assert len(await rows(database, *(row.id for row in given))) == count


@pytest.mark.parametrize("count", [2, 200])
async def test_a_text_that_postgresql_cannot_hold_is_the_datas_fault(
    databases: Databases, count: int
) -> None:
    given = [Rejected(str(at), f"digest {at}", NOON, "No.", "\0") for at in range(count)]
    with databases.lent("postgresql") as address:
        database = Database(address)
        with pytest.raises(DBAPIError) as raised:
            async with database.writing() as connection:
                await INSERT.execute(connection, given)
        assert is_of_the_data(raised.value)
        await database.close()


async def test_of_many_rows_with_one_id_the_last_is_kept(database: Database) -> None:
    save = BulkInsert(conversations, Talk, replacing=("last_text",))
    given = [
        Talk(f"c{at % 70}", "+1", f"+{at % 70}", *(False, False), None, 1, NOON, f"text {at}", NOON)
        for at in range(140)
    ]
    async with database.writing() as connection:
        await save.execute(connection, given)
    lookup = LookupByKeys(select(conversations.c.id, conversations.c.last_text), conversations.c.id)
    async with database.reading() as connection:
        found = dict(await lookup.fetch(connection, [f"c{at}" for at in range(70)]))
    assert found == {f"c{at}": f"text {70 + at}" for at in range(70)}


async def test_of_changes_with_one_id_the_last_is_kept_whatever_is_between(database: Database) -> None:
    await filled(database)
    change = BulkUpdate(rejected_events, Raw, constants={"reason": literal_column("reason || id")})
    async with database.writing() as connection:
        await change.execute(connection, [Raw("1", "first"), Raw("2", "only"), Raw("1", "last")])
    assert [row[3:] for row in await rows(database, "1", "2")] == [("No.11", "last"), ("No.2", "only")]


async def test_what_no_row_of_many_has_is_null_and_what_some_have_is_theirs(database: Database) -> None:
    save = BulkInsert(conversations, Talk)
    given = [
        Talk(f"c{at}", "+1", f"+{at}", *(False, True), tags, at, NOON, ODD, NOON)
        for at, tags in enumerate([None, (ODD, ""), None])
    ]
    async with database.writing() as connection:
        await save.execute(connection, given[:1])
        await save.execute(connection, given[1:])
    lookup = LookupByKeys(
        select(*(conversations.c[name] for name in Talk._fields)).order_by(conversations.c.id),
        conversations.c.id,
    )
    async with database.reading() as connection:
        found = await lookup.fetch(connection, {"c0", "c1", "c2"})
    assert found == [each._replace(tags=each.tags and list(each.tags)) for each in given]


async def test_a_text_that_is_too_long_is_refused_and_never_cut(databases: Databases) -> None:
    """By PostgreSQL: SQLite's texts have no length."""
    with databases.lent("postgresql") as address:
        database = Database(address)
        with pytest.raises(DBAPIError, match="value too long"):
            async with database.writing() as connection:
                await INSERT.execute(connection, [Rejected("1" * 37, "digest", NOON, "No.", "")])
        await database.close()


def test_a_row_with_a_field_that_the_table_lacks_is_refused_at_once() -> None:
    class Misspelled(NamedTuple):
        id: str
        reasn: str

    with pytest.raises(TypeError, match="reasn"):
        BulkInsert(rejected_events, Misspelled)


def test_a_row_that_does_not_begin_with_its_keys_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="begin with its keys: digest"):
        BulkUpdate(rejected_events, OfTwo, keys=("digest",))
