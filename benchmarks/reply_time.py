"""How long a person waits for the bot: from the moment a text is due to the SDK's call that names its sender.

    .venv/bin/python benchmarks/reply_time.py [--rates 10 1000] [--json FILE] [--tree OTHER_CHECKOUT]

An open loop: single posts leave when they are due, whatever became of those before. Generator, bot and stand-in for ACS
are processes of their own; their clocks are one.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from contestants import TREE, AcsStandIn, BotProcess, Generator, free_port
from texts import peer_of


def percentile(values: list[float], part: float) -> float:
    """The value that `part` of all are not above."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def main() -> None:
    """Run all, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rates", type=int, nargs="*", default=[10, 100, 500, 1_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="of each rate in each round")
    parser.add_argument("--tree", type=Path, help="another checkout of the bot, to compare with")
    parser.add_argument("--json", type=Path, help="where to write every single figure")
    given = parser.parse_args()
    found: dict[tuple[int, str], list[list[float]]] = {}
    with ExitStack() as stack:
        contestants = []
        trees = {"bot": TREE} | ({f"bot of {given.tree.name}": given.tree} if given.tree else {})
        for name, tree in trees.items():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            acs = AcsStandIn()
            stack.callback(acs.close)
            process = BotProcess(folder / "bot", free_port(), acs.connection_string, tree)
            stack.callback(process.close)
            contestants.append((name, acs, process))
        first = 0
        for number in range(given.rounds + 1):
            for rate in given.rates:
                count = max(20, int(rate * (given.seconds if number else 1)))
                for name, acs, process in contestants:
                    acs.ask("/forget", "POST")
                    generator = Generator(
                        process.port, first=first, count=count, batch=1, connections=1, rate=rate
                    )
                    generator.start()
                    due = generator.result()["due"]
                    acs.ask(f"/wait/{count}")
                    arrivals = acs.ask("/arrivals")
                    waits = [
                        (arrivals[peer_of(first + place)] - moment) * 1e3 for place, moment in enumerate(due)
                    ]
                    if number:  # the first round warms up
                        found.setdefault((rate, name), []).append(waits)
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
