"""The whole path: from the POST of a text to the SMS that ACS has accepted, beside Kannel and the quickstart pattern.

    .venv/bin/python benchmarks/whole_path.py [--rounds 5] [--reports] [--json FILE] [--tree OTHER_CHECKOUT]

Every shape is run by each contestant in turn, round after round; what counts are the medians of the ratios of a round.
The generator and the stand-in for ACS are processes of their own. Kannel has one shape: its fakesmsc's. `--reports`
adds runs in which each message gets its delivery report, over, until the last of both is stored. `--tree` adds the bot
of another checkout, such as the one before a change.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from contestants import HERE, PER_MINUTE, TREE, AcsStandIn, BotProcess, Generator, cpu_of, pause
from intake import wait_until_up
from kannel import Kannel, missing

#: Name → events a post, connections, messages a round.
SHAPES = {
    "batches of 500": (500, 8, 20_000),
    "batches of 10, 32 connections": (10, 32, 15_000),
    "single posts, 256 connections": (1, 256, 10_000),
    "single posts, 64 connections": (1, 64, 8_000),
    "single posts, 16 connections": (1, 16, 4_000),
}


class Contestant:
    """A process that takes events and sends SMS, with a stand-in of its own."""

    def __init__(self, name: str, acs: AcsStandIn, port: int, pid: int) -> None:
        self.name = name
        self._acs = acs
        self._port = port
        self.pid = pid
        #: When messages were measured, and how many.
        self._measured: list[tuple[float, int]] = []

    def _wait_for_pace(self, count: int) -> None:
        """Until so many may go at once: as many as go in a minute went in less on a quick machine, and then none."""
        while (
            sum(each for ended, each in self._measured if ended > time.monotonic() - 61) + count > PER_MINUTE
        ):
            pause(0.5)

    def measure(self, first: int, count: int, batch: int, connections: int) -> dict[str, float]:
        """One shape: messages a second, µs of processor a message, calls a message."""
        self._wait_for_pace(count)
        self._acs.ask("/forget", "POST")
        generator = Generator(self._port, first=first, count=count, batch=batch, connections=connections)
        work = cpu_of(self.pid)
        generator.start()
        began = generator.result()["began"]
        end = self._acs.ask(f"/wait/{count}")
        last = (
            max(end["last"], self._acs.ask(f"/reported/{count}")["last"])
            if self._acs.reports
            else end["last"]
        )
        pause(0.5)
        self._measured.append((time.monotonic(), count))
        return {
            "rate": count / (last - began),
            "processor": (cpu_of(self.pid) - work) / count * 1e6,
            "calls": end["calls"] / count,
            "repeats": end["repeats"],
        }


def bot(stack: ExitStack, name: str, tree: Path, *, reports: bool = False) -> Contestant:
    """`bot serve` of a checkout."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    port = random.randrange(20_000, 30_000)
    acs = AcsStandIn(port if reports else None)
    stack.callback(acs.close)
    process = BotProcess(folder / "bot", port, acs.connection_string, tree)
    stack.callback(process.close)
    return Contestant(name, acs, port, process.pid)


def quickstart(stack: ExitStack) -> Contestant:
    """`quickstart.py`."""
    port = random.randrange(20_000, 30_000)
    acs = AcsStandIn()
    stack.callback(acs.close)
    command = [sys.executable, str(HERE / "quickstart.py"), str(port), acs.connection_string]
    process = subprocess.Popen(command, cwd=HERE)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    wait_until_up(port, "/schema")
    return Contestant("quickstart pattern", acs, port, process.pid)


def rounds(
    contestants: list[Contestant], kannel: Kannel | None, count: int, scale: float
) -> Iterator[dict[str, Any]]:
    """One record for each contestant and shape of each round; the first round warms up and is left out."""
    first = 0
    for number in range(count + 1):
        if kannel is not None:
            rate = kannel.measure(int(30_000 * scale))
            if number:
                yield {"round": number, "shape": "", "name": "Kannel", "rate": rate}
        for shape, (batch, connections, usual) in SHAPES.items():
            messages = max(batch, int(usual * scale) // batch * batch)
            for each in contestants if number % 2 else reversed(contestants):
                slow = each.name == "quickstart pattern"
                found = each.measure(
                    first,
                    max(batch, messages // 10 // batch * batch) if slow else messages,
                    batch,
                    connections,
                )
                if number:
                    yield {"round": number, "shape": shape, "name": each.name, **found}
                print(".", end="", flush=True, file=sys.stderr)
            first += messages
    print(file=sys.stderr)


def table(records: list[dict[str, Any]]) -> str:
    """For people, in Markdown."""
    kannel = {each["round"]: each["rate"] for each in records if each["name"] == "Kannel"}
    ours = {(each["round"], each["shape"]): each["rate"] for each in records if each["name"] == "bot"}
    lines = [
        "| shape | who | messages/s | processor a message | calls a message | against Kannel | of the bot's rate |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    if kannel:
        lines.append(f"| its fakesmsc | Kannel | {statistics.median(kannel.values()):,.0f} | | | | |")
    for shape, name in dict.fromkeys((each["shape"], each["name"]) for each in records if each["shape"]):
        found = [each for each in records if each["shape"] == shape and each["name"] == name]
        against = [each["rate"] / kannel[each["round"]] for each in found if each["round"] in kannel]
        of_ours = [each["rate"] / ours[each["round"], shape] for each in found]
        lines.append(
            f"| {shape} | {name} | {statistics.median(each['rate'] for each in found):,.0f}"
            f" | {statistics.median(each['processor'] for each in found):.0f} µs"
            f" | {statistics.median(each['calls'] for each in found):.3f}"
            f" | {f'{statistics.median(against):.2f}' if against else ''} | {statistics.median(of_ours):.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run all, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of the messages a round")
    parser.add_argument("--shapes", nargs="*", help="words of the shapes to run; all without")
    parser.add_argument("--reports", action="store_true", help="also with a delivery report for each message")
    parser.add_argument("--alone", action="store_true", help="without Kannel and the quickstart pattern")
    parser.add_argument("--tree", type=Path, help="another checkout of the bot, to compare with")
    parser.add_argument("--json", type=Path, help="where to write every single figure")
    given = parser.parse_args()
    if given.shapes:
        for name in [name for name in SHAPES if not any(word in name for word in given.shapes)]:
            del SHAPES[name]
    with ExitStack() as stack:
        contestants = [bot(stack, "bot", TREE)]
        if given.reports:
            contestants.append(bot(stack, "bot, with reports", TREE, reports=True))
        if given.tree:
            contestants.append(bot(stack, f"bot of {given.tree.name}", given.tree))
        kannel = None
        if not given.alone:
            contestants.append(quickstart(stack))
            if sentence := missing():
                print(sentence, file=sys.stderr)
            else:
                kannel = Kannel(Path(stack.enter_context(tempfile.TemporaryDirectory())) / "kannel")
                stack.callback(kannel.close)
        records = list(rounds(contestants, kannel, given.rounds, given.scale))
    print(table(records))
    if given.json:
        given.json.write_text(json.dumps({"processors": os.cpu_count(), "records": records}, indent=1) + "\n")


if __name__ == "__main__":
    main()
