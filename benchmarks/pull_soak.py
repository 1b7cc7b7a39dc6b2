"""Pulled events are answered once: a bot that is killed again and again while it empties a Storage Queue.

    .venv/bin/python -m benchmarks.pull_soak --events 5000 --kills 10

The queue is Azurite's, the bot is `bot serve` with BOT_EVENTS_QUEUE alone, ended by SIGKILL at random moments. At the
end each phone must have one SMS at ACS, and the queue must be empty. Exit status 0, or 1 with what is wrong.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from azure.storage.queue import QueueClient

from tests.support.acs import Acs
from tests.support.azurite_server import azurite, make_queue
from tests.support.events import received
from tests.support.folders import in_folder
from tests.support.processes import Bot, until

NAME = "sms-events"


def main() -> int:
    """Run a round."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=5_000)
    parser.add_argument("--kills", type=int, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pull-soak-") as text:
        folder = Path(text)
        with azurite(folder) as storage, make_queue(storage, NAME) as queue:
            acs = Acs(folder)
            try:
                faults = round_of(folder, storage, queue, acs, events=given.events, kills=given.kills)
            finally:
                acs.close()
    print("\n".join(faults) or "Each event was answered once.")
    return 1 if faults else 0


def round_of(
    folder: Path, storage: str, queue: QueueClient, acs: Acs, *, events: int, kills: int
) -> list[str]:
    """Let a bot empty the queue; what is wrong at the end."""
    peers = [f"+1555{6_000_000 + number:07d}" for number in range(events)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda peer: queue.send_message(json.dumps(received(peer, "hours"))), peers))
    bot = Bot(
        in_folder(folder / "bot"),
        acs=acs.connection_string,
        BOT_WEBHOOK_SECRETS="",
        BOT_EVENTS_QUEUE=f"storage:{storage};queue={queue.queue_name}",
    )
    begun = time.monotonic()
    try:
        bot.start()
        for number in range(kills):
            # A tenth of the events, and then a random moment of what follows.
            left = events * (kills - number - 1) // kills
            until(lambda left=left: _count(queue) <= left or _count(queue) == 0, 120, "progress")
            time.sleep(random.uniform(0, 0.3))
            bot.kill()
            bot.start()
        until(lambda: _count(queue) == 0, 180, "an empty queue")
        until(lambda: len(acs.all_messages()) >= events, 180, "a reply to each phone")
        until(lambda: _queued(bot) == 0, 60, "an empty outbox")
        print(f"{events:,} events, {kills} kills: {time.monotonic() - begun:,.0f} s")
    finally:
        bot.close()
    sent = Counter(message["to"] for message in acs.all_messages())
    lost = [peer for peer in peers if not sent[peer]]
    twice = [peer for peer in peers if sent[peer] > 1]
    return [f"{len(lost)} phones got nothing: {lost[:5]}"] * bool(lost) + [
        f"{len(twice)} phones got more than one SMS: {twice[:5]}"
    ] * bool(twice)


def _count(queue: QueueClient) -> int:
    return int(queue.get_queue_properties().approximate_message_count or 0)


def _queued(bot: Bot) -> int:
    return len(bot.get("/conversations", delivery="queued", limit=1)["items"])


if __name__ == "__main__":
    sys.exit(main())
