"""Bots that try again after milliseconds, not seconds."""

from typing import Any

from bot.sending.backoff import Backoff
from bot.sending.circuit_breaker import BreakerLimits
from bot.sending.limits import SendingLimits
from tests.support.bots import Bot

QUICK = SendingLimits(
    backoff=Backoff(first=0.01, longest=0.05),
    breaker=BreakerLimits(first_pause=0.05, longest_pause=0.2),
    look_again=0.2,
)


class QuickBot(Bot):
    """A bot with quick limits, unless others are given."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **{"limits": QUICK} | options)


async def asleep(url: str, **options: Any) -> Bot:
    """A bot that takes messages and sends none: it has no lane."""
    bot = QuickBot(url, **options)
    bot.inbox._on_queued = lambda _numbers: None
    await bot.start(sending=False)
    return bot
