"""What a bot costs by how much it has stored: a message, the start, the memory at rest; and how soon `--help` answers.

    .venv/bin/python benchmarks/growth.py [--stored 1000 100000 1000000] [--files FOLDER] [--json FILE]

A `bot serve` for each size, all at once, each on an SQLite file of its own that was filled beforehand. Half of the
texts come from people who have written before, at random places of the file, half from new ones; batches of 10. The
processor's time of the whole path is compared round by round with that of the smallest file.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from contestants import TREE, AcsStandIn, BotProcess, cpu_of, free_port, memory_of, pause
from intake import SECRET
from load import as_request, post_all
from stored import EACH, fill
from texts import event_of, peer_of

#: Events a post, and connections.
BATCH, CONNECTIONS = 10, 16
UNGUARDED = {"BOT_REPLIES_PER_HOUR": "1000000", "BOT_REPEATS_PER_HOUR": "1000000"}


def texts(first: int, count: int, known: int) -> tuple[list[bytes], int]:
    """The posts, and how many people write."""
    events, peers = [], set()
    for number in range(first, first + count):
        event: dict[str, Any] = event_of(number)
        peer = peer_of(random.randrange(known) if number % 2 else 9_000_000 - number)
        event["data"]["From"] = peer
        peers.add(peer)
        events.append(event)
    posts = [events[start : start + BATCH] for start in range(0, count, BATCH)]
    return [as_request(f"/events?code={SECRET}", json.dumps(post).encode()) for post in posts], len(peers)


def help_seconds(times: int = 5) -> dict[str, float]:
    """Medians of `bot --help`: seconds that went by, and of the processor."""
    went_by, used = [], []
    for _ in range(times + 1):  # the first compiles
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "bot", "--help"], cwd=TREE, stdout=subprocess.DEVNULL, check=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        went_by.append(time.monotonic() - began)
        used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {"seconds": statistics.median(went_by[1:]), "processor": statistics.median(used[1:])}


def main() -> None:
    """Fill, start, measure, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stored", type=int, nargs="*", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--files", type=Path, help="a folder that keeps what was filled for the next run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=3_000, help="a round")
    parser.add_argument("--json", type=Path, help="where to write every single figure")
    given = parser.parse_args()
    records: list[dict[str, Any]] = []
    starts: dict[int, dict[str, float]] = {}
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="microseconds")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bots = []
        for stored in given.stored:
            kept = (given.files or folder) / f"{stored}.db"
            if not kept.exists():
                fill(folder / f"fill-{stored}", stored, at=yesterday).rename(kept)
            (folder / f"{stored}").mkdir()
            shutil.copy(kept, folder / f"{stored}" / "bot.db")
            acs = AcsStandIn()
            stack.callback(acs.close)
            # Few people write as often as those of the smallest file: no machine is meant to be found among them.
            bot = BotProcess(folder / f"{stored}", free_port(), acs.connection_string, **UNGUARDED)
            stack.callback(bot.close)
            used = cpu_of(bot.pid)
            pause(3)
            starts[stored] = {"seconds": bot.start_seconds, "processor": used, "memory": memory_of(bot.pid)}
            bots.append((stored, acs, bot))
            print(f"{stored:,} stored", file=sys.stderr)
        for number in range(given.rounds + 1):
            for stored, acs, bot in bots if number % 2 else reversed(bots):
                posts, people = texts(number * given.messages, given.messages, max(1, stored // EACH))
                acs.ask("/forget", "POST")
                work = cpu_of(bot.pid)
                asyncio.run(post_all("127.0.0.1", bot.port, posts, CONNECTIONS))
                acs.ask(f"/wait/{people}")
                pause(0.5)
                if number:
                    used = (cpu_of(bot.pid) - work) / given.messages * 1e6
                    records.append({"round": number, "stored": stored, "processor": used})
                print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    help_took = help_seconds()
    least = {each["round"]: each["processor"] for each in records if each["stored"] == given.stored[0]}
    print(
        "| stored | processor a message | of the smallest | start to ready, of the processor | memory at rest |"
    )
    print("| --- | --- | --- | --- | --- |")
    for stored, start in starts.items():
        found = {each["round"]: each["processor"] for each in records if each["stored"] == stored}
        ratios = [found[number] / least[number] for number in found]
        print(f"| {stored:,} | {statistics.median(found.values()):.0f} µs | {statistics.median(ratios):.2f}"
              f" ({min(ratios):.2f} to {max(ratios):.2f}) | {start['seconds']:.1f} s, {start['processor']:.1f} s"
              f" | {start['memory']:.0f} MiB |")  # fmt: skip
    print(f"`bot --help`: {help_took['seconds']:.2f} s, {help_took['processor']:.2f} s of the processor")
    if given.json:
        whole = {"processors": os.cpu_count(), "records": records, "starts": starts, "help": help_took}
        given.json.write_text(json.dumps(whole, indent=1) + "\n")


if __name__ == "__main__":
    main()
