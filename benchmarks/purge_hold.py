"""How long a purge holds messages up: what a batch takes of the writer, by the writer's own clock, and what a call of
Event Grid's waits until it is stored, with a purge and without one.

    .venv/bin/python -m benchmarks.purge_hold [--messages 8000] [--busy 0] [--database postgresql]
    .venv/bin/python -m benchmarks.purge_hold --stored 1000000 [--seconds 300]

`--busy` starts so many processes that do nothing but compute, for a machine that has other things to do. A batch counts
from the begin of its transaction to the end of its commit; its processor time is the process's meanwhile: what it
takes longer by the clock is the disk's, or other programs'. `--stored` writes so many messages beforehand, into SQLite;
`--seconds` ends the purge after so long. Calls come as often before the purge as during it: what
they wait without one is the machine's.
"""

import argparse
import asyncio
import multiprocessing
import os
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace
from sqlalchemy import update

from benchmarks.past import write_past
from bot.conversation.backpressure import QueueLimit
from bot.conversation.erasure_marks import ErasureMarks
from bot.conversation.events import Inbound
from bot.conversation.inbox import Inbox
from bot.operator.purge import Purger
from bot.operator.purge_steps import STEPS, Keep, PurgeStep
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
#: Seconds for which calls come before the purge begins.
BEFORE = 10.0


#: Whether the transaction of this task is a purge's.
is_purging: ContextVar[bool] = ContextVar("is_purging", default=False)


class TimedDatabase(Database):
    """Notes how long each transaction that writes takes."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.times: dict[bool, list[float]] = {True: [], False: []}
        self.worked: dict[bool, list[float]] = {True: [], False: []}

    @asynccontextmanager
    async def writing(self, *arguments: Any, **options: Any) -> AsyncIterator[Any]:
        """As the database does, by the clock."""
        async with super().writing(*arguments, **options) as connection:
            is_purging.set(False)
            began, worked = time.perf_counter(), time.process_time()
            yield connection
        self.times[is_purging.get()].append(time.perf_counter() - began)
        self.worked[is_purging.get()].append(time.process_time() - worked)


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


async def measure(count: int, url: str, stored: int = 0, seconds: float | None = None) -> None:
    """Fill a database, make it old, purge it while events come, and print what it took."""
    database = TimedDatabase(url)
    await database.upgrade()
    if stored and database.path is not None:
        at = (datetime.now(UTC) - OLD).isoformat(timespec="microseconds")
        write_past(database.path, stored, state="delivered", at=at)
    writer = Writer(database, hold=5)
    writer.start()
    book = load_texts({"rules.yaml": RULES}).book
    assert book is not None
    queue = QueueLimit(database, 10_000_000)
    caps, marks = Caps(replies=100_000, repeats=100_000), ErasureMarks()
    inbox = Inbox(writer, lambda: book, lambda _: None, lambda: None, caps, queue, marks=marks)
    for start in range(0, count, 500):
        await inbox.accept([heard(number) for number in range(start, start + 500)])
    if count:
        then = datetime.now(UTC) - OLD
        async with database.writing() as connection:
            await connection.execute(update(messages).values(created_at=then, status="delivered"))
            await connection.execute(update(conversations).values(last_message_at=then))
    cutter = LogCutter(database)
    cutter.start(Supervisor())  # as the service does
    calls = Calls(inbox, count)
    coming = asyncio.create_task(calls.come())
    await asyncio.sleep(BEFORE)
    database.times[False].clear()
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
    tell("batches of the purge", database.times[True])
    tell("their processor time", database.worked[True])
    tell("other transactions", database.times[False])
    tell("calls before the purge", calls.times[False])
    tell("calls during the purge", calls.times[True])
    await cutter.stop()
    await queue.stop()
    await own.stop()
    await writer.stop()
    await database.close()


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
        + f" (50, 90, 99, 100 %); {sum(each > 0.05 for each in seconds)} over 50 ms"
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
        asyncio.run(measure(0 if given.stored else given.messages, url, given.stored, given.seconds))
    for each in busy:
        each.terminate()


if __name__ == "__main__":
    main()
