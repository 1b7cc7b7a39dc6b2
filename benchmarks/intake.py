"""How fast events are taken: durable, deduplicated, decided, their replies queued.

    .venv/bin/python benchmarks/intake.py

Starts one `bot serve` on a fresh SQLite file (or the database that --database names), with an empty Litestar route
added on the same server, and posts to both in turn, so that the ratio holds on a noisy machine. Each event is a new
message; half come from a new peer, half from one of --peers. ACS is a closed port: what is measured is the way in,
while the sender waits. Batches are compared with SQLite alone, which writes the same rows in commits of the same 500.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from load import as_request, post_all
from raw_sqlite import rate_of

SECRET = "the-secret-of-the-benchmark"
RULES = """
values: {shop: Corner Books}
rules:
  - {name: hours, when: {keyword: [hours, open]}, reply: "{{ shop }} is open Mon-Sat 9-18."}
  - {name: order, when: {pattern: 'order\\s+#?(?P<number>\\d{4,8})'}, reply: "Order {{ number }}: we look it up."}
  - {name: anything-else, when: anything, reply: "Sorry?"}
"""
SERVER = """
import sys
from litestar import post
from bot.app import Service
from bot.cli.serve import run, _say_where
from bot.operations.logs import configure_logs
from bot.operations.output_streams import free_output
from bot.settings import load, read_environment

@post("/empty", status_code=200)
async def empty() -> None:
    return None

free_output()  # as `bot serve` does: else each message's line is a write of its own
configure_logs("json")
settings = load(read_environment())
run(settings, lambda _url: Service(settings, more_routes=[empty]), _say_where)
"""


def event(number: int, peers: int) -> dict[str, object]:
    """An SMSReceived event as Azure documents it."""
    message_id = f"Incoming_20261123{number:010d}{random.randrange(10**9):09d}"
    peer = f"1555{number if number % 2 else random.randrange(peers):07d}"
    text = random.choice(["Hours?", "open", "order #123456", "thank you very much"])
    return {
        "id": message_id,
        "topic": "/subscriptions/s/resourcegroups/r/providers/microsoft.communication/communicationservices/c",
        "subject": "/phonenumber/15555550100",
        "data": {
            "MessageId": message_id,
            "From": peer,
            "To": "15555550100",
            "Message": text,
            "ReceivedTimestamp": "2026-11-23T00:27:45.3212345Z",
        },
        "eventType": "Microsoft.Communication.SMSReceived",
        "dataVersion": "1.0",
        "metadataVersion": "1",
        "eventTime": "2026-11-23T00:27:47Z",
    }


async def measure(
    port: int, singles: int, batches: int, rounds: int, connections: int, peers: int, stored: Path | None
) -> None:
    """Post in turns and print what came of it."""
    path = f"/events?code={SECRET}"
    number = 0
    empty_rates, single_rates, batch_rates, raw_rates = [], [], [], []
    for _ in range(rounds):
        bodies = []
        for _ in range(singles):
            number += 1
            bodies.append(json.dumps([event(number, peers)]).encode())
        seconds = await post_all(
            "127.0.0.1", port, [as_request("/empty", body) for body in bodies], connections
        )
        empty_rates.append(singles / seconds)
        seconds = await post_all("127.0.0.1", port, [as_request(path, body) for body in bodies], connections)
        single_rates.append(singles / seconds)
        bodies = []
        for _ in range(batches):
            events = []
            for _ in range(500):
                number += 1
                events.append(event(number, peers))
            bodies.append(json.dumps(events).encode())
        seconds = await post_all("127.0.0.1", port, [as_request(path, body) for body in bodies], 8)
        batch_rates.append(batches * 500 / seconds)
        if stored is not None:
            raw_rates.append(rate_of(stored, stored.parent, batches * 500))
    ratios = [ours / empty for ours, empty in zip(single_rates, empty_rates, strict=True)]
    print(f"empty route        {statistics.median(empty_rates):10,.0f} posts/s   {spread(empty_rates)}")
    print(f"single-event posts {statistics.median(single_rates):10,.0f} events/s  {spread(single_rates)}")
    print(f"  of the empty route's rate, pair by pair: median {statistics.median(ratios):.2f}, "
          f"{min(ratios):.2f} to {max(ratios):.2f}")  # fmt: skip
    print(f"batches of 500     {statistics.median(batch_rates):10,.0f} events/s  {spread(batch_rates)}")
    if raw_rates:
        ratios = [ours / raw for ours, raw in zip(batch_rates, raw_rates, strict=True)]
        print(f"SQLite alone       {statistics.median(raw_rates):10,.0f} events/s  {spread(raw_rates)}")
        print(f"  batches of its rate, pair by pair: median {statistics.median(ratios):.2f}, "
              f"{min(ratios):.2f} to {max(ratios):.2f}")  # fmt: skip


def spread(rates: list[float]) -> str:
    """The least and the most."""
    return f"({min(rates):,.0f} to {max(rates):,.0f})"


def main() -> None:
    """Run a server, measure, end it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--singles", type=int, default=8_000, help="single-event posts a round")
    parser.add_argument("--batches", type=int, default=40, help="batches of 500 a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=256, help="for single posts; batches use 8")
    parser.add_argument("--peers", type=int, default=1_000, help="who half of the events come from")
    parser.add_argument("--database", help="a database URL instead of a fresh SQLite file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder, "rules")
        rules.mkdir()
        (rules / "rules.yaml").write_text(RULES)
        port = random.randrange(20_000, 30_000)
        environment = {
            **os.environ,
            "BOT_DATABASE_URL": given.database or f"sqlite+aiosqlite:///{folder}/bot.db",
            "BOT_RULES": str(rules),
            "BOT_PORT": str(port),
            "BOT_WEBHOOK_SECRETS": SECRET,
            "BOT_ADMIN_TOKEN": "the-admin-of-the-benchmark",
            # A thousand people who text as much would be taken for machines.
            "BOT_REPLIES_PER_HOUR": "1000000",
            "BOT_REPEATS_PER_HOUR": "1000000",
            # Nothing is sent, so more waits than a bot would let wait.
            "BOT_QUEUE_LIMIT": "100000000",
            "BOT_ACS_CONNECTION_STRING": "endpoint=http://127.0.0.1:9;accesskey=c2VjcmV0",
        }
        with Path(folder, "log").open("w") as log:
            server = subprocess.Popen([sys.executable, "-c", SERVER], env=environment, stderr=log, stdout=log)
            try:
                wait_until_up(port)
                asyncio.run(
                    measure(
                        port,
                        given.singles,
                        given.batches,
                        given.rounds,
                        given.connections,
                        given.peers,
                        None if given.database else Path(folder, "bot.db"),
                    )
                )
            finally:
                server.terminate()
                server.wait(20)
        if os.environ.get("SHOW_LOG"):
            print(Path(folder, "log").read_text()[-3000:])


def wait_until_up(port: int, path: str = "/health/live") -> None:
    """Return once the server answers."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1)
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise SystemExit("the server did not come up")


if __name__ == "__main__":
    main()
