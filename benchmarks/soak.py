"""Never lost, never twice: a bot that is killed again and again while texts arrive and ACS storms.

    make soak
    .venv/bin/python -m benchmarks.soak --messages 2000 --kills 10 --database postgresql

The bot is a process on a fresh database, ended by SIGKILL at random moments, some of them before it is up. Azure is
another process: an Event Grid that delivers each event in one to three copies, in any order, again and again until it
is answered 200 (a minute of its waits is a second here), and an ACS that throttles (429 with Retry-After), fails (500,
503, connections reset), takes messages and drops or breaks the answer, takes up to 2 s, and sends each delivery report
up to three times, late and in any order. At the end the books of both sides are compared message by message.

Exit status 0: every phone got exactly one SMS, every message is in a final state, both sides agree. Else 1.
"""

import argparse
import contextlib
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.support.postgresql import postgresql_server
from tests.support.processes import run_bot
from tests.support.soak import Moment, Plan, Verdict, in_words, run


def main() -> int:
    """Run a round and say what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=20_000, help="phones, each of which texts once")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument(
        "--life", type=float, default=4.0, help="seconds between being up and SIGKILL, on average"
    )
    parser.add_argument("--seed", type=int, help="repeats the moments of the kills of an earlier round")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    given = parser.parse_args()
    seed = random.randrange(10**6) if given.seed is None else given.seed
    console = Console()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, _database(given.database, folder) as url:
        plan = Plan(messages=given.messages, kills=given.kills, life=given.life, seed=seed, database_url=url)
        console.print(
            f"{plan.messages:,} texts, {plan.kills} kills, {given.database}, seed {seed}", highlight=False
        )
        verdict = _run_with_bars(plan, Path(folder, "round"), console)
    _print(verdict, plan, console)
    return 1 if verdict.faults else 0


@contextlib.contextmanager
def _database(kind: str, folder: str) -> Iterator[str | None]:
    """The address of a database with every table; None: the round's own SQLite file."""
    if kind == "sqlite":
        yield None
        return
    with postgresql_server() as server:
        url = server.database()
        done = run_bot("db", "upgrade", folder=Path(folder), environ={"BOT_DATABASE_URL": url})
        if done.returncode:
            raise SystemExit(done.stderr)
        yield url


def _run_with_bars(plan: Plan, folder: Path, console: Console) -> Verdict:
    with Progress(
        TextColumn("{task.description:22}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        TimeElapsedColumn(),
        console=console,
    ) as bars:
        kills = bars.add_task("kills", total=plan.kills)
        sent = bars.add_task("SMS sent", total=plan.messages)
        delivered = bars.add_task("events delivered", total=1)

        def tell(moment: Moment) -> None:
            bars.update(kills, completed=moment.kills)
            bars.update(sent, completed=moment.azure.sent)
            known = moment.azure.delivered + moment.azure.waiting
            bars.update(delivered, completed=moment.azure.delivered, total=max(known, 1))

        return run(plan, folder, tell)


def _print(verdict: Verdict, plan: Plan, console: Console) -> None:
    azure = verdict.azure
    table = Table(show_header=False, box=None, pad_edge=False)
    refused = {status: count for status, count in azure.answers.items() if status != 200}
    rows = [
        ("took", f"{verdict.seconds:,.0f} s"),
        ("kills", f"{verdict.kills}, {verdict.kills_at_start} of them while the bot was starting"),
        ("events", f"{plan.messages:,} texts and their reports in {azure.delivered:,} deliveries"),
        (
            "  not answered 200",
            _in_a_row({str(status or "no answer"): refused[status] for status in sorted(refused)}),
        ),
        ("calls to ACS", f"{azure.calls:,}: {_in_a_row(azure.fates)}"),
        ("repeats that ACS knew", f"{azure.repeats:,}"),
        ("SMS that went out", f"{azure.sent:,} to {plan.messages:,} phones"),
        ("states, in the bot", _in_a_row(verdict.bot_states)),
        ("states, by the reports", _in_a_row(verdict.acs_states)),
        ("the bot's log", f"{verdict.log_lines:,} lines"),
    ]
    for row in rows:
        table.add_row(*row)
    console.print(table, highlight=False)
    if verdict.faults:
        console.print(f"[bold red]{len(verdict.faults):,} faults[/]:", highlight=False)
        console.print(in_words(verdict.faults), markup=False, highlight=False)
    else:
        console.print(
            "[bold green]Nothing lost, nothing twice:[/] one SMS for every phone, every message in a final state,"
            " both sides agree.",
            highlight=False,
        )


def _in_a_row(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "none"


if __name__ == "__main__":
    sys.exit(main())
