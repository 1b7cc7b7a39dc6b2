"""How fast sends are claimed and settled and delivery reports taken, below the web server and without ACS.

    .venv/bin/python -m benchmarks.outbox

On a fresh SQLite file (or the database that --database names, which must be empty), each round queues --messages
replies, claims and settles them as the sender does, in calls of 100 and of 1, 16 at a time, and then takes a report
for each of them, in batches of 500, 8 at a time, and alone, 128 at a time. To compare two states of the code, run it
in a checkout of each in turns.
"""

import argparse
import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop

from bot.conversation.events import DeliveryReport, Inbound
from bot.sending.outbox import Claimed, Outbox, Queued, Settlement, queued_messages
from bot.sending.sms_service import SendAccepted
from tests.support.bots import OURS, Bot

_numbers = itertools.count(1)


class Bench:
    """A bot without a sender, and the outbox that it would use."""

    def __init__(self, url: str) -> None:
        self.bot = bot = Bot(url)
        self.database, self.writer, self.inbox = bot.database, bot.writer, bot.inbox
        outbox = Outbox(reply_ttl=timedelta(hours=24))
        self.claims, self.settlements = self.writer.batch(outbox.claim), self.writer.batch(outbox.settle)

    async def fill(self, messages: int) -> list[Queued]:
        """Queue so many replies, each to a new peer."""
        for start in range(0, messages, 500):
            await self.inbox.accept([_heard() for _ in range(start, min(start + 500, messages))])
        async with self.database.reading() as connection:
            return await queued_messages(connection, OURS, "", messages)

    async def send(self, queued: list[Queued], recipients: int) -> float:
        """Claim and settle; messages a second."""
        calls = [queued[start : start + recipients] for start in range(0, len(queued), recipients)]

        async def call(messages: list[Queued]) -> None:
            claimed = await self.claims.submit(messages)
            settlements = [
                Settlement(
                    message=claim.message,
                    attempt=claim.attempt,
                    outcome=SendAccepted(provider_message_id=f"Outgoing_{claim.message.id}_noam"),
                )
                for claim in claimed
                if isinstance(claim, Claimed)
            ]
            await self.settlements.submit(settlements)

        return len(queued) / await _in_parallel(calls, call, 16)

    async def report(self, queued: list[Queued], together: int, in_parallel: int) -> float:
        """Take a report for each; reports a second."""
        reports = [_report(message) for message in queued]
        batches = [reports[start : start + together] for start in range(0, len(reports), together)]
        return len(queued) / await _in_parallel(batches, self.inbox.accept, in_parallel)


async def _in_parallel(items: list[Any], do: Callable[[Any], Awaitable[object]], most: int) -> float:
    """Seconds that it takes to do something with each."""
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            await do(item)

    start = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(most)))
    return time.perf_counter() - start


def _heard() -> Inbound:
    number = next(_numbers)
    return Inbound(
        message_id=f"Incoming_{number}",
        number=OURS,
        peer=f"+1555{number:07}",
        text="hours",
        received_at=datetime.now(UTC),
    )


def _report(message: Queued) -> DeliveryReport:
    return DeliveryReport(
        provider_message_id=f"Outgoing_{message.id}_noam",
        status="Delivered",
        details="No error.",
        reported_at=datetime.now(UTC),
        tag=message.id,
        peer=message.peer,
        raw='{"id": "…", "data": {"MessageId": "…", "DeliveryStatus": "Delivered"}}' + " " * 600,
    )


async def measure(url: str, messages: int, rounds: int) -> None:
    """Print each kind's median, and its least and most."""
    bench = Bench(url)
    await bench.database.upgrade()
    await bench.bot.sender.stop()
    await bench.bot.start(sending=False)
    rates: dict[str, list[float]] = {}
    for _ in range(rounds):
        queued = await bench.fill(messages)
        some, others = queued[: messages // 5], queued[messages // 5 :]
        rates.setdefault("sends in calls of 1", []).append(await bench.send(some, 1))
        rates.setdefault("sends in calls of 100", []).append(await bench.send(others, 100))
        rates.setdefault("reports alone", []).append(await bench.report(some, 1, 128))
        rates.setdefault("reports in batches of 500", []).append(await bench.report(others, 500, 8))
    await bench.bot.stop()
    for name, each in rates.items():
        print(f"{name:26} {statistics.median(each):8,.0f}/s  ({min(each):,.0f} to {max(each):,.0f})")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=10_000, help="a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", help="a database URL instead of a fresh SQLite file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.database or f"sqlite+aiosqlite:///{folder}/bot.db"
        uvloop.run(measure(url, given.messages, given.rounds))


if __name__ == "__main__":
    main()
