"""The end of a try that comes late, from a replica that stood still, changes nothing that was done since."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import Table, select, update

from bot.clock import utc_now
from bot.sending.post_queues import RuleForwards, Tried, Waiting
from bot.storage.database import Database
from bot.storage.event_tables import outgoing_events
from bot.storage.inbox_tables import tries
from bot.storage.task_tables import forwards
from tests.support.bots import Bot, heard
from tests.support.databases import kinds_in_turn
from tests.support.event_bots import EventBot
from tests.support.shops import a_shop

AFTER = timedelta(days=1)


class OneRow:
    """A queue in which one thing waits, and which two replicas have read."""

    def __init__(self, database: Database, queue: Any, table: Table, waiting: Waiting) -> None:
        self.database, self.queue, self.table, self.waiting = database, queue, table, waiting

    async def end(self, status: str, waiting: Waiting | None = None) -> None:
        """Record the end of a try, by default of the first one."""
        now = utc_now()
        error = None if status == "delivered" else "It answered 500."
        tried = Tried(
            waiting=waiting or self.waiting, status=status, now=now, error=error,
            next_try_at=now + AFTER if status == "queued" else None,
        )  # fmt: skip
        async with self.database.writing() as connection:
            assert await self.queue.record(connection, [tried]) == [None]

    async def stands(self) -> tuple[str, int]:
        """The row's status and how often it was tried."""
        async with self.database.reading() as connection:
            row = (await connection.execute(select(self.table))).one()
        return row.status, row.attempts

    async def set(self, **values: Any) -> None:
        async with self.database.writing() as connection:
            await connection.execute(update(self.table).values(values))


@pytest.fixture(params=["forward", "event"])
async def one(request: pytest.FixtureRequest, database_url: str) -> Any:
    now = utc_now() + timedelta(minutes=1)
    if request.param == "forward":
        bot = Bot(database_url)
        await bot.start(sending=False)
        key = await heard_message(bot)
        row = {
            "id": "0198c7a0-0000-7000-8000-000000000001", "message_id": key, "url": "http://a.example/x", "body": "{}",
            "status": "queued", "attempts": 0, "created_at": now, "updated_at": now, "next_try_at": now - AFTER,
            "destination": "a.example",
        }  # fmt: skip
        async with bot.database.writing() as connection:
            await connection.execute(forwards.insert(), [row])
        queue = RuleForwards()
        async with bot.database.reading() as connection:
            (waiting,) = await queue.due(connection, now, "a.example", 5)
        yield OneRow(bot.database, queue, forwards, waiting)
        await bot.stop()
        return
    async with a_shop() as shop:
        teller = EventBot(database_url, shop.address, "http://127.0.0.1:9/events")
        teller.inbox._on_queued = lambda _numbers: None
        await teller.start(sending=False, telling=False)
        await heard_message(teller)
        queue_of_events = next(iter(teller.events_out.forwarders.values()))._queue
        async with teller.database.reading() as connection:
            (waiting,) = await queue_of_events.due(connection, now, 5)
        yield OneRow(teller.database, queue_of_events, outgoing_events, waiting)
        await teller.stop()


async def heard_message(bot: Bot) -> str:
    await bot.hear(heard("hours"))
    return str((await bot.talk())[0].id)


async def failed_tries(one: OneRow) -> int:
    """How many are kept for people."""
    async with one.database.reading() as connection:
        if one.table is forwards:
            return len((await connection.execute(select(tries))).all())
        return len((await connection.execute(select(outgoing_events.c.tries))).scalar_one() or ())


async def test_what_was_delivered_stays_so(one: OneRow) -> None:
    await one.end("delivered")
    for late in ("queued", "failed", "delivered"):
        await one.end(late)
        assert await one.stands() == ("delivered", 1), late
        assert await failed_tries(one) == 0, late


@kinds_in_turn
async def test_a_failure_of_an_older_try_puts_off_no_newer_one(one: OneRow) -> None:
    await one.end("queued")
    await one.end("failed")
    assert await one.stands() == ("queued", 1)
    assert await failed_tries(one) == 1
    newer = msgspec.structs.replace(one.waiting, attempts=1)
    await one.end("delivered", newer)
    assert await one.stands() == ("delivered", 2)


async def test_what_was_given_up_while_it_was_posted_may_have_arrived_and_waits_no_more(one: OneRow) -> None:
    await one.set(status="failed")
    await one.end("queued")
    assert await one.stands() == ("failed", 0)
    await one.end("delivered")
    assert await one.stands() == ("delivered", 1)


@pytest.mark.parametrize("one", ["event"], indirect=True)  # a forward is not sent again
async def test_what_is_to_be_sent_again_is_sent_although_an_older_try_arrived(one: OneRow) -> None:
    await one.end("delivered")
    await one.set(status="queued", attempts=0, resent_at=utc_now() + AFTER)
    await one.end("delivered")
    assert await one.stands() == ("queued", 0)


@kinds_in_turn
async def test_two_ends_of_one_try_in_one_transaction_are_one(one: OneRow) -> None:
    ends = [
        Tried(waiting=one.waiting, status=status, now=utc_now(), error=error)
        for status, error in (("delivered", None), ("failed", "It answered 500."))
    ]
    async with one.database.writing() as connection:
        assert await one.queue.record(connection, ends) == [None, None]
    assert await one.stands() == ("delivered", 1)
