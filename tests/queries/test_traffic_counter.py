"""Messages are counted by the minute and the hour: each once, whatever happens later, and whoever counts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from bot.conversation.message_ids import first_id
from bot.queries.traffic import (
    HOUR,
    MINUTE,
    REPLY_TIMES,
    Counts,
    count_messages,
    floor_to,
    read_traffic,
    time_of_id,
    total,
)
from bot.queries.traffic_counter import HORIZON, TrafficCounter, find_progress
from bot.storage.tables import messages, traffic
from tests.support.bots import Bot, age, heard, report
from tests.support.databases import kinds_in_turn


async def counted(bot: Bot, step: timedelta, since: datetime | None = None) -> Counts:
    """What stands in the table, as one."""
    start = since or datetime(2020, 1, 1, tzinfo=UTC)
    async with bot.database.reading() as connection:
        return total((await read_traffic(connection, step, start, start + timedelta(days=10_000))).values())


async def later(bot: Bot, minutes: int = 2) -> bool:
    """A pass of a counter that has just been started, some minutes from now: the running minute is left out."""
    return await TrafficCounter(bot.database).count(datetime.now(UTC) + timedelta(minutes=minutes))


async def test_what_came_and_what_became_of_it_is_counted(bot: Bot) -> None:
    await bot.hear(heard("hours"), heard("five", peer="+15555550102"), heard("quiet", peer="+15555550103"))
    await bot.hear(heard("stop", peer="+15555550104"))
    await bot.hear(heard("hours", peer="+15555550104"), heard("What?", peer="+15555550105"))
    (first,) = await bot.settled()
    await bot.settled("+15555550102")
    await bot.hear(report(first.provider_message_id or ""))
    failed = (await bot.replies("+15555550102"))[0]
    await bot.hear(report(failed.provider_message_id or "", "Failed", "4004: Oops"))
    await later(bot)
    for step in (MINUTE, HOUR):
        counts = await counted(bot, step)
        assert (counts.inbound, counts.answered) == (6, 3)
        assert counts.states == {"delivered": 1, "failed": 1, "sent": 5, "suppressed": 1}
        assert counts.rules == {"hours": 1, "five": 1, "quiet": 1, "stop": 1, "": 1}
        assert counts.failures == {"4004": 1}
        assert sum(counts.reply_times.values()) == 7
        assert (counts.outbound, counts.delivery_rate) == (7, 0.5)
        assert 0 < (counts.reply_time(0.5) or 0) <= (counts.reply_time(0.95) or 0) <= 7_200_000


async def test_counting_again_counts_nothing_twice(bot: Bot) -> None:
    """A restart, and a second replica, are both a counter that knows nothing but what is in the database."""
    await bot.hear(*(heard(peer=f"+155555501{at:02}") for at in range(20)))
    await bot.settled("+15555550119")
    for _ in range(3):
        await later(bot)
    assert (await counted(bot, HOUR)).inbound == 20
    await bot.hear(heard())
    await later(bot, 3)
    assert (await counted(bot, HOUR)).inbound == 21


async def test_of_two_that_count_at_once_the_slower_one_leaves_the_table_alone(bot: Bot) -> None:
    await bot.hear(heard())
    await bot.settled()
    slow, quick = TrafficCounter(bot.database), TrafficCounter(bot.database)
    store, now = slow._store, datetime.now(UTC) + timedelta(minutes=2)

    async def store_late(*arguments: Any) -> bool:
        await bot.hear(heard(peer="+15555550102"))
        await bot.settled("+15555550102")
        await quick.count(now)
        return await store(*arguments)

    slow._store = store_late  # type: ignore[method-assign]
    assert await slow.count(now) is True
    assert (await counted(bot, HOUR)).inbound == 2
    slow._store = store  # type: ignore[method-assign]
    await slow.count(now)
    assert (await counted(bot, HOUR)).inbound == 2


async def test_a_report_that_comes_days_late_changes_its_own_hour(bot: Bot) -> None:
    await bot.hear(heard())
    (reply,) = await bot.settled()
    await age(bot, timedelta(days=3))
    while await later(bot):
        pass
    assert (await counted(bot, HOUR)).states == {"sent": 1}
    await bot.hear(report(reply.provider_message_id or ""))
    await later(bot)
    assert (await counted(bot, HOUR)).states == {"delivered": 1}
    old = floor_to(datetime.now(UTC) - timedelta(days=3), HOUR)
    assert (await counted(bot, HOUR, since=old + 2 * HOUR)).states == {}
    assert (await counted(bot, MINUTE)).states == {}, "minutes of old hours are not kept"


async def test_the_first_start_counts_what_was_there_before_it_some_hours_a_pass(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.queries.traffic_counter._BACKLOG_A_PASS", 1)
    for _ in range(3):
        await bot.hear(heard())
        await bot.settled()
        await age(bot, timedelta(days=2))
    for days in (2, 4, 6):
        assert await later(bot) is True
        assert (await counted(bot, HOUR)).inbound == days / 2
    assert await later(bot) is False
    assert (await counted(bot, HOUR)).inbound == 3


async def test_what_is_older_than_the_horizon_is_left(bot: Bot) -> None:
    await bot.hear(heard())
    await bot.settled()
    await age(bot, HORIZON + timedelta(days=1))
    while await later(bot):
        pass
    assert (await counted(bot, HOUR)).inbound == 0


async def test_a_stop_of_hours_is_caught_up_with(bot: Bot) -> None:
    await later(bot)
    async with bot.database.writing() as connection:
        start = floor_to(datetime.now(UTC) - 5 * HOUR, HOUR)
        await connection.execute(
            text("UPDATE traffic_progress SET counted_to = :at, counted_from = :at"),
            {"at": start.isoformat(timespec="microseconds") if bot.database.is_sqlite else start},
        )
    await bot.hear(heard())
    await bot.settled()
    await age(bot, 2 * HOUR)
    await later(bot)
    assert (await counted(bot, HOUR)).inbound == 1


async def test_a_report_seen_only_by_passes_that_failed_is_counted_by_the_next_good_one(bot: Bot) -> None:
    await bot.hear(heard())
    (reply,) = await bot.settled()
    await age(bot, timedelta(days=3))
    counter, now = TrafficCounter(bot.database), datetime.now(UTC)
    while await counter.count(now):
        pass
    await bot.hear(report(reply.provider_message_id or ""))
    store = counter._store

    async def store_nothing(*_arguments: Any) -> bool:
        raise TimeoutError

    counter._store = store_nothing  # type: ignore[method-assign]
    for minutes in range(1, 6):
        with pytest.raises(TimeoutError):
            await counter.count(now + timedelta(minutes=minutes))
    counter._store = store  # type: ignore[method-assign]
    await counter.count(now + timedelta(minutes=6))
    await counter.count(now + timedelta(minutes=7))
    assert (await counted(bot, HOUR)).states == {"delivered": 1}


@kinds_in_turn
async def test_while_nothing_happens_nothing_is_written(bot: Bot) -> None:
    await bot.hear(heard())
    await bot.settled()
    counter, now = TrafficCounter(bot.database), datetime.now(UTC)
    for minutes in range(6):
        await counter.count(now + timedelta(minutes=minutes))
    async with bot.database.reading() as connection:
        quiet = await find_progress(connection)
    await counter.count(now + timedelta(minutes=6))
    async with bot.database.reading() as connection:
        assert await find_progress(connection) == quiet


@kinds_in_turn
async def test_what_is_counted_is_not_counted_again_before_the_minute_is_over(bot: Bot) -> None:
    """Unless a message changes meanwhile; nor is it left before the last commit of its time has been seen."""
    await bot.hear(heard())
    (reply,) = await bot.settled()
    counter, minute = TrafficCounter(bot.database), floor_to(datetime.now(UTC), MINUTE) + 5 * MINUTE

    async def passes(seconds: int) -> int:
        await counter.count(minute + timedelta(seconds=seconds))
        async with bot.database.reading() as connection:
            progress = await find_progress(connection)
        return progress.passes if progress else 0

    assert [await passes(seconds) for seconds in (2, 4, 40, 45, 50)] == [1, 2, 3, 3, 3]
    await bot.hear(report(reply.provider_message_id or ""))
    assert [await passes(seconds) for seconds in (55, 70)] == [4, 5]
    assert (await counted(bot, HOUR)).states == {"delivered": 1}


@kinds_in_turn
async def test_minutes_are_dropped_when_their_hour_is_enough(bot: Bot) -> None:
    await bot.hear(heard())
    await bot.settled()
    await later(bot)
    assert (await counted(bot, MINUTE)).inbound == 1
    await later(bot, minutes=60 * 27)
    assert (await counted(bot, MINUTE)).inbound == 0
    assert (await counted(bot, HOUR)).inbound == 1


async def test_a_message_is_counted_in_the_minute_in_which_it_was_made(bot: Bot) -> None:
    """Whatever its id says: all of one transaction have one time, and ids that are some milliseconds younger."""
    edge = floor_to(datetime.now(UTC), HOUR) - 3 * HOUR
    await bot.hear(heard())
    await bot.settled()
    async with bot.database.writing() as connection:
        await connection.execute(update(messages).values(created_at=edge - timedelta(microseconds=1)))
        rows = (await connection.execute(select(messages.c.id).order_by(messages.c.id))).scalars().all()
        if bot.database.is_sqlite:
            await connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        else:
            await connection.execute(text("SET session_replication_role = replica"))
        for at, old in enumerate(rows):
            new = first_id(edge + timedelta(milliseconds=at + 1))[:14] + old[14:]
            await connection.execute(update(messages).where(messages.c.id == old).values(id=new))
            await connection.execute(
                text("UPDATE status_changes SET message_id = :new WHERE message_id = :old"),
                {"new": new, "old": old},
            )
    async with bot.database.reading() as connection:
        before = await count_messages(connection, edge - HOUR, edge)
        after = await count_messages(connection, edge, edge + HOUR)
    assert list(before) == [edge - MINUTE]
    assert before[edge - MINUTE].inbound == 1
    assert after == {}


async def test_hours_in_the_table_are_replaced_and_not_added_to(bot: Bot) -> None:
    hour = floor_to(datetime.now(UTC), HOUR)
    async with bot.database.writing() as connection:
        await connection.execute(
            insert(traffic), [{"start": hour, "seconds": 3600, "counts": '{"inbound": 99}'}]
        )
    await bot.hear(heard())
    await bot.settled()
    await later(bot)
    assert (await counted(bot, HOUR)).inbound == 1


@pytest.mark.parametrize("milliseconds", [0, 1, 1_700_000_000_123])
def test_an_id_tells_its_time(milliseconds: int) -> None:
    moment = datetime.fromtimestamp(milliseconds / 1_000, UTC)
    first = first_id(moment)
    assert len(first) == 36
    assert time_of_id(first) == moment


def test_parts_of_replies_are_told_as_near_as_the_places_do() -> None:
    assert Counts().reply_time(0.5) is None
    assert Counts(reply_times={0: 100}).reply_time(0.5) == 2.5
    assert Counts(reply_times={0: 95, 5: 5}).reply_time(0.95) == 5
    assert 30 < (Counts(reply_times={0: 90, 5: 10}).reply_time(0.95) or 0) <= 40
    assert Counts(reply_times={len(REPLY_TIMES): 1}).reply_time(0.5) == REPLY_TIMES[-1]


def test_a_rate_is_of_the_messages_whose_end_is_known() -> None:
    assert Counts(states={"sent": 5, "unconfirmed": 5}).delivery_rate is None
    assert Counts(states={"sent": 5, "delivered": 3, "failed": 1}).delivery_rate == 0.75
