"""The whole path: from a text at the webhook to the SMS at ACS and its delivery report, in fair weather and in a storm.

    .venv/bin/python -m benchmarks.storm [fair] [storm] [backlog] [same] [lone]

Bot and Azure are processes on the same machine (`tests/support`), the database is a fresh SQLite file with
`synchronous=FULL`, the rules set no pace. Without a name all are measured:

fair     20,000 texts as fast as the bot takes them, single-event posts over 128 connections. ACS answers within 0.1 s
storm    the same in the weather of `make soak`: a third of the calls goes wrong, one in five takes up to 2 s
backlog  a bot that starts with 5,000, 50,000 and 100,000 replies queued: seconds until all are sent, and its memory
same     10,000 phones say the same word: calls to ACS
lone     a text every 40 ms: from its commit to the SDK call that answers it (`Sender.wake` to `AcsSmsService.send`,
         in the bot), and from its 200 to that call's arrival (as Azure's process sees them)
"""

import argparse
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.azure_model import Progress, Texts, peer_of
from tests.support.processes import Process
from tests.support.soak import STORM
from tests.support.stand import Stand
from tests.support.storm import Storm

FAIR = Storm(latency=0.1)
LANES = 10
#: A bot that prints when a commit wakes its sender, and when a call to ACS begins.
TOLD = """
import sys, time
from bot.sending.sender import Sender
from bot.wire.acs import AcsSmsService

def told(kind, name):
    original = getattr(kind, name)
    def tell(*arguments):
        print(f"{name} at {time.monotonic_ns()}", file=sys.stderr)
        return original(*arguments)
    setattr(kind, name, tell)

told(Sender, "wake")
told(AcsSmsService, "send")
from bot.cli import main
main()
"""


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "measures", nargs="*", metavar="NAME", help="what to measure; all of it without a name"
    )
    parser.add_argument("--messages", type=int, default=20_000, help="for fair and storm")
    given = parser.parse_args()
    measures: dict[str, Callable[[], None]] = {
        "fair": lambda: measure_path("fair weather", FAIR, given.messages),
        "storm": lambda: measure_path("storm", STORM, given.messages),
        "backlog": measure_backlogs,
        "same": measure_same,
        "lone": measure_lone,
    }
    if unknown := set(given.measures) - measures.keys():
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(measures)}")
    for name in given.measures or measures:
        measures[name]()


def measure_path(name: str, storm: Storm, messages: int) -> None:
    """Texts in, SMS out, reports in."""
    with _stand(lanes=LANES, connections=128, pace=60) as stand:
        stand.azure.set_storm(storm)
        stand.bot.start()
        began, work = time.monotonic(), _work(stand)
        stand.azure.text(Texts(first=0, count=messages))
        sent = _wait(stand, lambda progress: progress.sent >= messages).newest_sms - began
        done = _wait(stand, lambda progress: not progress.waiting)
        work = _work(stand) - work
        whole = done.newest_delivery - began
        print(
            f"{name}: {messages:,} texts, {done.calls:,} calls to ACS,"
            f" {done.calls - done.fates['taken']:,} of which went wrong, {done.delivered - messages:,} reports"
        )
        print(f"  answered by SMS        {messages / sent:8,.0f} messages/s  ({sent:.1f} s)")
        print(f"  reports stored as well {messages / whole:8,.0f} messages/s  ({whole:.1f} s)")
        print(
            f"  of the bot's own work  {messages / work:8,.0f} messages for a second of a core ({work:.1f} s)"
        )


def measure_backlogs() -> None:
    """Small, large, and large with nothing that could leave together."""
    for count in (5_000, 50_000, 100_000):
        measure_backlog(count)
    measure_backlog(50_000, lanes=LANES, texts=["order {n:06d}"])


def measure_backlog(count: int, *, lanes: int = 1, texts: list[str] | None = None) -> None:
    """Fill the outbox while ACS fails, start a bot on it in fair weather."""
    with _stand(lanes=lanes, texts=texts, connections=8, batch=500, BOT_QUEUE_LIMIT="1000000") as stand:
        stand.azure.set_storm(Storm(failed=1.0))
        stand.bot.start()
        stand.azure.text(Texts(first=0, count=count))
        _wait(stand, lambda progress: progress.delivered >= count)
        filled = _memory(stand, "VmHWM")
        stand.bot.stop()
        stand.azure.set_storm(FAIR)
        stand.bot.start()
        began, work = time.monotonic(), _work(stand)
        at_start = _memory(stand, "VmRSS")
        before = stand.azure.progress().calls
        sent = _wait(stand, lambda progress: progress.sent >= count).newest_sms - began
        done = _wait(stand, lambda progress: not progress.waiting)
        print(
            f"backlog of {count:,}{', each with a text of its own' if texts else ''}, lanes: {lanes}: sent in"
            f" {sent:.1f} s ({count / sent:,.0f} messages/s, {done.calls - before:,} calls), with all reports in"
            f" {done.newest_delivery - began:.1f} s; {_work(stand) - work:.1f} s of a core"
        )
        print(
            f"  memory: {at_start:.0f} MB when it starts, {_memory(stand, 'VmHWM'):.0f} MB at most while it drains"
            f" ({filled:.0f} MB at most while it filled)"
        )


def measure_same() -> None:
    """How many calls it takes to say the same to many."""
    for name, options, latency in (
        ("in requests of 500", {"connections": 8, "batch": 500}, 0.1),
        ("one by one, ACS answering within 0.1 s", {"connections": 128}, 0.1),
        ("one by one, ACS answering at once", {"connections": 128}, 0.0),
    ):
        with _stand(texts=["hours"], **options) as stand:
            stand.azure.set_storm(Storm(latency=latency, reports=False))
            stand.bot.start()
            stand.azure.text(Texts(first=0, count=10_000))
            done = _wait(stand, lambda progress: progress.sent >= 10_000)
            ids = {sms.repeatability_id for sms in stand.azure.outcome().sent}
            print(f"10,000 phones say the same, {name}: {done.calls:,} calls, {len(ids):,} repeatability ids")


def measure_lone(count: int = 500) -> None:
    """How long a text waits that nobody waits beside."""
    with _stand(texts=["hours"], connections=1) as stand:
        stand.azure.set_storm(Storm(reports=False))
        process = Process(
            [sys.executable, "-c", TOLD, "serve"], folder=stand.bot.folder, environ=stand.bot.environ
        )
        try:
            process.wait_for("Listening on (.+);")
            stand.azure.text(Texts(first=0, count=count, seconds=count * 0.04))
            _wait(stand, lambda progress: progress.sent >= count)
            outcome = stand.azure.outcome()
        finally:
            process.kill()
        lines = re.findall(r"^(wake|send) at (\d+)$", process.printed(), re.MULTILINE)
        moments = [(kind, int(at)) for kind, at in lines]
        # Where two were under way at once, nobody can tell whose call it was.
        inside = [
            (moments[place + 1][1] - moments[place][1]) / 1e6
            for place in range(1, len(moments) - 1)
            if [kind for kind, _ in moments[place - 1 : place + 2]] == ["send", "wake", "send"]
        ]
        outside = [
            (outcome.called[peer] - outcome.acknowledged[peer]) * 1e3 for peer in map(peer_of, range(count))
        ]
        print(f"a lone text, {len(inside):,} of {count:,} in the bot, {len(outside):,} outside:")
        print(f"  commit to SDK call          {_spread(inside)}")
        print(f"  its 200 to the call at ACS  {_spread(outside)}")


@contextmanager
def _stand(**options: Any) -> Iterator[Stand]:
    """A stand that leaves nothing behind."""
    folder = Path(tempfile.mkdtemp(prefix="storm-"))
    try:
        with Stand(folder / "stand", **options) as stand:
            yield stand
    finally:
        shutil.rmtree(folder)


def _wait(stand: Stand, holds: Callable[[Progress], bool], seconds: float = 900) -> Progress:
    """How far Azure has come, once it has come so far."""
    deadline = time.monotonic() + seconds
    while not holds(progress := stand.azure.progress()):
        if time.monotonic() > deadline:
            raise SystemExit(f"after {seconds:g} s there is only {progress}")
        time.sleep(0.05)
    return progress


def _memory(stand: Stand, name: str) -> float:
    """Megabytes of the bot's process: VmRSS as it is, VmHWM the most so far."""
    assert stand.bot.process
    status = Path(f"/proc/{stand.bot.process.pid}/status").read_text("ascii")
    return int(status.partition(f"{name}:")[2].split()[0]) / 1024


def _work(stand: Stand) -> float:
    """Seconds of a core that the bot has used so far: they say the same on a busy machine."""
    assert stand.bot.process
    fields = Path(f"/proc/{stand.bot.process.pid}/stat").read_text("ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _spread(milliseconds: list[float]) -> str:
    """Median, and what one in ten, nine in ten and 99 in a hundred stay below."""
    parts = statistics.quantiles(milliseconds, n=100)
    least, median, most, nearly_all = (parts[place] for place in (9, 49, 89, 98))
    return f"median {median:.2f} ms, 10 % within {least:.2f}, 90 % within {most:.2f}, 99 % within {nearly_all:.2f}"


if __name__ == "__main__":
    main()
