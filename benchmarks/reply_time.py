"""How long a person waits for the bot: from the moment a text is due to the SDK's call that names its sender.

    .venv/bin/python benchmarks/reply_time.py [--rates 10 1000] [--json FILE] [--tree OTHER_CHECKOUT]
    .venv/bin/python benchmarks/reply_time.py --beside [console reload purge backup] [--rates 100]

An open loop: single posts leave when they are due, whatever became of those before. Generator, bot and stand-in for ACS
are processes of their own; their clocks are one. `--beside`: while a page of the console is open, rules are saved each
second, a purge or a backup runs, beside the same bot left alone; each on 300,000 old messages and with 2,020 rules.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from beside import BESIDE, MORE_RULES, going_on
from contestants import TREE, AcsStandIn, BotProcess, Generator, free_port
from stored import fill
from texts import peer_of

#: Old messages where something goes on beside the texts.
_STORED: Final = 300_000


class Contestant(NamedTuple):
    """A bot with its stand-in for ACS, and what goes on beside the texts."""

    name: str
    acs: AcsStandIn
    process: BotProcess
    folder: Path
    beside: str | None = None

    def disturbed(self) -> AbstractContextManager[None]:
        """What goes on, for as long as the block."""
        return going_on(self.beside, self.process, self.folder) if self.beside else nullcontext()


def percentile(values: list[float], part: float) -> float:
    """The value that `part` of all are not above."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def of_trees(stack: ExitStack, other: Path | None) -> list[Contestant]:
    """This checkout's bot, and another one's."""
    contestants = []
    trees = {"bot": TREE} | ({f"bot of {other.name}": other} if other else {})
    for name, tree in trees.items():
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "bot"
        acs = AcsStandIn()
        stack.callback(acs.close)
        process = BotProcess(folder, free_port(), acs.connection_string, tree)
        stack.callback(process.close)
        contestants.append(Contestant(name, acs, process, folder))
    return contestants


def beside_others(stack: ExitStack, wanted: list[str]) -> list[Contestant]:
    """A bot that is left alone, and one for each thing that goes on."""
    contestants = []
    past = (datetime.now(UTC) - timedelta(days=100)).isoformat(timespec="microseconds")
    for what in (None, *wanted):
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        file = fill(place / "past", _STORED, at=past)
        folder = place / "bot"
        folder.mkdir()
        file.rename(folder / "bot.db")
        acs = AcsStandIn()
        stack.callback(acs.close)
        process = BotProcess(folder, free_port(), acs.connection_string, more_rules=MORE_RULES)
        stack.callback(process.close)
        contestants.append(Contestant(what or "alone", acs, process, folder, what))
    return contestants


def main() -> None:
    """Run all, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rates", type=int, nargs="*", default=[10, 100, 500, 1_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="of each rate in each round")
    parser.add_argument("--tree", type=Path, help="another checkout of the bot, to compare with")
    parser.add_argument(
        "--beside",
        nargs="*",
        choices=[*BESIDE],
        metavar="WHAT",
        help=f"{', '.join(BESIDE)}; all, if none is named",
    )
    parser.add_argument("--json", type=Path, help="where to write every single figure")
    given = parser.parse_args()
    found: dict[tuple[int, str], list[list[float]]] = {}
    with ExitStack() as stack:
        if given.beside is None:
            contestants = of_trees(stack, given.tree)
        else:
            contestants = beside_others(stack, given.beside or [*BESIDE])
        first = 0
        for number in range(given.rounds + 1):
            for rate in given.rates:
                count = max(20, int(rate * (given.seconds if number else 1)))
                for contestant in contestants:
                    acs = contestant.acs
                    acs.ask("/forget", "POST")
                    generator = Generator(
                        contestant.process.port, first=first, count=count, batch=1, connections=1, rate=rate
                    )
                    with contestant.disturbed():
                        generator.start()
                        due = generator.result()["due"]
                        acs.ask(f"/wait/{count}")
                    arrivals = acs.ask("/arrivals")
                    waits = [
                        (arrivals[peer_of(first + place)] - moment) * 1e3 for place, moment in enumerate(due)
                    ]
                    if number:  # the first round warms up
                        found.setdefault((rate, contestant.name), []).append(waits)
                    print(".", end="", flush=True, file=sys.stderr)
                first += count
        print(file=sys.stderr)
    print("| texts a second | who | p50 | p95 | p99 |\n| --- | --- | --- | --- | --- |")
    for (rate, name), rounds in found.items():
        medians = [
            statistics.median(percentile(waits, part) for waits in rounds) for part in (0.5, 0.95, 0.99)
        ]
        print(f"| {rate:,} | {name} | " + " | ".join(f"{value:.1f} ms" for value in medians) + " |")
    if given.json:
        records = [
            {"rate": rate, "name": name, "ms": [[round(wait, 1) for wait in waits] for waits in rounds]}
            for (rate, name), rounds in found.items()
        ]
        given.json.write_text(json.dumps({"processors": os.cpu_count(), "records": records}) + "\n")


if __name__ == "__main__":
    main()
