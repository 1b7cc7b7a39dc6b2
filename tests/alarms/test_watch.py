"""People are told once when something begins and once when it is over, whatever happens to the bot meanwhile."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from bot.alarms.trouble import Trouble
from bot.alarms.watch import AlarmWatch
from bot.storage.alarm_tables import alarms
from bot.storage.database import Database
from bot.storage.database_errors import DatabaseUnavailable
from bot.storage.writer import Writer
from bot.wire.notify_client import AppriseChannels
from tests.support.hooks import Hook

NOW = datetime.now(UTC)
DOWN = Trouble(key="acs-down", kind="acs-down")
LATER = timedelta(minutes=1)


class Weather:
    """What is wrong, as a test sets it."""

    def __init__(self) -> None:
        self.troubles: list[Trouble] = []

    def __call__(self, _now: datetime) -> Iterator[Trouble]:
        yield from self.troubles


async def watch_on(database: Database, writer: Writer, weather: Weather, *hooks: Hook) -> AlarmWatch:
    channels = AppriseChannels([each.address for each in hooks])
    await channels.open()
    return AlarmWatch(database, writer, [weather], channels=channels, clock=lambda: NOW)


async def test_one_message_for_the_beginning_and_one_for_the_end(
    database: Database, writer: Writer, hook: Hook
) -> None:
    weather = Weather()
    watch = await watch_on(database, writer, weather, hook)
    await watch.look(NOW)
    weather.troubles = [DOWN]
    for minutes in range(5):
        await watch.look(NOW + minutes * LATER)
    assert hook.bodies == ["Azure Communication Services takes no messages. /console"]
    assert watch.troubles == [DOWN]
    weather.troubles = []
    for minutes in range(5, 10):
        await watch.look(NOW + minutes * LATER)
    assert len(hook.bodies) == 2
    assert hook.bodies[1].startswith("Azure Communication Services takes messages again, after ")


async def test_what_happens_within_a_minute_is_told_together(
    database: Database, writer: Writer, hook: Hook
) -> None:
    weather = Weather()
    watch = await watch_on(database, writer, weather, hook)
    kinds = ("acs-down", "queue", "rules", "clock")
    for second, kind in enumerate(kinds):
        weather.troubles.append(Trouble(key=kind, kind=kind))
        await watch.look(NOW + timedelta(seconds=10 * second))
        assert not hook.told
    await watch.look(NOW + timedelta(seconds=40))
    assert [len(body.splitlines()) for body in hook.bodies] == [4]
    assert hook.told[0]["title"] == "SMS bot: Azure Communication Services takes no messages, and 3 more"


async def test_ten_messages_an_hour_and_the_rest_in_the_next(
    database: Database, writer: Writer, hook: Hook
) -> None:
    weather = Weather()
    watch = await watch_on(database, writer, weather, hook)
    for minute in range(60):  # something new each minute
        weather.troubles.append(Trouble(key=f"fetch:{minute}", kind="fetch", reason=f"host {minute}"))
        await watch.look(NOW + minute * LATER)
    assert len(hook.told) == 10
    await watch.look(NOW + 65 * LATER)
    assert len(hook.told) == 11
    told = {line.split("(")[1].split(")")[0] for body in hook.bodies[:10] for line in body.splitlines()}
    lines = hook.bodies[10].splitlines()
    assert lines[20:] == [
        f"A service that rules ask does not answer: {60 - len(told) - 20} more.",
        "See /console",
    ]


async def test_a_restart_repeats_nothing_and_tells_what_ended_meanwhile(
    database: Database, writer: Writer, hook: Hook
) -> None:
    weather = Weather()
    weather.troubles = [DOWN]
    first = await watch_on(database, writer, weather, hook)
    await first.look(NOW)
    await first.look(NOW + LATER)
    second = await watch_on(database, writer, weather, hook)
    for minutes in range(2, 6):
        await second.look(NOW + minutes * LATER)
    assert len(hook.told) == 1
    weather.troubles = []
    third = await watch_on(database, writer, weather, hook)
    for minutes in range(6, 10):
        await third.look(NOW + minutes * LATER)
    assert len(hook.told) == 2


async def test_what_could_not_be_told_is_told_later_and_the_address_is_not_logged(
    database: Database, writer: Writer, hook: Hook, logs: list[dict[str, object]]
) -> None:
    weather = Weather()
    weather.troubles = [DOWN]
    hook.status = 500
    watch = await watch_on(database, writer, weather, hook)
    for minutes in range(3):
        await watch.look(NOW + minutes * LATER)
    hook.status = 200
    for minutes in range(3, 6):
        await watch.look(NOW + minutes * LATER)
    assert len(hook.told) == 1
    failed = [each for each in logs if each["action"] == "notification_failed"]
    assert failed
    assert "127.0.0.1" not in str(failed)


async def test_one_bad_address_keeps_nothing_from_the_others(
    database: Database, writer: Writer, hook: Hook, logs: list[dict[str, object]]
) -> None:
    weather = Weather()
    weather.troubles = [DOWN]
    bad = Hook()
    bad.address = "json://127.0.0.1:1/"
    watch = await watch_on(database, writer, weather, bad, hook)
    for minutes in range(3):
        await watch.look(NOW + minutes * LATER)
    assert len(hook.told) == 1
    assert [each["place"] for each in logs if each["action"] == "notification_failed"] == [1]


async def test_of_two_processes_one_tells(database: Database, writer: Writer, hook: Hook) -> None:
    weather = Weather()
    weather.troubles = [DOWN]
    watches = [await watch_on(database, writer, weather, hook) for _ in range(2)]
    for minutes in range(3):
        await asyncio.gather(*(each.look(NOW + minutes * LATER) for each in watches))
    assert len(hook.told) == 1


async def test_a_dead_database_is_told_all_the_same(database_url: str, hook: Hook) -> None:
    database = Database(database_url)
    writer = Writer(database, hold=60)
    writer.start()
    watch = await watch_on(database, writer, Weather(), hook)
    await watch.look(NOW)
    engine_reading = database.reading

    def refuse() -> None:
        raise DatabaseUnavailable("gone")

    database.reading = refuse  # type: ignore[method-assign,assignment]
    for minutes in range(1, 4):
        await watch.look(NOW + minutes * LATER)
    assert hook.bodies == ["The database can't be written, so no message is taken."]
    database.reading = engine_reading  # type: ignore[method-assign]
    for minutes in range(4, 7):
        await watch.look(NOW + minutes * LATER)
    assert hook.bodies[1:] == ["The database can be written again."]
    await writer.stop()
    await database.close()


async def test_without_a_channel_nothing_is_stored(database: Database, writer: Writer) -> None:
    weather = Weather()
    weather.troubles = [DOWN]
    watch = AlarmWatch(database, writer, [weather], clock=lambda: NOW)
    await watch.look(NOW)
    assert watch.troubles == [DOWN]
    async with database.reading() as connection:
        assert (await connection.execute(select(func.count()).select_from(alarms))).scalar_one() == 0
