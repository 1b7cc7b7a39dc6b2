"""Health says which number may not call for long and until when, and nothing of an outage that nobody waits for."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.operations.checks import check_sending
from bot.sending.circuit_breaker import Circuit
from bot.sending.held_numbers import LONG, HeldNumbers
from bot.sending.sms_service import SendFailed, SendOutcome, SmsCall
from tests.support.bots import OURS, Scripted, age, heard, until
from tests.support.databases import kinds_in_turn
from tests.support.quick_bots import QuickBot

OTHER = "+15555550199"
NOT_ALLOWED = SendFailed(reason="ACS answered 405.", scope="service", http_status=405)


class Weather(Scripted):
    """An SMS service that answers all calls of a number alike until told otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.of: dict[str, SendOutcome] = {}

    async def send(self, call: SmsCall) -> list[SendOutcome]:
        outcomes = await super().send(call)
        told = self.of.get(call.number)
        return outcomes if told is None else [told] * len(call.recipients)


@pytest.fixture
def sms() -> Weather:
    return Weather()


async def _bot(url: str, sms: Weather, **options: Any) -> QuickBot:
    bot = QuickBot(url, sms=sms, **options)
    await bot.start()
    return bot


def _asked(seconds: float) -> SendFailed:
    return SendFailed(reason="ACS answered 429.", scope="number", retry_after=seconds)


async def test_a_number_that_is_held_back_for_long_is_named_with_the_time(
    database_url: str, sms: Weather
) -> None:
    bot = await _bot(database_url, sms)
    sms.of[OURS] = _asked(1_800)
    began = datetime.now(UTC)
    await bot.hear(heard())
    await until(lambda: bool(bot.sender.link.troubles()))
    checked = await check_sending(bot.sender.link)
    assert checked.status == "degraded"
    (trouble,) = checked.more["troubles"]
    sentence = rf"ACS asks {re.escape(OURS)} to make no call before (.+) UTC: ACS answered 429\."
    found = re.fullmatch(sentence, trouble.reason)
    assert found, trouble.reason
    until_then = datetime.fromisoformat(f"{found[1]}Z")
    assert abs(until_then - began - timedelta(minutes=30)) < timedelta(seconds=30)
    assert began <= trouble.since <= datetime.now(UTC)
    await bot.hear(heard(number=OTHER))
    await bot.settled(number=OTHER)
    assert bot.sender.link.troubles() == [trouble], "another number's success ends nothing, and `since` stays"
    await bot.stop()


@kinds_in_turn
async def test_a_short_wait_is_nobodys_trouble(database_url: str, sms: Weather) -> None:
    bot = await _bot(database_url, sms)
    sms.of[OURS] = _asked(LONG - 1)
    await bot.hear(heard())
    await until(lambda: bool(sms.calls))
    await asyncio.sleep(0.1)
    assert (await check_sending(bot.sender.link)).status == "ok"
    await bot.stop()


async def test_an_outage_ends_with_the_last_message_that_waits_for_it(
    database_url: str, sms: Weather, logs: list[dict[str, Any]]
) -> None:
    bot = await _bot(database_url, sms, reply_ttl=timedelta(hours=1))
    sms.of[OURS] = NOT_ALLOWED
    await bot.hear(heard())
    await until(lambda: bot.sender.link.is_down)
    assert "ACS answered 405." in bot.sender.link.troubles()[0].reason
    await age(bot, timedelta(hours=2))
    await until(lambda: not bot.sender.link.is_down)
    assert (await check_sending(bot.sender.link)).status == "ok"
    (reply,) = await bot.replies()
    assert reply.status == "failed"
    (line,) = (line for line in logs if line.get("action") == "acs_down_over")
    assert line["reason"] == "ACS answered 405."
    sms.of.clear()
    await bot.hear(heard("name", peer="+15555550102"))
    await bot.settled("+15555550102")
    await bot.stop()


@kinds_in_turn
async def test_an_outage_lasts_while_anything_waits(database_url: str, sms: Weather) -> None:
    bot = await _bot(database_url, sms)
    sms.of[OURS] = NOT_ALLOWED
    await bot.hear(heard())
    await until(lambda: bot.sender.link.is_down)
    bot.sender.link.rest(bot.sender.link.calls.total() - 1)  # a call was made since nothing waited
    assert bot.sender.link.is_down
    await asyncio.sleep(0.6)  # three looks at the database
    assert bot.sender.link.is_down
    await bot.stop()


def test_of_a_wait_that_another_process_met_the_first_look_is_the_beginning() -> None:
    now = datetime(2026, 11, 27, 12, tzinfo=UTC)
    held = HeldNumbers(lambda: {OURS: Circuit(until=1_600.0, is_asked=True, reason="ACS answered 429.")})
    (first,) = held.troubles(1_000.0, now)
    assert (
        first.reason == f"ACS asks {OURS} to make no call before 2026-11-27 12:10:00 UTC: ACS answered 429."
    )
    (later,) = held.troubles(1_060.0, now + timedelta(minutes=1))
    assert (later.since, later.reason) == (now, first.reason)
    assert list(held.troubles(1_600.0 - LONG, now + timedelta(minutes=8))) == []
