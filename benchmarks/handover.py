"""How long a number has nobody who sends for it, when the replica that had it stops, is killed, or stands still.

    .venv/bin/python -m benchmarks.handover [--rounds 5]

Replicas are processes, on a PostgreSQL of their own.
"""

import argparse
import asyncio
import signal
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

from bot.storage.database import Database
from bot.storage.duties import SharedDuties
from bot.supervisor import Supervisor
from tests.support.postgresql import postgresql_server

NAME = "lane +15555550100"


async def hold(url: str) -> None:
    """Be a replica that has the number until a line comes in, and say whenever that changes."""
    database = Database(url)
    duties = SharedDuties(database)
    duty = duties.duty(NAME)
    duties.start(Supervisor())
    loop = asyncio.get_running_loop()
    told = loop.run_in_executor(None, sys.stdin.readline)
    was = False
    while not told.done():
        if duty.is_ours != was:
            was = duty.is_ours
            print("ours" if was else "lost", flush=True)
        await asyncio.sleep(0.005)
    await duties.stop()
    await database.close()


async def replica(url: str) -> asyncio.subprocess.Process:
    """Start one, which has the number when this returns."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.handover", "--hold", url,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await said(process, b"ours")
    return process


async def said(process: asyncio.subprocess.Process, word: bytes) -> None:
    """Wait until a replica has said this."""
    assert process.stdout is not None
    while (line := await process.stdout.readline()).strip() != word:
        if not line:
            raise SystemExit("A replica ended.")


async def stop(process: asyncio.subprocess.Process) -> None:
    """As for a rolling update."""
    assert process.stdin is not None
    process.stdin.write(b"\n")


async def kill(process: asyncio.subprocess.Process) -> None:
    """As by the system, when memory runs out."""
    process.kill()


async def stand_still(process: asyncio.subprocess.Process) -> None:
    """As a machine that is paused: the connections stay open."""
    process.send_signal(signal.SIGSTOP)


async def gap(url: str, end: Callable[[asyncio.subprocess.Process], Awaitable[None]]) -> float:
    """Seconds from the end of one replica until this one has the number."""
    holder = await replica(url)
    database = Database(url)
    duties = SharedDuties(database)
    duties.start(Supervisor())
    gained = asyncio.Event()
    duty = duties.duty(NAME, gained.set)
    await asyncio.sleep(1)
    assert not duty.is_ours
    began = time.monotonic()
    await end(holder)
    await gained.wait()
    took = time.monotonic() - began
    if end is stand_still:
        holder.send_signal(signal.SIGCONT)
        await said(holder, b"lost")
        holder.kill()
    await holder.wait()
    await duties.stop()
    await database.close()
    return took


async def measure(url: str, rounds: int) -> None:
    """Print a line for each way to end."""
    for name, end in (("stops", stop), ("is killed", kill), ("stands still", stand_still)):
        gaps = [await gap(url, end) for _ in range(rounds)]
        print(f"{name:12}  median {statistics.median(gaps):.2f} s, longest {max(gaps):.2f} s", flush=True)


def main() -> None:
    """Measure, or be a replica that is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hold", metavar="URL", help="be a replica (for the benchmark itself)")
    options = parser.parse_args()
    if options.hold:
        asyncio.run(hold(options.hold))
        return
    with postgresql_server() as server:
        asyncio.run(measure(server.database(), options.rounds))


if __name__ == "__main__":
    main()
