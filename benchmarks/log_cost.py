"""What the lines of messages in the log cost the whole path, in the processor's time: with them, and without.

    .venv/bin/python benchmarks/log_cost.py [--pairs 8] [--messages 2000]

Two bots, one at BOT_LOG_LEVEL=info and one at warning, get the same texts and delivery reports in turns, in changing
order; the log is a file. What counts is the median of the ratios of the pairs; on a busy machine, where processor time
itself rises with what the caches lose, the least of each is nearer to the truth. The first pair warms up.
"""

import argparse
import os
import statistics
from contextlib import ExitStack
from pathlib import Path

from contestants import TREE
from whole_path import Contestant, bot


def at_level(stack: ExitStack, level: str) -> Contestant:
    """A bot that logs from this level on."""
    os.environ["BOT_LOG_LEVEL"] = level
    return bot(stack, level, Path(TREE), reports=True)


def main() -> None:
    """Measure, and say the median and its quartiles."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument("--batch", type=int, default=1, help="events a post")
    given = parser.parse_args()
    ratios: list[float] = []
    least: dict[str, float] = {}
    with ExitStack() as stack:
        both = [at_level(stack, "info"), at_level(stack, "warning")]
        for number in range(given.pairs + 1):
            found = {
                each.name: each.measure(number * given.messages, given.messages, given.batch, 64)["processor"]
                for each in (both if number % 2 else reversed(both))
            }
            if number:
                ratios.append(found["info"] / found["warning"] - 1)
                least = {name: min(time, least.get(name, time)) for name, time in found.items()}
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(
        f"{len(ratios)} pairs of {given.messages:,} messages, load {os.getloadavg()[0]:.1f}: the lines cost"
        f" {middle:+.1%} of the processor's time (quartiles {low:+.1%}, {high:+.1%}),"
        f" the least is {least['info']:.0f} µs a message with them and {least['warning']:.0f} µs without"
    )


if __name__ == "__main__":
    main()
