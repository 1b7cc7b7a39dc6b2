"""How long a purge holds messages up: what a batch takes of the writer, by the writer's own clock, and what a call of
Event Grid's waits until it is stored, with a purge and without one.

    .venv/bin/python -m benchmarks.purge_hold [--messages 8000] [--busy 0] [--database postgresql]
    .venv/bin/python -m benchmarks.purge_hold --stored 1000000 [--seconds 300]

`--busy` starts so many processes that do nothing but compute, for a machine that has other things to do. A batch counts
from the begin of its transaction to the end of its commit. "The bot's own doing" is that time less

- what the event loop's thread or the database's, whichever was longer, was ready to run and had no processor,
- what the virtual machine's host took (`/proc/stat`, "steal"),
- for how long it waited while the disk had requests and finished none for 20 ms and more (`standstills.py`).

Other waits for the disk count as the bot's. Of the worst transactions of more than 50 ms the parts are listed.
`--stored` writes so many messages beforehand, into SQLite; `--seconds` ends the purge after so long. Calls come as
often before the purge as during it: what they wait without one is the machine's. On PostgreSQL a batch holds no writer:
it runs beside what takes events, and what is told of it is how long its transaction took.
"""

import argparse
import asyncio
import multiprocessing
import os
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import event, update

from benchmarks.past import write_past
from benchmarks.standstills import Span, noted, overlap
from bot.conversation.backpressure import QueueLimit
from bot.conversation.erasure_marks import ErasureMarks
from bot.conversation.events import Inbound
from bot.conversation.inbox import Inbox
from bot.operator.purge import Purger
from bot.operator.purge_steps import STEPS, Keep, PurgeStep
from bot.rulebook.collector import settle_after_start
from bot.rulebook.files.loader import load_texts
from bot.rulebook.simulate.loop_guard import Caps
from bot.storage.database import Database
from bot.storage.tables import conversations, messages
from bot.storage.wal_truncation import LogCutter
from bot.storage.writer import Writer
from bot.supervisor import Supervisor
from tests.support.postgresql import postgresql_server

RULES = "rules: [{name: hours, when: {keyword: hours}, reply: We are open.}]"
OLD = timedelta(days=100)
#: Seconds for which calls come before the purge begins, and for how many of them nothing is noted: the first
#: transaction compiles its statements.
BEFORE, WARM_UP = 10.0, 2.0
#: Seconds that nothing may take, and of how many transactions that took longer the parts are told.
LIMIT, MOST_TOLD = 0.05, 5


#: Whether the transaction of this task is a purge's.
is_purging: ContextVar[bool] = ContextVar("is_purging", default=False)


class TimedConnection(sqlite3.Connection):
    """Notes how long its commits waited, the processor's queue left out: for the disk."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.thread = threading.get_native_id()
        self.waited = 0.0

    def commit(self) -> None:
        """As SQLite does, by the clock."""
        began, worked, queued = time.perf_counter(), time.thread_time(), in_queue(self.thread)
        super().commit()
        self.waited += time.perf_counter() - began
        self.waited -= time.thread_time() - worked + in_queue(self.thread) - queued


class Held(Struct, frozen=True, kw_only=True):
    """What a transaction took, in seconds."""

    began: float
    wall: float
    #: Of the processor, by the whole process.
    computed: float
    #: A thread that it runs in was ready and had no processor; the virtual machine had none.
    queued: float
    stolen: float
    #: In COMMIT, for the disk.
    disk: float

    def stood(self, standstills: Sequence[Span]) -> float:
        """For how long it waited while the disk stood still."""
        waited = max(0.0, self.wall - self.computed - self.queued)
        return min(waited, overlap(standstills, self.began, self.began + self.wall))

    def own(self, standstills: Sequence[Span]) -> float:
        """By the bot's own doing."""
        return self.wall - self.queued - self.stolen - self.stood(standstills)


class TimedDatabase(Database):
    """Notes how long each transaction that writes takes."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.held: dict[bool, list[Held]] = {True: [], False: []}
        self._connections: list[TimedConnection] = []
        if self.is_sqlite:

            @event.listens_for(self._writer.sync_engine, "do_connect")
            def time_it(_dialect: Any, _record: Any, _arguments: Any, named: dict[str, Any]) -> None:
                named["factory"] = self._connection

    def _connection(self, *arguments: Any, **options: Any) -> TimedConnection:
        connection = TimedConnection(*arguments, **options)
        self._connections = [connection]
        return connection

    def _clocks(self) -> tuple[float, ...]:
        """The wall's, the process's, what was stolen, waited for the disk, and queued for by each thread."""
        threads = [threading.get_native_id(), *(each.thread for each in self._connections)]
        return (
            time.perf_counter(), time.process_time(), stolen(), sum(each.waited for each in self._connections),
            *map(in_queue, threads),
        )  # fmt: skip

    @asynccontextmanager
    async def writing(self, *arguments: Any, **options: Any) -> AsyncIterator[Any]:
        """As the database does, by the clock."""
        async with super().writing(*arguments, **options) as connection:
            is_purging.set(False)
            began = self._clocks()
            yield connection
        took = [now - then for now, then in zip(self._clocks(), began, strict=True)]
        wall, computed, robbed, disk, *queued = took
        self.held[is_purging.get()].append(
            Held(began=began[0], wall=wall, computed=computed, queued=max(queued), stolen=robbed, disk=disk)
        )


def in_queue(thread: int) -> float:
    """Seconds for which a thread of this process was ready to run and had no processor, since its start."""
    return int(Path(f"/proc/self/task/{thread}/schedstat").read_text().split()[1]) / 1e9


def stolen() -> float:
    """Seconds that the host took from this virtual machine, since its start; the mean of its processors."""
    with open("/proc/stat") as file:  # noqa: PTH123 - twice in each transaction
        return int(file.readline().split()[8]) / os.sysconf("SC_CLK_TCK") / (os.cpu_count() or 1)


def heard(number: int) -> Inbound:
    """A new message of a person."""
    return Inbound(
        message_id=f"Incoming_{number}",
        number="+15555550100",
        peer=f"+1555{number % 9_000_000:07d}",
        text="hours",
        received_at=datetime.now(UTC),
    )


def compute() -> None:
    """Keep a processor busy."""
    while True:
        sum(range(100_000))


async def measure(
    count: int, url: str, stored: int = 0, seconds: float | None = None
) -> tuple[TimedDatabase, "Calls"]:
    """Fill a database, make it old, purge it while events come, and print what went; what it took is noted in both."""
    database = TimedDatabase(url)
    await database.upgrade()
    if stored and database.path is not None:
        at = (datetime.now(UTC) - OLD).isoformat(timespec="microseconds")
        write_past(database.path, stored, state="delivered", at=at)
        os.sync()  # it leaves that to the system
    writer = Writer(database, hold=5)
    writer.start()
    book = load_texts({"rules.yaml": RULES}).book
    assert book is not None
    queue = QueueLimit(database, 10_000_000)
    caps, marks = Caps(replies=100_000, repeats=100_000), ErasureMarks()
    inbox = Inbox(writer, lambda: book, lambda _: None, lambda: None, caps, queue, marks=marks)
    if count:
        await hear_of_old(database, inbox, count)
    cutter = LogCutter(database)
    cutter.start(Supervisor())  # as the service does
    settle_after_start()  # as the service does, too
    sys.setswitchinterval(0.0005)  # and that
    calls = Calls(inbox, count)
    coming = asyncio.create_task(calls.come())
    await asyncio.sleep(WARM_UP)
    calls.times[False].clear()
    await asyncio.sleep(BEFORE)
    database.held[False].clear()
    robbed = stolen()
    calls.is_purging = True
    own = writer if database.is_sqlite else writer.beside()  # as the service does
    if own is not writer:
        own.start(name="retention's writer")
    purger = Purger(database, own, marks, is_alone=True, steps=[marking(step) for step in STEPS])
    gone: Counter[str] = Counter()
    began = time.perf_counter()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await purger.run(
                Keep.everything(OLD - timedelta(days=10)), lambda name, rows: gone.update({name: rows})
            )
    took = time.perf_counter() - began
    coming.cancel()
    await asyncio.gather(coming, return_exceptions=True)
    print(dict(+gone), f"in {took:.0f} s, load {os.getloadavg()[0]:.1f}")
    print(f"the host took {1e3 * (stolen() - robbed):.0f} ms of a processor meanwhile")
    await cutter.stop()
    await queue.stop()
    await own.stop()
    await writer.stop()
    await database.close()
    return database, calls


async def hear_of_old(database: Database, inbox: Inbox, count: int) -> None:
    """Take so many messages, and make them old."""
    for start in range(0, count, 500):
        await inbox.accept([heard(number) for number in range(start, start + 500)])
    then = datetime.now(UTC) - OLD
    async with database.writing() as connection:
        await connection.execute(update(messages).values(created_at=then, status="delivered"))
        await connection.execute(update(conversations).values(last_message_at=then))


def tell_all(database: TimedDatabase, calls: "Calls", standstills: Sequence[Span]) -> None:
    """Print what transactions and calls took, and the parts of each that took too long."""
    lengths = ", ".join(f"{1e3 * (end - begin):.0f}" for begin, end in standstills)
    print(f"the disk stood still {len(standstills)} times, ms: {lengths}")
    for what, held in (
        ("batches of the purge", database.held[True]),
        ("other transactions", database.held[False]),
    ):
        tell(what, [each.wall for each in held])
        tell("  by the bot's own doing", [each.own(standstills) for each in held])
        tell("  the processor's time", [each.computed for each in held])
        tell("  waited for the disk in COMMIT", [each.disk for each in held])
        for each in sorted(held, key=lambda each: -each.own(standstills))[:MOST_TOLD]:
            if each.wall > LIMIT:
                print(
                    f"  {1e3 * each.wall:.0f} ms: {1e3 * each.own(standstills):.0f} by the bot's own doing; it computed"
                    f" {1e3 * each.computed:.0f}, waited {1e3 * each.queued:.0f} for a processor and"
                    f" {1e3 * each.disk:.0f} in COMMIT for the disk, which stood still for"
                    f" {1e3 * each.stood(standstills):.0f}; the host took {1e3 * each.stolen:.0f}"
                )
    tell("calls before the purge", calls.times[False])
    tell("calls during the purge", calls.times[True])


class Calls:
    """Ten messages every hundredth of a second, and how long each call took."""

    def __init__(self, inbox: Inbox, first: int) -> None:
        self._inbox = inbox
        self._first = first
        self.times: dict[bool, list[float]] = {True: [], False: []}
        self.is_purging = False

    async def come(self) -> None:
        """Until it is cancelled."""
        while True:
            is_during, began = self.is_purging, time.perf_counter()
            await self._inbox.accept([heard(self._first + place) for place in range(10)])
            self.times[is_during].append(time.perf_counter() - began)
            self._first += 10
            await asyncio.sleep(0.01)


def marking(step: PurgeStep) -> PurgeStep:
    """The step, whose batches are told apart from other transactions."""

    async def remove(connection: Any, keys: Any, due: Any) -> int:
        is_purging.set(True)
        return await step.remove(connection, keys, due)

    return replace(step, remove=remove)


def tell(what: str, seconds: list[float]) -> None:
    """Print the middle, the ends and the longest."""
    ordered = sorted(seconds)
    found = [1e3 * ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.9, 0.99, 1)]
    print(
        f"{what}: {len(ordered)}, ms: "
        + ", ".join(f"{each:.1f}" for each in found)
        + f" (50, 90, 99, 100 %); {sum(each > LIMIT for each in seconds)} over 50 ms"
    )


@contextmanager
def fresh(kind: str, folder: str) -> Iterator[str]:
    """The address of an empty database, whose commits reach the disk."""
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{folder}/bot.db"
        return
    with postgresql_server() as server:
        server.tell("ALTER SYSTEM SET fsync = on", "SELECT pg_reload_conf()")
        yield server.database()


def main() -> None:
    """Measure once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--messages", type=int, default=8_000)
    parser.add_argument("--stored", type=int, default=0)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    given = parser.parse_args()
    busy = [multiprocessing.Process(target=compute, daemon=True) for _ in range(given.busy)]
    for each in busy:
        each.start()
    with tempfile.TemporaryDirectory() as folder, fresh(given.database, folder) as url:
        with noted(folder) as standstills:
            count = 0 if given.stored else given.messages
            found = asyncio.run(measure(count, url, given.stored, given.seconds))
        tell_all(*found, standstills)
    for each in busy:
        each.terminate()


if __name__ == "__main__":
    main()
