"""Told once, in order: a bot that is killed again and again while its receiver is down, slow, fails and dies.

    .venv/bin/python -m benchmarks.events_soak --people 300 --kills 10

Each person writes five texts: hours, hours, stop, start, hours. The receiver changes its health every second or so:
nobody listens, answers after a second, 500, takes an event and hangs up. The bot is ended by SIGKILL at random moments.
At the end the receiver must have heard of each fact once by its id and, of each person, in the order in which it became
so. Exit status 0, or 1 with what is wrong.
"""

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import httpx

from tests.support.acs import Acs
from tests.support.events import received
from tests.support.folders import in_folder
from tests.support.processes import Bot, until
from tests.support.receivers import Health, Receiver

TEXTS = ("hours", "hours", "stop", "start", "hours")
#: What is heard of each of them, but for delivery, which the stand-in for ACS does not report.
TOLD = {
    "hours": ("message.received", "message.sent"),
    "stop": ("message.received", "peer.opted_out", "message.sent"),
    "start": ("message.received", "peer.opted_in", "message.sent"),
}
RULES = """\
rules:
  - {name: stop, when: {exact: stop}, opt_out: true, reply: Goodbye.}
  - {name: start, when: {exact: start}, opt_in: true, reply: Welcome back.}
  - {name: hours, when: {keyword: hours}, reply: We are open.}
"""
_AT_ONCE = 20


def main() -> int:
    """Run a round."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    print(f"{given.people:,} people, {given.kills} kills, seed {given.seed}")
    with tempfile.TemporaryDirectory(prefix="events-soak-") as text:
        faults = round_of(Path(text), people=given.people, kills=given.kills, seed=given.seed)
    print("\n".join(faults) or "Each event arrived, in order, once by its id.")
    return 1 if faults else 0


def round_of(folder: Path, *, people: int, kills: int, seed: int) -> list[str]:
    """Let people write while the bot dies and its receiver suffers; what is wrong at the end."""
    chance = random.Random(seed)
    peers = [f"+1555{7_000_000 + number:07d}" for number in range(people)]
    acs = Acs(folder)
    begun = time.monotonic()
    try:
        with suffering(seed) as receiver:
            bot = Bot(
                in_folder(folder / "bot"),
                acs=acs.connection_string,
                BOT_EVENTS_TO=receiver.address,
                BOT_EVENTS_SECRETS="a-secret-of-the-soak",
                BOT_REPEATS_PER_HOUR="1000",
            )
            (bot.folder / "rules").mkdir(exist_ok=True)
            for file in (bot.folder / "rules").glob("*.yaml"):
                file.unlink()
            (bot.folder / "rules" / "rules.yaml").write_text(RULES)
            try:
                bot.start()
                _talk(bot, acs, peers, kills, chance)
                receiver.is_over.set()
                wanted = people * sum(len(TOLD[each]) for each in TEXTS)
                until(lambda: len(receiver.events) >= wanted, 600, "every event")
            finally:
                bot.close()
        posts = sum(receiver.posted.values())
        print(
            f"{len(receiver.events):,} events in {posts:,} posts, {len(receiver.lives)} changes of health,"
            f" {time.monotonic() - begun:,.0f} s"
        )
        return faults_of(receiver, peers)
    finally:
        acs.close()


def faults_of(receiver: "Suffering", peers: list[str]) -> list[str]:
    """What the receiver heard and should not have, or did not hear."""
    expected = [kind for each in TEXTS for kind in TOLD[each]]
    # A reply is sent when the lane comes to it: after the facts of its own message, in the order of all replies.
    wrong = []
    for peer in peers:
        heard = receiver.of(peer)
        told = [each for each in heard if each != "message.sent"]
        if Counter(heard) != Counter(expected) or told != [
            each for each in expected if each != "message.sent"
        ]:
            wrong.append((peer, heard))
    order = [peer for peer in peers if receiver.sent_texts(peer) != receiver.said_texts()]
    faults = [f"{len(wrong)} people were told of wrongly: {wrong[:3]}"] * bool(wrong)
    return faults + [f"{len(order)} people's replies were told out of order: {order[:3]}"] * bool(order)


class Suffering(Receiver):
    """A receiver in a thread of its own, whose health changes."""

    def __init__(self) -> None:
        super().__init__()
        self.lives: list[Health] = []
        self.is_over = threading.Event()

    def sent_texts(self, peer: str) -> list[str]:
        """The replies of which it heard that they were sent, in that order."""
        return [
            each["data"]["text"]
            for each in self.events
            if each["type"] == "message.sent" and each["data"]["peer"] == peer
        ]

    @staticmethod
    def said_texts() -> list[str]:
        """What each person was answered."""
        return ["We are open.", "We are open.", "Goodbye.", "Welcome back.", "We are open."]

    async def suffer(self, chance: random.Random) -> None:
        """Fall ill and get well again."""
        bad = [each for each in get_args(Health) if each not in ("well", "poisoned")]
        while not self.is_over.is_set():
            self.health = chance.choice(["well", *bad])
            self.lives.append(self.health)
            if self.health == "down":
                await self.stop()
            await asyncio.sleep(chance.uniform(0.3, 2.0))
            if self.health == "down":
                await self.start()
        self.health = "well"


@contextlib.contextmanager
def suffering(seed: int) -> Iterator[Suffering]:
    """One that listens."""
    receiver, is_ended = Suffering(), threading.Event()
    is_up = threading.Event()

    async def live() -> None:
        await receiver.start()
        is_up.set()
        await receiver.suffer(random.Random(seed))
        while not is_ended.is_set():  # noqa: ASYNC110 - the event is another thread's
            await asyncio.sleep(0.05)
        await receiver.stop()

    thread = threading.Thread(target=lambda: asyncio.run(live()), daemon=True)
    thread.start()
    is_up.wait()
    try:
        yield receiver
    finally:
        receiver.is_over.set()
        is_ended.set()
        thread.join(10)


def _talk(bot: Bot, acs: Acs, peers: list[str], kills: int, chance: random.Random) -> None:
    """Everybody writes each text in turn; the bot dies in the midst of it."""
    for number, text in enumerate(TEXTS):
        for _ in range(kills // len(TEXTS)):
            with ThreadPoolExecutor(1) as pool:
                texting = pool.submit(_text, bot, peers, number, text, chance)
                time.sleep(chance.uniform(0.2, 2.0))
                bot.kill()
                bot.start()
                texting.result()
        # Event Grid comes again with what was not acknowledged, and with what was.
        _text(bot, peers, number, text, chance)
        # An opt-out would hold back what waits.
        count = len(peers) * (number + 1)
        until(lambda count=count: len(acs.all_messages()) >= count, 300, "the replies")  # type: ignore[misc]


def _text(bot: Bot, peers: list[str], number: int, text: str, chance: random.Random) -> None:
    events = [received(peer, text, MessageId=f"Incoming_{peer}_{number}") for peer in peers]
    chance.shuffle(events)
    for start in range(0, len(events), _AT_ONCE):
        with contextlib.suppress(httpx.HTTPError):
            bot.post(events[start : start + _AT_ONCE])


if __name__ == "__main__":
    sys.exit(main())
