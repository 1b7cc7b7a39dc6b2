"""A burst, such as a number shown on television: 100,000 texts as fast as they are taken, and the memory meanwhile.

    .venv/bin/python benchmarks/burst.py [--texts 100000] [--json FILE]
    .venv/bin/python benchmarks/burst.py --queued 1000000 [--seconds 60] [--files FOLDER]

Batches of 10 over 32 connections. Every quarter of a second it is noted how many have their reply and what memory the
bot holds. `--queued` starts a bot on so many replies that wait, and looks on for `--seconds` at most.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contestants import TREE, AcsStandIn, BotProcess, Generator, cpu_of, free_port, memory_of
from stored import fill


def watch(acs: AcsStandIn, bot: BotProcess, count: int, most: float) -> list[dict[str, float]]:
    """Until `count` people have their reply, for `most` seconds at most: what there was at each moment."""
    began, found = time.monotonic(), []
    while True:
        at, sent = time.monotonic() - began, acs.ask("/count")
        found.append({"at": round(at, 2), "sent": sent, "memory": round(memory_of(bot.pid))})
        if sent >= count or at > most:
            return found
        time.sleep(0.25)


def main() -> None:
    """Run, print what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--queued", type=int, help="drain so many instead")
    parser.add_argument("--files", type=Path, help="a folder that keeps what was filled, for a day at most")
    parser.add_argument(
        "--tree", type=Path, default=TREE, help="another checkout of the bot to run in its place"
    )
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--json", type=Path, help="where to write every single figure")
    given = parser.parse_args()
    whole: dict[str, Any] = {"processors": os.cpu_count()}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        acs = AcsStandIn()
        stack.callback(acs.close)
        if given.queued:
            now = datetime.now(UTC).isoformat(timespec="microseconds")
            kept = (given.files or folder) / f"queued-{given.queued}.db"
            if not kept.exists():
                fill(folder / "fill", 2 * given.queued, state="queued", each=2, at=now).rename(kept)
            (folder / "bot").mkdir()
            shutil.copy(kept, folder / "bot" / "bot.db")
            print(f"{given.queued:,} are queued", file=sys.stderr)
        bot = BotProcess(folder / "bot", free_port(), acs.connection_string, given.tree)
        stack.callback(bot.close)
        work, count = cpu_of(bot.pid), given.queued or given.texts
        if given.queued:
            found = watch(acs, bot, count, given.seconds)
        else:
            generator = Generator(bot.port, first=0, count=count, batch=10, connections=32)
            generator.start()
            result: dict[str, Any] = {}
            taker = threading.Thread(target=lambda: result.update(generator.result()))
            taker.start()
            found = watch(acs, bot, count, given.seconds)
            taker.join()
            whole["accepted_seconds"] = result["ended"] - result["began"]
            print(
                f"accepted in {whole['accepted_seconds']:.1f} s ({count / whole['accepted_seconds']:,.0f}/s)"
            )
        last = found[-1]
        whole |= {"samples": found, "processor": (cpu_of(bot.pid) - work) / last["sent"] * 1e6}
    print(f"{last['sent']:,.0f} sent in {last['at']:.1f} s ({last['sent'] / last['at']:,.0f}/s),"
          f" {whole['processor']:.0f} µs of the processor a message; memory {found[0]['memory']:.0f} MiB at first,"
          f" {max(each['memory'] for each in found):.0f} at most, {last['memory']:.0f} at the end")  # fmt: skip
    if given.json:
        given.json.write_text(json.dumps(whole) + "\n")


if __name__ == "__main__":
    main()
