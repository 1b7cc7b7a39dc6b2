"""Asked elsewhere, answered once: a bot that is killed again and again while people ask for their orders.

    .venv/bin/python -m benchmarks.fetch_soak --orders 2000 --kills 20

The shop is a process that answers slowly, fails, resets connections and redirects, and is itself killed and started
again now and then. The bot is ended by SIGKILL at random moments. At the end each phone must have one SMS at ACS, with
the right answer or the rule's `otherwise`. Exit status 0, or 1 with what is wrong.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.support.acs import Acs
from tests.support.events import received
from tests.support.folders import in_folder
from tests.support.processes import ROOT, Bot, Process, free_port, until
from tests.support.shop_server import answer_to
from tests.support.shops import order_rules, write_rules

OTHERWISE = "We can't look that up right now."
#: Events of one call.
_AT_ONCE = 20


def main() -> int:
    """Run a round."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=2_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    print(f"{given.orders:,} orders, {given.kills} kills, seed {given.seed}")
    with tempfile.TemporaryDirectory(prefix="fetch-soak-") as text:
        folder = Path(text)
        acs = Acs(folder)
        try:
            faults = round_of(folder, acs, orders=given.orders, kills=given.kills, seed=given.seed)
        finally:
            acs.close()
    print("\n".join(faults) or "Each order was answered once, right or by `otherwise`.")
    return 1 if faults else 0


def round_of(folder: Path, acs: Acs, *, orders: int, kills: int, seed: int) -> list[str]:
    """Let people ask while bot and shop die; what is wrong at the end."""
    chance = random.Random(seed)
    port = free_port()
    peers = {f"+1555{7_000_000 + number:07d}": number for number in range(orders)}
    bot = Bot(
        in_folder(folder / "bot"),
        acs=acs.connection_string,
        BOT_PRIVATE_HOSTS="127.0.0.1",
        BOT_SECRET_SHOP_TOKEN="x",
    )
    write_rules(bot.folder, order_rules(f"http://127.0.0.1:{port}", timeout="5s"))
    shop = _open_shop(folder, port)
    begun = time.monotonic()
    try:
        bot.start()
        everybody = list(peers)
        for number in range(kills + 1):
            some = everybody[orders * number // (kills + 1) : orders * (number + 1) // (kills + 1)]
            with ThreadPoolExecutor(1) as pool:
                texting = pool.submit(_text, bot, [(peer, peers[peer]) for peer in some], chance)
                if number == kills:
                    texting.result()
                    continue
                time.sleep(chance.uniform(0, 1.5))
                if chance.random() < 0.3:
                    shop.kill()
                    shop = _open_shop(folder, port)
                bot.kill()
                bot.start()
                # Event Grid comes again with what was not acknowledged, and with what was.
                texting.result()
            _text(bot, [(peer, peers[peer]) for peer in some], chance)
        until(
            lambda: len({each["to"] for each in acs.all_messages()}) >= orders, 300, "a reply to each phone"
        )
        time.sleep(2)  # for a second one that should not come
        print(f"{time.monotonic() - begun:,.0f} s")
    finally:
        bot.close()
        shop.kill()
    return _faults(acs, peers)


def _open_shop(folder: Path, port: int) -> Process:
    command = [sys.executable, "-m", "tests.support.shop_server", str(port)]
    shop = Process(command, folder=folder, environ={"PYTHONPATH": str(ROOT)}, name="shop")
    shop.wait_for(r"listens on port (\d+)")
    return shop


def _text(bot: Bot, asked: list[tuple[str, int]], chance: random.Random) -> None:
    """Post the events, in any order; what the bot does not take for it is dead comes again later."""
    events = [received(peer, f"order {number}", MessageId=f"Incoming_{number}") for peer, number in asked]
    chance.shuffle(events)
    for start in range(0, len(events), _AT_ONCE):
        try:
            bot.post(events[start : start + _AT_ONCE])
        except httpx.HTTPError:
            continue


def _faults(acs: Acs, peers: dict[str, int]) -> list[str]:
    sent = Counter(message["to"] for message in acs.all_messages())
    twice = [peer for peer in peers if sent[peer] > 1]
    lost = [peer for peer in peers if not sent[peer]]
    said = {message["to"]: message["text"] for message in acs.all_messages()}
    wrong = [
        (peer, said[peer])
        for peer, number in peers.items()
        if peer in said and said[peer] not in {answer_to(number) or OTHERWISE, OTHERWISE}
    ]
    right = sum(said.get(peer) == answer_to(number) for peer, number in peers.items())
    print(f"{right:,} right, {sum(text == OTHERWISE for text in said.values()):,} otherwise")
    faults = [f"{len(lost)} phones got nothing: {lost[:5]}"] * bool(lost)
    faults += [f"{len(twice)} phones got more than one SMS: {twice[:5]}"] * bool(twice)
    return faults + [f"{len(wrong)} phones got a wrong answer: {wrong[:3]}"] * bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
