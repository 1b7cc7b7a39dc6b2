"""PostgreSQL: a process that stands still inside a transaction keeps its locks for a while, and not for good."""

import asyncio
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.database import Database
from bot.storage.database_errors import CommitInDoubt, DatabaseUnavailable
from bot.storage.postgresql_engine import IDLE_WRITER_SECONDS
from bot.storage.write_job import WriteJob
from bot.storage.writer import Writer
from bot.storage.writer_limits import Patience
from tests.support.acs import Acs
from tests.support.bots import OURS
from tests.support.breaking_connections import falling_silent
from tests.support.databases import Databases
from tests.support.events import received
from tests.support.failover import Member
from tests.support.folders import in_folder
from tests.support.postgresql import PostgreSQL
from tests.support.processes import ROOT, Bot, Process, until

NOTES = Table("notes", MetaData(), Column("n", Integer, primary_key=True), Column("said", Integer))


@pytest.fixture
async def url(databases: Databases) -> AsyncIterator[str]:
    with databases.lent("postgresql") as url:
        database = Database(url)
        async with database.writing() as connection:
            await connection.run_sync(NOTES.metadata.create_all)
            rows = [{"n": n, "said": 0} for n in range(1, 200)]
            await connection.execute(insert(NOTES), rows)
        yield url
        await database.close()


@asynccontextmanager
async def standing_still(url: str, idle: float, folder: Path) -> AsyncIterator[Process]:
    """Another process, stopped while it holds the first row."""
    command = [sys.executable, "-m", "tests.support.standing", url, f"{idle}"]
    process = Process(command, folder=folder, environ={"PYTHONPATH": str(ROOT)}, name="standing")
    try:
        await asyncio.to_thread(process.wait_for, "it holds: (the row)")
        process.send_signal(signal.SIGSTOP)
        yield process
    finally:
        process.kill()


async def test_a_bot_that_is_told_to_stop_while_postgresql_says_nothing_ends_in_its_grace(
    databases: Databases, tmp_path: Path
) -> None:
    """It took a minute, and a service manager waits half of one; an event in doubt is known when it comes again."""
    async with falling_silent(databases.migrated("postgresql")) as (address, gets_through):
        bot = Bot(
            in_folder(tmp_path), acs="endpoint=http://127.0.0.1:9;accesskey=YQ==", database_url=address,
            hold=0.3, grace=1,
        )  # fmt: skip
        try:
            await asyncio.to_thread(bot.start)
            gets_through.clear()
            event = received("+15555550101", "hours")
            refused = await asyncio.to_thread(bot.post, [event])
            assert refused.status_code == 503
            began = time.monotonic()
            assert await asyncio.to_thread(bot.stop) == 0
            assert time.monotonic() - began < 45, "the transaction may take 60 seconds while the bot serves"
            gets_through.set()
            await asyncio.to_thread(bot.start)
            await asyncio.to_thread(until, lambda: bot.post([event]).status_code == 200)  # as Event Grid does
            said = await asyncio.to_thread(bot.messages, "+15555550101")
            assert sorted(each["direction"] for each in said) == ["inbound", "outbound"]
        finally:
            gets_through.set()
            await asyncio.to_thread(bot.close)


async def test_a_reply_that_is_on_its_way_as_postgresql_falls_silent_and_the_bot_ends_is_sent_once(
    databases: Databases, tmp_path: Path
) -> None:
    """What ACS said of it could not be written; it is asked again under the same id, which ACS knows."""
    acs = Acs(tmp_path)
    async with falling_silent(databases.migrated("postgresql")) as (address, gets_through):
        (tmp_path / "bot").mkdir()
        folder = in_folder(tmp_path / "bot")
        bot = Bot(folder, acs=acs.connection_string, database_url=address, hold=0.3, grace=1)
        peer = "+15555550101"
        try:
            await asyncio.to_thread(bot.start)
            event = received(peer, "hours", number=OURS)
            acs.plan(OURS, {"hold": True})
            await asyncio.to_thread(until, lambda: bot.post([event]).status_code == 200)  # as Event Grid does
            await asyncio.to_thread(acs.calls_when, peer, 1)
            gets_through.clear()
            ending = asyncio.create_task(asyncio.to_thread(bot.stop))
            await asyncio.to_thread(acs.release)
            began = time.monotonic()
            assert await ending == 0
            assert time.monotonic() - began < 45, "the transaction may take 60 seconds while the bot serves"
            gets_through.set()
            await asyncio.to_thread(bot.start)
            await asyncio.to_thread(bot.replies_when, peer, "sent")
        finally:
            gets_through.set()
            await asyncio.to_thread(bot.close)
        assert len(acs.messages(peer)) == 1
        acs.close()


async def say(connection: AsyncConnection, numbers: list[int]) -> list[None]:
    for number in numbers:
        await connection.execute(update(NOTES).where(NOTES.c.n == number).values(said=NOTES.c.said + 1))
    return [None] * len(numbers)


async def said(database: Database, n: int) -> int:
    async with database.reading() as connection:
        found: int = (await connection.execute(select(NOTES.c.said).where(NOTES.c.n == n))).scalar_one()
    return found


async def test_a_row_of_a_process_that_stands_still_is_free_in_time(
    url: str, tmp_path: Path, logs: list[MutableMapping[str, Any]]
) -> None:
    database = Database(url)
    writer = Writer(database)
    writer.start()
    batch = writer.batch(say)
    async with standing_still(url, 2, tmp_path) as process:
        await batch.submit([1])  # within the time that a request is held
        process.send_signal(signal.SIGUSR1)
        process.send_signal(signal.SIGCONT)
        told = await asyncio.to_thread(process.wait_for, "in the end: (.*)")
        assert told.startswith("lost")
    assert (await said(database, 1), await said(database, 2)) == (1, 0)
    await writer.stop()
    await database.close()


async def test_one_row_that_is_held_puts_off_whoever_needs_it_and_hardly_the_others(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logs: list[MutableMapping[str, Any]]
) -> None:
    """They were written one at a time, each after a lock time-out of the whole group."""
    monkeypatch.setattr("bot.storage.postgresql_engine.LOCK_SECONDS", 2)
    database = Database(url)
    writer = Writer(database, hold=60)
    writer.start()
    batch, waits, put_off = writer.batch(say), list[int](), writer._put_off

    async def noted(group: list[WriteJob], error: DatabaseUnavailable) -> None:
        waits.append(len(group))
        await put_off(group, error)

    monkeypatch.setattr(writer, "_put_off", noted)
    async with standing_still(url, 60, tmp_path):
        jobs = {n: batch.begin([n]) for n in range(1, 101)}
        await asyncio.gather(*(jobs[n] for n in range(2, 101)))
        assert len(waits) < 6, (
            "each group waits once for the held row, and that job alone; it was nearly each job"
        )
        assert not jobs[1].done()
    await jobs[1]
    assert [await said(database, n) for n in (1, 2, 100)] == [1, 1, 1]
    assert writer.trouble is None
    await writer.stop()
    await database.close()


#: What a socket says of how soon it finds out that the other end is gone; the last is Linux's.
_ALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    *((socket.IPPROTO_TCP, getattr(socket, f"TCP_{name}")) for name in ("KEEPIDLE", "KEEPINTVL", "KEEPCNT")),
    *([(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)] if sys.platform == "linux" else []),
]  # fmt: skip


async def test_every_connection_is_bound() -> None:
    alive = [f"tcp_keepalives_{name}" for name in ("idle", "interval", "count")]
    names = ["idle_in_transaction_session_timeout", *alive]
    query = text("SELECT " + ", ".join(f"current_setting('{name}')" for name in names))
    with tcp_server() as url:
        database, found, ends = Database(url), {}, set()
        blocks = {
            "writer": database.writing(), "reader": database.reading(), "asker": database.asking(),
            "session": database.session(),
        }  # fmt: skip
        for name, block in blocks.items():
            async with block as connection:
                found[name] = tuple((await connection.execute(query)).one())
                driver: Any = (await connection.get_raw_connection()).driver_connection
                ends.add(
                    tuple(driver._transport.get_extra_info("socket").getsockopt(*each) for each in _ALIVE)
                )
        await database.close()
    assert found.pop("writer") == ("10s", "10", "5", "3")
    assert set(found.values()) == {("10min", "10", "5", "3")}
    assert ends == {(1, 10, 5, 3, 25_000)[: len(_ALIVE)]}, "this end finds out as soon"
    assert IDLE_WRITER_SECONDS < 20  # that a request is held


@contextmanager
def tcp_server() -> Iterator[str]:
    """The URL of a PostgreSQL that is spoken to over TCP: a socket in a folder knows nothing of machines that go."""
    with tempfile.TemporaryDirectory(prefix="bot-pg-") as folder:
        made = PostgreSQL(Path(folder), starts=False)
        member = Member(made.folder, made.programs, made.owner)
        member.start()
        try:
            yield f"postgresql+asyncpg://postgres@127.0.0.1:{member.port}/postgres"
        finally:
            member.kill()


@pytest.mark.parametrize("is_writing", [True, False], ids=["written", "read"])
async def test_a_transaction_in_which_postgresql_falls_silent_is_left_in_time(
    url: str, logs: list[MutableMapping[str, Any]], *, is_writing: bool
) -> None:
    """The statement is cancelled, and nothing more is waited for on its connection."""
    async with falling_silent(url) as (address, gets_through):
        database = Database(address)
        block = database.writing if is_writing else database.reading

        async def look_twice() -> None:
            async with Patience(0.2).bound(), block() as connection:
                await connection.execute(select(NOTES))
                gets_through.clear()
                await connection.execute(select(NOTES))

        with pytest.raises(CommitInDoubt):
            await look_twice()
        gets_through.set()
        assert await said(database, 1) == 0
        await database.close()


async def test_a_reader_that_has_its_answer_leaves_a_silent_postgresql_in_time(url: str) -> None:
    """It waited for the answer to its ROLLBACK without end, and a cancellation waited for it."""
    async with falling_silent(url) as (address, gets_through):
        database = Database(address)
        async with database.reading() as connection:
            await connection.execute(select(NOTES))
            gets_through.clear()
        gets_through.set()
        assert await said(database, 1) == 0
        await database.close()
