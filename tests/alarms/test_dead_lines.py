"""Nothing arrives: a number that fell silent, and delivery reports that stopped, are seen in what is stored."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, update

from bot.alarms.quiet_numbers import QuietNumbers
from bot.alarms.reports import ReportsStopped
from bot.queries.traffic import HOUR, Counts, store_hour
from bot.queries.traffic_counter import TrafficCounter
from bot.storage.database import Database
from bot.storage.tables import delivery_reports, messages, traffic_progress
from tests.support.bots import OURS, Bot, heard

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


async def texted(database: Database, until: datetime, *numbers: str) -> None:
    """Three messages an hour for five weeks."""
    async with database.writing() as connection:
        hour = NOW - timedelta(weeks=5)
        while hour < until:
            counts = Counts(inbound=3 * len(numbers), numbers=dict.fromkeys(numbers, 3))
            await store_hour(connection, hour, {hour: counts}, with_minutes=False)
            hour += HOUR
        progress: dict[str, Any] = {
            "id": 1, "passes": 1, "counted_from": NOW - timedelta(weeks=5), "counted_to": NOW, "change_id": 0,
            "newer_change_id": 0, "newer_change_at": NOW,
        }  # fmt: skip
        await connection.execute(insert(traffic_progress).values(progress))


async def test_a_number_that_fell_silent_is_named_and_another_is_not(database: Database) -> None:
    await texted(database, NOW, OURS)
    quiet = QuietNumbers(database)
    assert await quiet.look(NOW) == []
    (found,) = await quiet.look(NOW + 4 * HOUR)
    assert (found.kind, found.key) == ("quiet", f"quiet:{OURS}")
    assert found.reason.startswith(f"{OURS}, since 2026-11-26 12:00 UTC: see that Event Grid's subscription")


async def test_messages_are_counted_by_the_number_that_they_came_to(core_bot: Bot) -> None:
    await core_bot.hear(heard(), heard(peer="+15555550102"), heard(number="+15555550199"))
    await TrafficCounter(core_bot.database).count(datetime.now(UTC) + timedelta(minutes=1))
    quiet = QuietNumbers(core_bot.database)
    assert await quiet.look(datetime.now(UTC) + timedelta(days=9)) == []  # it has not seen enough to judge


async def test_reports_that_stop_are_seen_and_their_coming_back(core_bot: Bot) -> None:
    now = datetime.now(UTC)
    reports = ReportsStopped(core_bot.database)
    await core_bot.hear(*(heard(peer=f"+155555502{number:02}") for number in range(12)))
    for number in range(12):
        await core_bot.settled(f"+155555502{number:02}")
    assert await reports.look(now) == []  # none has ever come: nobody asked for any
    row = {
        "key": "k", "provider_message_id": "x", "status": "Delivered", "arrived_at": now - HOUR, "raw": "{}",
    }  # fmt: skip
    async with core_bot.database.writing() as connection:
        await connection.execute(insert(delivery_reports).values(row))
    assert await reports.look(now + timedelta(minutes=5)) == []  # they were sent just now
    (found,) = await reports.look(now + timedelta(minutes=20))
    assert found.kind == "reports"
    async with core_bot.database.writing() as connection:
        await connection.execute(update(messages).values(status="delivered"))
    assert await reports.look(now + timedelta(minutes=22)) == []
