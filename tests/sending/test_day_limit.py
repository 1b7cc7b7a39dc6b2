"""A number sends no more in a day than `per_day`; then replies wait, and confirmations of opt-outs leave."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from bot.operator.actor import Actor
from bot.operator.ceilings import Ceilings, NoCeiling
from bot.rulebook.sender_numbers import OurNumber
from bot.sending.day_limit import day_limit
from tests.support.bots import OURS, Bot, heard, until
from tests.support.databases import kinds_in_turn
from tests.support.quick_bots import QuickBot

NUMBERS = {OURS: OurNumber(kind="10dlc", opt_out="bot", per_day=3)}


class DayClock:
    """A clock that a test sets forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


async def ceiling_bot(url: str, numbers: dict[str, OurNumber] = NUMBERS, **options: Any) -> Bot:
    bot = QuickBot(url, per_day=lambda number: day_limit(numbers, number), **options)
    await bot.start()
    return bot


def peers(bot: Bot) -> list[str]:
    return [one.peer for call in bot.sms.calls for one in call.recipients]


def peer(number: int) -> str:
    return f"+155555502{number:02}"


def _has_used(bot: Bot, count: int) -> bool:
    use = bot.sender.uses().get(OURS)
    return use is not None and use.used == count and len(peers(bot)) == count


def ceilings_of(bot: Bot, clock: Any = lambda: datetime.now(UTC)) -> Ceilings:
    return Ceilings(bot.database, bot.writer, lambda: NUMBERS, bot.sender.reopen, timedelta(hours=24), clock)


async def test_no_more_leave_than_the_ceiling_and_a_restart_forgets_nothing(database_url: str) -> None:
    bot = await ceiling_bot(database_url)
    await bot.hear(*(heard(f"hours {number}", peer=peer(number)) for number in range(5)))
    await until(lambda: len(peers(bot)) == 3)
    await bot.stop()
    again = await ceiling_bot(database_url)
    await again.hear(heard("stop", peer=peer(0)))
    await until(lambda: peers(again) == [peer(0)])  # the confirmation of an opt-out leaves
    await again.hear(heard("hours", peer=peer(7)))
    await until(lambda: again.sender.uses()[OURS].used == 4)
    assert peers(again) == [peer(0)]
    ceilings = ceilings_of(again)

    async def three_wait() -> bool:
        (number,) = await ceilings.read()
        return (number.used, number.allowed, number.queued, number.is_held) == (4, 3, 3, True)

    await until(three_wait)
    await again.stop()


@kinds_in_turn
async def test_a_person_lets_them_go(database_url: str) -> None:
    bot = await ceiling_bot(database_url)
    await bot.hear(*(heard("hours", peer=peer(number)) for number in range(5)))
    await until(lambda: len(peers(bot)) == 3)
    ceilings = ceilings_of(bot)
    assert await ceilings.release(OURS, by=Actor("Ann")) == 3
    await until(lambda: len(peers(bot)) == 5)
    assert await ceilings.release(OURS, by=Actor("Ann")) == 0  # it may send already
    await bot.hear(*(heard("hours", peer=peer(10 + number)) for number in range(3)))
    await until(lambda: len(peers(bot)) == 6)

    async def two_wait() -> bool:
        (number,) = await ceilings.read()
        return (number.used, number.allowed, number.queued) == (6, 6, 2)

    await until(two_wait)
    with pytest.raises(NoCeiling):
        await ceilings.release("+15555550199", by=Actor("Ann"))
    await bot.stop()


@kinds_in_turn
async def test_the_next_day_they_leave(database_url: str) -> None:
    clock = DayClock()
    bot = await ceiling_bot(database_url, clock=clock, reply_ttl=timedelta(hours=72))
    await bot.hear(*(heard("hours", peer=peer(number)) for number in range(5)))
    await until(lambda: len(peers(bot)) == 3)
    clock.ahead = timedelta(days=1)
    bot.sender.look()
    await until(lambda: len(peers(bot)) == 5)
    await until(lambda: (use := bot.sender.uses().get(OURS)) is not None and use.used == 2)
    await bot.stop()


@kinds_in_turn
async def test_near_the_ceiling_is_known_at_eighty_in_a_hundred(database_url: str) -> None:
    numbers = {OURS: OurNumber(kind="10dlc", opt_out="bot", per_day=5)}
    bot = await ceiling_bot(database_url, numbers)
    seen = []
    for number in range(5):
        await bot.hear(heard("hours", peer=peer(number)))
        await until(partial(_has_used, bot, number + 1))
        use = bot.sender.uses()[OURS]
        seen.append((use.is_near, use.is_reached))
    assert seen == [(False, False)] * 3 + [(True, False), (True, True)]
    await bot.stop()


@kinds_in_turn
async def test_a_number_without_a_ceiling_is_not_counted(database_url: str) -> None:
    bot = await ceiling_bot(database_url, {})
    await bot.hear(*(heard("hours", peer=peer(number)) for number in range(5)))
    await until(lambda: len(peers(bot)) == 5)
    assert bot.sender.uses() == {}
    await bot.stop()
