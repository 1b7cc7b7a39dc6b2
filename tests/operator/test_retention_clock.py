"""Retention erases nothing while the clock is known to be wrong, and erases what is old once it is right."""

import asyncio
from collections.abc import MutableMapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.operator.purge import Purger
from bot.operator.purge_steps import Keep
from bot.operator.retention import Retention
from bot.sending.clock_check import ClockCheck
from bot.supervisor import Supervisor
from tests.support.bots import Bot, heard, report, until
from tests.support.databases import Databases, kinds_in_turn
from tests.support.services import Acs, running

KEEP = Keep.everything(timedelta(days=30))
AHEAD = timedelta(days=40)


class Machine:
    """A machine whose clock is ahead of the truth, and ACS, which tells the time."""

    def __init__(self) -> None:
        self.ahead = AHEAD
        self.truth = timedelta()
        self.check = ClockCheck(now=self.now)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def call_acs(self) -> None:
        self.check.compare(datetime.now(UTC) + self.truth, self.now(), self.now())


async def talks(bot: Bot, count: int) -> None:
    for number in range(count):
        peer = f"+1555555{number:04d}"
        await bot.hear(heard("hours", peer=peer))
        await bot.no_longer_queued(peer)
        for reply in await bot.replies(peer):
            assert reply.provider_message_id
            await bot.hear(report(reply.provider_message_id, peer=peer))


@kinds_in_turn
async def test_a_clock_40_days_ahead_erases_nobody(bot: Bot, logs: list[MutableMapping[str, Any]]) -> None:
    await talks(bot, 3)
    machine = Machine()
    machine.call_acs()
    looked = 0

    class Counted(ClockCheck):
        @property
        def waits_for(self) -> str | None:
            nonlocal looked
            looked += 1
            return machine.check.waits_for

    purger = Purger(bot.database, bot.writer, bot.marks, is_alone=True, clock=machine.now)
    retention = Retention(purger.run, KEEP, first=0, every=0.01, trust=Counted())
    retention.start(Supervisor())
    try:
        await until(lambda: looked > 3)
        assert len(await bot.conversations()) == 3
        machine.ahead = timedelta()
        before = looked
        await until(lambda: looked > before + 3)
        assert machine.check.is_trusted
        assert len(await bot.conversations()) == 3, "nothing is old"
        machine.ahead = machine.truth = AHEAD
        machine.call_acs()
        async with asyncio.timeout(20):
            while await bot.conversations():  # noqa: ASYNC110 - it has no event for it
                await asyncio.sleep(0.02)
    finally:
        await retention.stop()
    (line,) = [line for line in logs if line.get("action") == "retention_waits"]
    assert "seconds ahead of ACS's; ACS refuses every call" in line["cause"]


async def test_the_service_shows_that_it_waits_and_all_its_parts_ask_the_one_check(
    tmp_path: Path, databases: Databases, acs: Acs
) -> None:
    async with running(tmp_path, databases.migrated("sqlite"), acs, BOT_EVENTS_TO=acs.address) as bot:
        service, now = bot.service, datetime.now(UTC)
        expire: Any = service.sender._expiries.work
        say: Any = service.follow_ups._turns.work
        parts: list[Any] = [
            service.data_protection._retention, expire.__self__, service.follow_ups, say.__self__,
            service.handovers, service.teamwork.planned, service.forwarder,
            *service.events_out.forwarders.values(),
        ]  # fmt: skip
        assert {id(part._trust) for part in parts} == {id(service.clock)}
        service.clock.compare(now - AHEAD, now, now)
        said = "nor is anything removed"
        check = (await bot.http.get("/health/ready")).json()["checks"]["clock"]
        assert check["status"] == "degraded"
        assert said in check["reason"]
        overview = (await bot.get("/api/overview")).json()
        assert any(said in each["reason"] for each in overview["alarms"])
