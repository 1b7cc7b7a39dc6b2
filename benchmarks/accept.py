"""What taking an event costs this checkout and another one, and how fast it goes: both in one run, in turn.

    .venv/bin/python benchmarks/accept.py --tree OTHER_CHECKOUT [--rounds 7] [--peers 1000] [--json FILE]

Each checkout has a `bot serve` of its own on a fresh SQLite file; ACS is a closed port, as in `intake.py`. The bots are
given the same bodies, which of them first by turns. What counts is the processor's time of the whole process for an
event: it moves far less than a rate when others use the machine. A rate also shows how well the work overlaps. The
first round warms up and is left out.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from contestants import TREE, BotProcess, cpu_of, pause
from intake import SECRET, event
from load import as_request, post_all

#: Name → events a post, connections, events a round.
SHAPES = {
    "batches of 500": (500, 8, 20_000),
    "batches of 10, 32 connections": (10, 32, 8_000),
    "single posts, 256 connections": (1, 256, 5_000),
    "single posts, 64 connections": (1, 64, 5_000),
}


def requests_of(first: int, count: int, batch: int, peers: int) -> list[bytes]:
    """The posts of a round."""
    numbers = range(first, first + count)
    return [
        as_request(
            f"/events?code={SECRET}",
            json.dumps([event(number, peers) for number in numbers[start : start + batch]]).encode(),
        )
        for start in range(0, count, batch)
    ]


def measure(bot: BotProcess, requests: list[bytes], connections: int, events: int) -> dict[str, float]:
    """µs of processor time an event, and events a second."""
    work = cpu_of(bot.pid)
    seconds = asyncio.run(post_all("127.0.0.1", bot.port, requests, connections))
    pause(0.3)
    return {"processor": (cpu_of(bot.pid) - work) / events * 1e6, "rate": events / seconds}


def ratios(records: list[dict[str, Any]], figure: str, ours: str) -> list[float]:
    """A figure of ours, of the other one's in the same round."""
    found: dict[int, dict[bool, float]] = {}
    for each in records:
        found.setdefault(each["round"], {})[each["name"] == ours] = each[figure]
    return [pair[True] / pair[False] for pair in found.values()]


def spread(found: list[float]) -> str:
    """The median, and in brackets the least and the most."""
    return f"{statistics.median(found):.2f} ({min(found):.2f} to {max(found):.2f})"


def table(records: list[dict[str, Any]], ours: str, theirs: str) -> str:
    """For people, in Markdown."""
    lines = [
        f"| shape | {ours}: µs an event | {theirs}: µs an event | ratio, pair by pair | events a second, ratio |",
        "| --- | --- | --- | --- | --- |",
    ]
    for shape in dict.fromkeys(each["shape"] for each in records):
        of_shape = [each for each in records if each["shape"] == shape]
        costs = {
            name: statistics.median(each["processor"] for each in of_shape if each["name"] == name)
            for name in (ours, theirs)
        }
        lines.append(
            f"| {shape} | {costs[ours]:.0f} | {costs[theirs]:.0f} | {spread(ratios(of_shape, 'processor', ours))}"
            f" | {spread(ratios(of_shape, 'rate', ours))} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run all, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tree", type=Path, required=True, help="the other checkout")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="of the events a round")
    parser.add_argument("--shapes", nargs="*", help="words of the shapes to run; all without")
    parser.add_argument("--peers", type=int, default=1_000_000, help="who half of the events come from")
    parser.add_argument("--json", type=Path, help="where to write every single figure")
    given = parser.parse_args()
    records: list[dict[str, Any]] = []
    ours, theirs = "this checkout", given.tree.name
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = random.randrange(20_000, 30_000)
        bots = []
        for place, (name, tree) in enumerate(((ours, TREE), (theirs, given.tree))):
            bot = BotProcess(
                folder / str(place), port + place, "endpoint=http://127.0.0.1:9;accesskey=c2VjcmV0", tree
            )
            stack.callback(bot.close)
            bots.append((name, bot))
        first = 0
        for number in range(given.rounds + 1):
            for shape, (batch, connections, usual) in SHAPES.items():
                if given.shapes and not any(word in shape for word in given.shapes):
                    continue
                events = max(batch, int(usual * given.scale) // batch * batch)
                requests = requests_of(first, events, batch, given.peers)
                first += events
                for name, bot in bots if number % 2 else reversed(bots):
                    found = measure(bot, requests, connections, events)
                    if number:
                        records.append({"round": number, "shape": shape, "name": name, **found})
                print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    print(table(records, ours, theirs))
    if given.json:
        given.json.write_text(json.dumps({"processors": os.cpu_count(), "records": records}, indent=1) + "\n")


if __name__ == "__main__":
    main()
