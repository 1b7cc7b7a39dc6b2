"""What a reply from elsewhere costs beside a plain one, when many ask the same within a minute.

    .venv/bin/python -m benchmarks.fetch_cost --texts 10000

The whole path but Azure: the inbox stores and decides, the fetcher asks a real HTTP server, the lane sends. Plain texts
and texts that ask (`keep: 30s`) take turns, so that what the machine does besides counts for both; CPU seconds of this
process are compared. Exit status 1 where a reply costs more than 1.3 times a plain one, or more than five requests ran.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bot.clock import utc_now
from bot.conversation.completions import Completions
from bot.sending.fetcher import Fetcher
from bot.wire.fetch_client import HttpAsker
from tests.support.books import book_from
from tests.support.bots import CAPS, Bot, heard, until
from tests.support.shops import a_shop, order_rules

#: Events of one call, as Event Grid posts them when many arrive.
_AT_ONCE = 20
_ROUND = 500
MOST_REQUESTS, MOST_TIMES = 5, 1.3


def main() -> int:
    """Measure, and judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fetch-cost-") as folder:
        requests, ratios = asyncio.run(_measure(Path(folder), given.texts))
    ratio = statistics.median(ratios)
    print(f"{given.texts:,} texts, {requests} requests, {ratio:.2f} times the CPU of a plain reply")
    return 1 if requests > MOST_REQUESTS or ratio > MOST_TIMES else 0


async def _measure(folder: Path, texts: int) -> tuple[int, list[float]]:
    async with a_shop() as shop:
        book = book_from(order_rules(shop.address, more="keep: 30s"))
        bot = Bot(f"sqlite+aiosqlite:///{folder}/bot.db", book=book)
        asker = HttpAsker(secrets={"SHOP_TOKEN": "x"}, signing_secret=None, private_hosts=["127.0.0.1"])
        completions = Completions(lambda: book, CAPS, bot.queue, utc_now)
        fetcher = Fetcher(bot.database, bot.writer, asker, completions.record, on_queued=bot.sender.wake)
        bot.inbox.on_fetch, bot.inbox.kept_answer = fetcher.wake, fetcher.kept.get
        await bot.database.upgrade()
        await bot.start()
        fetcher.start()
        try:
            ratios = [await _pair(bot, number) for number in range(max(texts // _ROUND, 1))]
        finally:
            await fetcher.stop()
            await asker.close()
            await bot.stop()
        return len(shop.requests), ratios


async def _pair(bot: Bot, number: int) -> float:
    """One round of each kind; how many times the one costs the other."""
    costs = {}
    for kind, text in (("plain", "hours"), ("fetch", "order 4711")) if number % 2 else (
        ("fetch", "order 4711"), ("plain", "hours")
    ):  # fmt: skip
        area = 10 + 2 * number + (kind == "fetch")
        events = [heard(text, peer=f"+1{area:04}{at:06}") for at in range(_ROUND)]
        before, sent = time.process_time(), _sent(bot)
        for start in range(0, _ROUND, _AT_ONCE):
            await bot.inbox.accept(events[start : start + _AT_ONCE])
        await until(lambda sent=sent: _sent(bot) >= sent + _ROUND, 120)  # type: ignore[misc]  # bound at once
        costs[kind] = time.process_time() - before
    return costs["fetch"] / costs["plain"]


def _sent(bot: Bot) -> int:
    return sum(len(call.recipients) for call in bot.sms.calls)


if __name__ == "__main__":
    sys.exit(main())
