"""How long a batch of a purge holds the writer while events come, by the writer's own clock; and how long others do.

    .venv/bin/python benchmarks/purge_hold.py [--messages 8000] [--busy 0]

`--busy` starts so many processes that do nothing but compute, for a machine that has other things to do. What counts is
the transaction from its begin to the end of its commit. Transactions without a batch, which take events in the same
time, say how much of it is the machine's.
"""

import argparse
import asyncio
import multiprocessing
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace
from sqlalchemy import update

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
from bot.storage.writer import Writer

RULES = "rules: [{name: hours, when: {keyword: hours}, reply: We are open.}]"
OLD = timedelta(days=100)


class TimedDatabase(Database):
    """Notes how long each transaction that writes takes."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.times: dict[bool, list[float]] = {True: [], False: []}
        self.is_purging = False

    @asynccontextmanager
    async def writing(self, *arguments: Any, **options: Any) -> AsyncIterator[Any]:
        """As the database does, by the clock."""
        async with super().writing(*arguments, **options) as connection:
            self.is_purging, began = False, time.perf_counter()
            yield connection
        self.times[self.is_purging].append(time.perf_counter() - began)


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


async def measure(count: int, folder: str) -> None:
    """Fill a database, make it old, purge it while events come, and print what it took."""
    database = TimedDatabase(f"sqlite+aiosqlite:///{folder}/bot.db")
    await database.upgrade()
    writer = Writer(database, hold=5)
    writer.start()
    book = load_texts({"rules.yaml": RULES}).book
    assert book is not None
    queue = QueueLimit(database, 10_000_000)
    caps, marks = Caps(replies=100_000, repeats=100_000), ErasureMarks()
    inbox = Inbox(writer, lambda: book, lambda _: None, lambda: None, caps, queue, marks=marks)
    for start in range(0, count, 500):
        await inbox.accept([heard(number) for number in range(start, start + 500)])
    then = datetime.now(UTC) - OLD
    async with database.writing() as connection:
        await connection.execute(update(messages).values(created_at=then, status="delivered"))
        await connection.execute(update(conversations).values(last_message_at=then))
    database.times[False].clear()
    purger = Purger(database, writer, marks, is_alone=True, steps=[marking(step, database) for step in STEPS])
    coming = asyncio.create_task(come(inbox, count))
    gone = await purger.run(Keep.everything(OLD - timedelta(days=10)))
    coming.cancel()
    await asyncio.gather(coming, return_exceptions=True)
    print({name: rows for name, rows in gone.items() if rows}, f"load {os.getloadavg()[0]:.1f}")
    tell("batches of the purge", database.times[True])
    tell("everything else", database.times[False])
    await queue.stop()
    await writer.stop()
    await database.close()


def marking(step: PurgeStep, database: TimedDatabase) -> PurgeStep:
    """The step, whose batches are told apart from other transactions."""

    async def remove(connection: Any, keys: Any, due: Any) -> int:
        database.is_purging = True
        return await step.remove(connection, keys, due)

    return replace(step, remove=remove)


async def come(inbox: Inbox, first: int) -> None:
    """Ten messages every hundredth of a second."""
    while True:
        await inbox.accept([heard(first + place) for place in range(10)])
        first += 10
        await asyncio.sleep(0.01)


def tell(what: str, seconds: list[float]) -> None:
    """Print the middle, the ends and the longest."""
    ordered = sorted(seconds)
    found = [1e3 * ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.9, 0.99, 1)]
    print(
        f"{what}: {len(ordered)}, ms: " + ", ".join(f"{each:.1f}" for each in found) + " (50, 90, 99, 100 %)"
    )


def main() -> None:
    """Measure once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--messages", type=int, default=8_000)
    parser.add_argument("--busy", type=int, default=0)
    given = parser.parse_args()
    busy = [multiprocessing.Process(target=compute, daemon=True) for _ in range(given.busy)]
    for each in busy:
        each.start()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(given.messages, folder))
    for each in busy:
        each.terminate()


if __name__ == "__main__":
    main()
