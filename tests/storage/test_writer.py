"""Group commit: few transactions for many requests, and nobody pays for another's fault."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage import database as database_room
from bot.storage.bulk import BulkInsert
from bot.storage.database import Database
from bot.storage.writer import Batch, StorageUnavailable, Writer
from bot.storage.writer_limits import USUAL_LIMITS, WriterLimits
from tests.support.breaking_connections import breaking_after_begin, falling_silent
from tests.support.databases import Databases

NOTES = Table("notes", MetaData(), Column("n", Integer, primary_key=True))


@pytest.fixture(autouse=True)
async def notes(database: Database) -> None:
    async with database.writing() as connection:
        await connection.run_sync(NOTES.metadata.create_all)


async def stored(database: Database) -> list[int]:
    async with database.reading() as connection:
        return list((await connection.execute(select(NOTES.c.n).order_by(NOTES.c.n))).scalars())


class Notes:
    """Work that stores numbers, and remembers in which groups they came."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self._batch: Batch[int, int] | None = None

    def on(self, writer: Writer) -> Batch[int, int]:
        """The same handle every time."""
        self._batch = self._batch or writer.batch(self.keep)
        return self._batch

    async def keep(self, connection: AsyncConnection, numbers: list[int]) -> list[int]:
        self.groups.append(numbers)
        if 13 in numbers:
            raise ValueError("13 is never stored")
        await connection.execute(insert(NOTES), [{"n": number} for number in numbers])
        return [number * 2 for number in numbers]


@asynccontextmanager
async def locked(database: Database) -> AsyncIterator[None]:
    """Another process has the tables for itself."""
    if database.path is not None:
        other = sqlite3.connect(database.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.close()
        return
    other_database = Database(database._url.render_as_string(hide_password=False))
    async with other_database.writing() as connection:
        await connection.execute(text("LOCK TABLE notes"))
        yield
    await other_database.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The databases say sooner that they are locked."""
    monkeypatch.setattr("bot.storage.sqlite_engine.SQLITE_BUSY_SECONDS", 0.1)
    monkeypatch.setattr("bot.storage.postgresql_engine.LOCK_SECONDS", 0.1)


async def test_each_caller_gets_the_results_of_its_own_items(writer: Writer, database: Database) -> None:
    work = Notes()
    answers = await asyncio.gather(*(work.on(writer).submit([at * 100, at * 100 + 1]) for at in range(20)))
    assert answers == [[at * 200, at * 200 + 2] for at in range(20)]
    assert len(await stored(database)) == 40


async def test_all_that_waits_is_written_in_one_transaction_up_to_its_bounds(writer: Writer) -> None:
    work = Notes()
    await asyncio.gather(*(work.on(writer).submit([at]) for at in range(20, 320)))
    assert [len(group) for group in work.groups] == [128, 128, 44]
    writer._limits = WriterLimits(items=50)
    await asyncio.gather(*(work.on(writer).submit(range(at, at + 20)) for at in range(400, 500, 20)))
    assert [len(group) for group in work.groups[3:]] == [40, 40, 20]


@pytest.mark.parametrize(
    ("took", "jobs", "seconds"), [(0.004, 64, 0.002), (0.004, 4, 0.002), (0.004, 3, 0), (2.0, 64, 0.005)]
)
def test_after_a_busy_transaction_more_may_come_along(took: float, jobs: int, seconds: float) -> None:
    assert USUAL_LIMITS.gathering_after(took, jobs) == seconds


async def test_beside_other_replicas_what_comes_soon_after_a_busy_transaction_shares_the_next_one(
    writer: Writer,
) -> None:
    writer.has_company = lambda: True
    writer._limits = WriterLimits(gathering=1e9, longest_gathering=1.0)
    work = Notes()
    await asyncio.gather(*(work.on(writer).submit([at]) for at in range(20, 30)))

    async def later(at: int) -> None:
        await asyncio.sleep(at / 1_000)
        await work.on(writer).submit([at])

    await asyncio.gather(*(later(at) for at in range(5)))
    assert work.groups == [list(range(20, 30)), list(range(5))]


async def test_different_kinds_of_work_share_a_transaction(writer: Writer, database: Database) -> None:
    first, second = Notes(), Notes()
    assert await asyncio.gather(first.on(writer).submit([1]), second.on(writer).submit([2])) == [[2], [4]]
    assert await stored(database) == [1, 2]


async def test_a_job_that_fails_fails_alone(writer: Writer, database: Database) -> None:
    work = Notes()
    numbers = [*range(20, 30), 13, *range(30, 40)]
    answers = await asyncio.gather(
        *(work.on(writer).submit([number]) for number in numbers), return_exceptions=True
    )
    failed = [
        number for number, answer in zip(numbers, answers, strict=True) if isinstance(answer, Exception)
    ]
    assert failed == [13]
    assert await stored(database) == list(range(20, 40))
    assert writer.trouble is None


async def test_a_conflict_is_tried_again_and_then_is_the_jobs_own_fault(
    writer: Writer, database: Database
) -> None:
    """A unique constraint that finds what another replica wrote passes; one that always finds it does not."""
    work = Notes()
    await work.on(writer).submit([1])
    answers = await asyncio.gather(
        work.on(writer).submit([1]), work.on(writer).submit([2]), return_exceptions=True
    )
    assert isinstance(answers[0], Exception)
    assert not isinstance(answers[0], StorageUnavailable)
    assert answers[1] == [4]
    assert await stored(database) == [1, 2]


@pytest.mark.usefixtures("impatient")
async def test_a_locked_database_is_waited_for(database_url: str) -> None:
    database = Database(database_url)
    writer = Writer(database, hold=60)
    writer.start()
    work = Notes()
    async with locked(database):
        waiting = asyncio.create_task(work.on(writer).submit([1]))
        while writer.trouble is None:  # noqa: ASYNC110 - it has no event for it
            await asyncio.sleep(0.01)
        assert not waiting.done()
    assert await waiting == [2]
    assert writer.trouble is None
    assert await stored(database) == [1]
    await writer.stop()
    await database.close()


@pytest.mark.usefixtures("impatient")
async def test_who_waited_too_long_is_told_and_nothing_of_theirs_is_kept(database_url: str) -> None:
    database = Database(database_url)
    writer = Writer(database, hold=0.3)
    writer.start()
    work = Notes()
    async with locked(database):
        with pytest.raises(StorageUnavailable, match="nothing was kept"):
            await work.on(writer).submit([1])
    writer._hold = 60
    assert await work.on(writer).submit([2]) == [4]
    assert await stored(database) == [2]
    await writer.stop()
    await database.close()


@pytest.mark.usefixtures("impatient")
async def test_nobody_is_held_once_the_writer_stops_retrying(database_url: str) -> None:
    database = Database(database_url)
    writer = Writer(database, hold=30)
    writer.start()
    work = Notes()
    async with locked(database):
        waiting = asyncio.create_task(work.on(writer).submit([1]))
        while writer.trouble is None:  # noqa: ASYNC110 - it has no event for it
            await asyncio.sleep(0.01)
        writer.stop_retrying()
        async with asyncio.timeout(60):
            with pytest.raises(StorageUnavailable):
                await waiting
            with pytest.raises(StorageUnavailable):
                await work.on(writer).submit([2])
            await writer.stop()
    assert await stored(database) == []
    await database.close()


async def test_a_caller_that_left_takes_no_neighbour_with_it(writer: Writer, database: Database) -> None:
    work = Notes()
    leaving = asyncio.create_task(work.on(writer).submit([1]))
    staying = asyncio.create_task(work.on(writer).submit([2]))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == [4]
    assert await work.on(writer).submit([3]) == [6]
    assert {2, 3} <= set(await stored(database))


async def test_stopping_waits_for_the_transaction_that_runs(database: Database) -> None:
    writer = Writer(database)
    writer.start()
    work = Notes()

    async def keep_slowly(connection: AsyncConnection, numbers: list[int]) -> list[int]:
        await asyncio.sleep(0.1)
        return await work.keep(connection, numbers)

    waiting = asyncio.create_task(writer.batch(keep_slowly).submit([1]))
    await asyncio.sleep(0.05)
    await writer.stop()
    async with asyncio.timeout(60):
        assert await waiting == [2]


@pytest.mark.parametrize("moments", [0, 1, 2, 5, 20])
async def test_stopping_writes_what_waits_and_what_is_being_written(database: Database, moments: int) -> None:
    writer = Writer(database)
    writer.start()
    work = Notes()
    waiting = [asyncio.create_task(work.on(writer).submit([at])) for at in range(20, 220)]
    for _ in range(moments):
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    await writer.stop()
    async with asyncio.timeout(60):
        await asyncio.gather(*waiting)
    assert await stored(database) == list(range(20, 220))


async def test_a_flood_is_turned_away_before_it_takes_the_memory(
    database: Database,
) -> None:
    writer = Writer(database, hold=5, limits=WriterLimits(waiting=5))
    writer.start()
    work = Notes()
    many = [asyncio.create_task(work.on(writer).submit([at])) for at in range(20, 40)]
    answers: list[Any] = await asyncio.gather(*many, return_exceptions=True)
    assert [isinstance(answer, StorageUnavailable) for answer in answers] == [False] * 5 + [True] * 15
    assert await work.on(writer).submit([99]) == [198]
    await writer.stop()


async def test_a_server_that_is_gone_is_waited_for(databases: Any) -> None:
    """Nobody listens at this address: the caller hears so after the hold, and the writer lives on."""
    database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    writer = Writer(database, hold=0.2)
    writer.start()
    with pytest.raises(StorageUnavailable):
        await writer.batch(Notes().keep).submit([1])
    with pytest.raises(StorageUnavailable):
        await writer.batch(Notes().keep).submit([1])
    await writer.stop()
    await database.close()


class OtherRow(NamedTuple):
    n: int


@pytest.mark.parametrize("in_bulk", [False, True])
async def test_a_trouble_of_one_kind_of_work_stops_no_other_and_its_end_is_found_without_an_event(
    database: Database, logs: Any, *, in_bulk: bool
) -> None:
    """A right that was revoked, a table that is damaged: here one that is not there."""
    other = Table("others", MetaData(), Column("n", Integer, primary_key=True))
    writer = Writer(database, hold=60, limits=WriterLimits(first_pause=0.01, longest_pause=0.02))
    writer.start()

    async def keep_others(connection: AsyncConnection, numbers: list[int]) -> list[int]:
        if in_bulk:
            await BulkInsert(other, OtherRow).execute(connection, list(map(OtherRow, numbers)))
        else:
            await connection.execute(insert(other), [{"n": number} for number in numbers])
        return numbers

    work, others = Notes(), writer.batch(keep_others)
    held = [asyncio.create_task(others.submit([at])) for at in range(10)]
    answers = [await work.on(writer).submit([at]) for at in range(20, 40)]
    assert answers == [[at * 2] for at in range(20, 40)]
    assert not any(each.done() for each in held)
    writer._hold = 0  # their time is over
    told = await asyncio.gather(*held, return_exceptions=True)
    writer._hold = 60
    assert all(isinstance(each, StorageUnavailable) for each in told)
    assert await work.on(writer).submit([50]) == [100]
    assert "others" in (writer.trouble or "")
    async with database.writing() as connection:
        await connection.run_sync(other.metadata.create_all)
    async with asyncio.timeout(60):
        while writer.trouble is not None:  # noqa: ASYNC110 - it has no event for it
            await asyncio.sleep(0.02)
    async with database.reading() as connection:
        assert (await connection.execute(select(other.c.n))).all() == [], "the look is rolled back"
    await writer.stop()
    assert [line["event"] for line in logs] == [
        "The database can't be written to; requests are held",
        "The database can be written to again",
    ]


async def test_who_comes_in_a_trouble_waits_for_its_end_too(database: Database) -> None:
    writer = Writer(database, hold=10)
    writer.start()
    async with database.writing() as connection:
        await connection.exec_driver_sql("ALTER TABLE notes RENAME TO away")
    work = Notes()
    waiting = [asyncio.create_task(work.on(writer).submit([at])) for at in range(20, 30)]
    while writer.trouble is None:  # noqa: ASYNC110 - it has no event for it
        await asyncio.sleep(0.01)
    waiting += [asyncio.create_task(work.on(writer).submit([at])) for at in range(30, 40)]
    await asyncio.sleep(0.1)
    assert not any(each.done() for each in waiting)
    async with database.writing() as connection:
        await connection.exec_driver_sql("ALTER TABLE away RENAME TO notes")
    await asyncio.gather(*waiting)
    assert await stored(database) == list(range(20, 40))
    await writer.stop()


async def test_what_one_handle_submits_shares_a_call_whatever_the_work_is(database: Database) -> None:
    """A lambda or a partial made for each call would share nothing: the handle decides, not the function."""
    writer = Writer(database)
    calls: list[list[int]] = []

    async def keep(_connection: AsyncConnection, numbers: list[int]) -> list[int]:
        calls.append(numbers)
        return numbers

    together = writer.batch(partial(keep))
    waiting = [asyncio.create_task(together.submit([at])) for at in range(4)]
    await asyncio.sleep(0)  # all wait before the writer begins
    writer.start()
    assert await asyncio.gather(*waiting) == [[0], [1], [2], [3]]
    await writer.stop()
    assert len(calls) < 4
    assert [each for call in calls for each in call] == [0, 1, 2, 3]


async def test_a_connection_that_breaks_is_replaced_and_is_no_trouble(
    databases: Databases, logs: list[MutableMapping[str, Any]]
) -> None:
    async with breaking_after_begin(databases.migrated("postgresql")) as (address, breaks):
        database = Database(address)
        async with database.writing() as connection:
            await connection.run_sync(NOTES.metadata.create_all)
        writer = Writer(database)
        writer.start()
        work = Notes()
        breaks.set()
        assert await work.on(writer).submit([1]) == [2]
        assert not breaks.is_set(), "one did break"
        assert await stored(database) == [1]
        assert [line for line in logs if line.get("action") == "database_unwritable"] == []
        await writer.stop()
        await database.close()


async def test_while_the_database_does_not_answer_events_are_refused_in_time_and_stored_once_later(
    databases: Databases,
) -> None:
    """As when it is slow, or a cable is cut: there is no error, and the transaction goes on when the answer comes."""
    database = Database(databases.migrated("postgresql"))
    async with database.writing() as connection:
        await connection.run_sync(NOTES.metadata.create_all)
    silent, answers = asyncio.Event(), asyncio.Event()

    async def keep(connection: AsyncConnection, numbers: list[int]) -> list[int]:
        silent.set()
        await answers.wait()
        await connection.execute(insert(NOTES), [{"n": number} for number in numbers])
        return numbers

    writer = Writer(database, hold=0.2, limits=WriterLimits(overdue=0.05))
    writer.start()
    events, acts = writer.batch(keep, is_repeatable=True), writer.batch(keep)
    act = asyncio.create_task(acts.submit([1]))
    await silent.wait()
    for number in (2, 3):
        with pytest.raises(StorageUnavailable, match="does not answer"):
            await events.submit([number])
    assert not act.done(), "nobody may do that a second time"
    answers.set()
    writer._hold = 60
    assert await act == [1]
    assert await events.submit([4]) == [4]
    assert {1, 4} <= set(await stored(database))
    await writer.stop()
    await database.close()


async def test_a_transaction_whose_server_says_nothing_any_more_is_given_up_and_the_writer_goes_on(
    databases: Databases,
) -> None:
    """As after a failover: TCP would take a quarter of an hour to find out."""
    async with falling_silent(databases.migrated("postgresql")) as (address, gets_through):
        database = Database(address)
        async with database.writing() as connection:
            await connection.run_sync(NOTES.metadata.create_all)
        writer = Writer(database, hold=0.5, limits=WriterLimits(patience=1.0))
        writer.start()
        work = Notes()
        assert await work.on(writer).submit([1]) == [2]
        gets_through.clear()
        with pytest.raises(StorageUnavailable, match="does not answer"):
            await work.on(writer).submit([2])
        gets_through.set()
        writer._hold = 60
        assert await work.on(writer).submit([3]) == [6]
        assert {1, 3} <= set(await stored(database))
        await writer.stop()
        await database.close()


async def test_a_writer_that_is_to_end_waits_no_longer_for_a_server_that_says_nothing(
    databases: Databases,
) -> None:
    """The end of the process took the minute that a transaction may take, and each connection had its own."""
    async with (
        falling_silent(databases.migrated("postgresql")) as (address, gets_through),
        asyncio.timeout(30),
    ):
        database = Database(address)
        async with database.writing() as connection:
            await connection.run_sync(NOTES.metadata.create_all)
        writer = Writer(database, hold=60)
        other = writer.beside()
        work, more = Notes(), Notes()
        for each, notes in ((writer, work), (other, more)):
            each.start()
            await notes.on(each).submit([1 if notes is work else 2])
        gets_through.clear()
        running = [work.on(writer).begin([3]), more.on(other).begin([4])]
        while not (writer._is_writing and other._is_writing):  # noqa: ASYNC110 - the next turns of the loop
            await asyncio.sleep(0)
        writer.hurry(0.2)
        for each in running:
            with pytest.raises(StorageUnavailable, match="does not answer"):
                await each
        writer.stop_retrying()
        with pytest.raises(StorageUnavailable, match="does not answer"):
            await work.on(writer).submit([5])
        other.stop_retrying()
        await asyncio.gather(writer.stop(), other.stop())
        await database.close()
        gets_through.set()


async def test_a_look_whose_server_says_nothing_any_more_is_given_up_and_the_next_one_is_made_anew(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every prober waits for the same look: one that never ended kept a healthy replica out of service."""
    monkeypatch.setattr(database_room, "LONGEST_LOOK", 0.5)
    async with (
        falling_silent(databases.migrated("postgresql")) as (address, gets_through),
        asyncio.timeout(30),
    ):
        database = Database(address)
        assert await database.trouble() is None
        gets_through.clear()
        assert await database.trouble() == "the database does not answer"
        gets_through.set()
        assert await database.trouble() is None
        await database.close()


async def test_two_transactions_that_wait_for_each_other_are_both_done_and_are_no_trouble(
    databases: Databases, logs: list[MutableMapping[str, Any]]
) -> None:
    """PostgreSQL gives up one of them, after a second; that one is tried again at once."""
    database = Database(databases.migrated("postgresql"))
    async with database.writing() as connection:
        await connection.run_sync(NOTES.metadata.create_all)
        await connection.execute(insert(NOTES), [{"n": 1}, {"n": 2}])
    both_have_one = asyncio.Barrier(2)
    tries = 0

    async def take(connection: AsyncConnection, numbers: list[int]) -> list[int]:
        nonlocal tries
        tries += 1
        for place, number in enumerate(numbers):
            await connection.execute(select(NOTES).where(NOTES.c.n == number).with_for_update())
            if place == 0 and tries <= 2:
                await both_have_one.wait()
        return numbers

    one = Writer(database)
    other = one.beside(is_shown=True)
    one.start()
    other.start()
    answers = await asyncio.gather(one.batch(take).submit([1, 2]), other.batch(take).submit([2, 1]))
    assert answers == [[1, 2], [2, 1]]
    assert (
        tries >= 3
    )  # the one that is tried again may be quicker than the other, which has yet to hear of it
    assert one.trouble is None
    assert logs == []
    await one.stop()
    await other.stop()
    await database.close()


async def test_the_trouble_of_a_writer_beside_is_told_where_it_is_to_be(databases: Databases) -> None:
    database = Database(databases.migrated("postgresql"))
    one = Writer(database)
    shown, hidden = one.beside(is_shown=True), one.beside()
    for each in (one, shown, hidden):
        each.start()

    async def fail(connection: AsyncConnection, numbers: list[int]) -> list[int]:
        await connection.exec_driver_sql("SELECT * FROM no_such_table")
        return numbers

    async def has_trouble(writer: Writer) -> str:
        held = asyncio.create_task(writer.batch(fail).submit([1]))
        async with asyncio.timeout(60):
            while writer.trouble is None:  # noqa: ASYNC110 - it has no event for it
                await asyncio.sleep(0.01)
        writer.stop_retrying()
        with pytest.raises(StorageUnavailable):
            await held
        return writer.trouble

    await has_trouble(hidden)
    assert one.trouble is None
    assert one.trouble != await has_trouble(shown)
    assert one.trouble == shown.trouble
    for each in (hidden, shown, one):
        await each.stop()
    await database.close()
