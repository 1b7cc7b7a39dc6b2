"""Where the microseconds of a message go, from the POST to the SMS that ACS has accepted and its delivery report.

    .venv/bin/python benchmarks/microseconds.py [--shapes single "of 500"] [--scale 0.5] [--py-spy PROGRAM]

py-spy (`pip install py-spy`, no part of what the tests need) looks 250 times a second at what the event loop of a
`bot serve` does, and each look counts for the part of the work whose code is innermost. The parts' shares are scaled to
what the thread uses of the processor in a run before, in which nobody looks, so the table adds up to what a message
takes; the other threads are counted whole.
"""

import argparse
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from contestants import TREE
from whole_path import SHAPES, Contestant, bot

#: Looks a second.
RATE = 250
#: Of the event loop, innermost frame first: part → what its frames have in their names.
PARTS = {
    "the SDK's calls": r"bot/wire/(acs|direct_transport)|azure/|msrest/|aiohttp/",
    "the log's lines": r"message_sink|message_lines|output_streams|send_lines|Inbox\._tell|_report_line",
    "HTTP": r"bot/web/server/|uvicorn/|httptools",
    "reading events": r"bot/wire/envelopes",
    "the webhook around it": r"bot/wire/webhook|bot/wire/event_counts",
    "deciding": r"bot/rulebook/",
    "claim": r"Outbox\.claim|Lane\._claim|Lane\._submit",
    "settle": r"Outbox\.settle|Lane\._settle",
    "the lanes: reading, queueing, starting and ending calls": r"bot/sending/",
    "delivery reports": r"delivery_reports|_record_reports|status_changes",
    "messages: their rows, duplicates, receipts": r"bot/conversation/|bot/measures",
    "transactions around all of these": r"bot/storage/",
}
_PARTS = {part: re.compile(pattern) for part, pattern in PARTS.items()}
#: Statements of whichever part: they count for who asks for them.
_SERVES_OTHERS = re.compile(r"bot/storage/(bulk|sql|columns|sqlite_connection)|sqlalchemy/|aiosqlite/")
_REST = "asyncio and uvloop: sockets, timers, turns of the loop"


def part_of(frames: list[str]) -> str:
    """The part of the event loop's work that a look has met; `frames` from the outermost inwards."""
    for frame in reversed(frames):
        if _SERVES_OTHERS.search(frame):
            continue
        for part, pattern in _PARTS.items():
            if pattern.search(frame):
                return part
    return _REST


def shares(looks: str) -> Counter[str]:
    """Part of the event loop's work → looks, of py-spy's `raw` output: a stack and a count in each line."""
    found: Counter[str] = Counter()
    for line in looks.splitlines():
        stack, _, count = line.rpartition(" ")
        thread, *frames = stack.split(";")
        if "MainThread" in thread:
            found[part_of(frames)] += int(count)
    return found


def used_by_threads(pid: int) -> dict[int, float]:
    """Thread → microseconds of the processor's time that it has used; the event loop's is the process's first."""
    return {
        int(task.name): int((task / "schedstat").read_text().split()[0]) / 1_000
        for task in Path(f"/proc/{pid}/task").iterdir()
    }


def table(shape: str, found: Counter[str], used: list[float], calls: float) -> str:
    """For people, in Markdown, the largest part first; `used` by the event loop, the writer, and all other threads."""
    loop, writer, others = used
    looks = sum(found.values())
    lines = [f"| {shape}, {calls:.2f} calls a message | µs |", "| --- | --- |"]
    lines += [f"| {part} | {count / looks * loop:.1f} |" for part, count in found.most_common()]
    lines += [
        f"| **event loop in all** | **{loop:.1f}** |",
        f"| the writer's thread: statements and commits | {writer:.1f} |",
        f"| readers' threads, the log's, background work | {others:.1f} |",
        f"| **in all** | **{sum(used):.1f}** |",
    ]
    return "\n".join(lines)


def look_at(contestant: Contestant, program: str, shape: str, scale: float, first: int) -> str:
    """One shape twice: once for what it takes, and once more with somebody who looks."""
    batch, connections, usual = SHAPES[shape]
    messages = int(usual * scale) // batch * batch
    before = used_by_threads(contestant.pid)
    measured = contestant.measure(first, messages, batch, connections)
    after = used_by_threads(contestant.pid)
    used = {thread: (each - before.get(thread, 0)) / messages for thread, each in after.items()}
    loop = used.pop(contestant.pid)
    writer = max(used.values())
    rest = sum(used.values()) - writer
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "looks"
        command = [program, "record", "--pid", str(contestant.pid), "--format", "raw", "--output", str(raw),
                   "--rate", str(RATE), "--threads", "--duration", "600"]  # fmt: skip
        watcher = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            contestant.measure(first + messages, messages, batch, connections)
        finally:
            watcher.send_signal(signal.SIGINT)
            watcher.wait(60)
        return table(shape, shares(raw.read_text()), [loop, writer, rest], measured["calls"])


def main() -> None:
    """Print a table for each shape."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shapes", nargs="*", default=list(SHAPES), help="words of the shapes to run")
    parser.add_argument("--scale", type=float, default=1.0, help="of the messages")
    parser.add_argument("--py-spy", default=shutil.which("py-spy"), help="where it is, if not on the PATH")
    given = parser.parse_args()
    if given.py_spy is None:
        sys.exit("This needs py-spy: pip install py-spy, or name it: --py-spy PROGRAM")
    with ExitStack() as stack:
        contestant = bot(stack, "bot", TREE, reports=True)
        contestant.measure(0, 2_000, 10, 32)  # warms up
        first = 2_000
        for shape in SHAPES:
            if any(word in shape for word in given.shapes):
                print(look_at(contestant, given.py_spy, shape, given.scale, first), end="\n\n", flush=True)
                first += 100_000


if __name__ == "__main__":
    main()
