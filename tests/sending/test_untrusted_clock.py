"""What the time alone brings about, and nothing undoes, waits while the clock is not trusted."""

import asyncio
from collections.abc import MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bot.conversation.follow_up_turn import FollowUpTurn
from bot.operator.actor import Actor
from bot.operator.planned_replies import PlannedReplies
from bot.sending.follow_up_sender import FollowUpSender
from bot.sending.forwarder import Forwarder
from bot.sending.handover_timer import HandoverTimer
from bot.sending.outbox import Held, Outbox, Queued
from bot.sending.post_queues import Posted, Waiting
from bot.storage.task_tables import forwards
from tests.support.books import book_of
from tests.support.bots import CAPS, Bot, heard
from tests.support.databases import kinds_in_turn
from tests.support.event_bots import EventBot
from tests.support.receivers import Receiver
from tests.support.shops import a_shop
from tests.support.timed_bots import Handing
from tests.support.timed_bots import Waiting as FollowBot
from tests.support.trust import ToldTrust

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ADA = Actor("Ada", "a1")


def check_follow_ups(bot: FollowBot) -> ToldTrust:
    """Have its follow-ups ask a clock's trust."""
    trust = ToldTrust()
    turn = FollowUpTurn(lambda: bot.book, CAPS, bot.queue, bot.now, trust=trust)
    bot.follow_ups = FollowUpSender(bot.database, bot.writer, turn.say, clock=bot.now, trust=trust)
    return trust


@kinds_in_turn
async def test_a_passing_error_of_the_clock_drops_no_follow_up(database_url: str) -> None:
    bot = FollowBot(database_url)
    trust = check_follow_ups(bot)
    await bot.start(asking=False)
    try:
        await bot.hear("vote")
        assert await bot.pass_time(40 * DAY) == []
        assert await bot.states() == [("waiting", None)] * 2
        trust.waits_for = None
        bot.moment -= 40 * DAY
        assert await bot.pass_time(DAY) == ["The result is out."]
        assert await bot.pass_time(DAY) == ["Vote again."]
    finally:
        await bot.stop()


@kinds_in_turn
@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("wrong clock", "the clock of the bot was wrong when it was due, and it was more than an hour late"),
        ("running", "it could not be said when it was due, and it was more than an hour late"),
        ("stopped", "the bot was stopped when it was due, and it was more than an hour late"),
    ],
)
async def test_the_reason_of_what_is_dropped_is_true(
    database_url: str, logs: list[MutableMapping[str, Any]], state: Any, reason: str
) -> None:
    bot = FollowBot(database_url)
    trust = check_follow_ups(bot)
    trust.state = state
    await bot.start(asking=False)
    try:
        await bot.hear("vote")
        assert await bot.pass_time(DAY + 2 * HOUR) == []
        trust.waits_for = None
        await bot.pass_time(timedelta())
        assert (await bot.states())[0] == ("dropped", reason)
        (line,) = [line for line in logs if line.get("action") == "follow_ups_dropped"]
        assert (line["reason"], line["count"]) == (reason, 1)
    finally:
        await bot.stop()


@kinds_in_turn
async def test_a_conversation_goes_back_by_a_trusted_clock_alone(database_url: str) -> None:
    bot = Handing(database_url)
    trust = ToldTrust()
    bot.handovers = HandoverTimer(
        bot.database, bot.writer, bot.handovers._turns.work, clock=bot.now, trust=trust
    )
    await bot.start(asking=False)
    try:
        await bot.hear("food")
        assert await bot.pass_time(40 * DAY) == []
        assert (await bot.conversation()).handed_over
        bot.moment -= 40 * DAY
        trust.waits_for = None
        assert len(await bot.pass_time(2 * HOUR)) == 1
    finally:
        await bot.stop()


async def test_a_reply_that_is_to_leave_at_a_time_waits_and_one_that_can_be_taken_back_does_not(
    bot: Bot,
) -> None:
    now, trust = datetime.now(UTC), ToldTrust()
    planned = PlannedReplies(
        bot.database, bot.writer, on_queued=bot.sender.wake, clock=lambda: now, trust=trust
    )
    await bot.hear(heard("quiet"))
    key = (await bot.conversations())[0].id
    at_six = await planned.plan(key, "At six.", by=ADA, due_at=now + 6 * HOUR)
    now += 40 * DAY
    at_once = await planned.plan(key, "At once.", by=ADA, due_at=now + timedelta(seconds=5))
    now += timedelta(seconds=5)
    assert await planned.look() == 1
    assert (await planned.find(at_once.id)).status == "sent"
    assert (await planned.find(at_six.id)).status == "waiting"
    trust.waits_for = None
    now += timedelta(hours=8) - 40 * DAY
    assert await planned.look() == 1
    held = await planned.find(at_six.id)
    assert held.status == "held"
    assert held.reason == "the clock of the bot was wrong when it was due, and it was more than an hour late"


@kinds_in_turn
async def test_nothing_is_too_late_and_no_report_is_given_up_by_a_wrong_clock(bot: Bot) -> None:
    await bot.hear(heard("five"))
    first, *rest = await bot.settled()
    await bot.sender.stop(patience=1)
    await bot.hear(heard("hours"))
    (waiting,) = [each for each in await bot.replies() if each.status == "queued"]
    now, trust = datetime.now(UTC) + 40 * DAY, ToldTrust()
    outbox = Outbox(reply_ttl=DAY, clock=lambda: now, trust=trust)
    row = await bot.row(waiting.id)
    queued = Queued(
        id=row.id, conversation_id=row.conversation_id, peer="", text="", attempts=0, next_try_at=None
    )
    async with bot.database.writing() as connection:
        (claim,) = await outbox.claim(connection, [queued])
        assert await outbox.expire(connection, [3 * DAY]) == [0]
    assert isinstance(claim, Held)
    assert not claim.is_leased
    assert claim.until == now + timedelta(seconds=30)
    assert {each.status for each in await bot.replies()} == {"sent", "queued"}
    trust.waits_for = None
    async with bot.database.writing() as connection:
        assert await outbox.claim(connection, [queued]) == [None]
        assert await outbox.expire(connection, [3 * DAY]) == [1 + len(rest)]
    assert (await bot.row(waiting.id)).failure_code == "bot:too-late"
    assert (await bot.row(first.id)).status == "unconfirmed"


@kinds_in_turn
async def test_no_event_is_given_up_by_a_wrong_clock(database_url: str) -> None:
    moment, trust = datetime.now(UTC), ToldTrust()
    receiver = Receiver()
    await receiver.start()
    receiver.health = "failing"
    async with a_shop() as shop:
        bot = EventBot(database_url, shop.address, receiver.address, clock=lambda: moment)
        (forwarder,) = bot.events_out.forwarders.values()
        forwarder._trust = bot.events_out.ends._trust = trust
        await bot.start(telling=False)
        try:
            await bot.hear(heard("hours"))
            await bot.no_longer_queued()
            moment += 40 * DAY
            assert await bot.events_out.ends.look() == 0
            await forwarder.look()
            assert {row.status for row in await bot.rows()} == {"queued"}
            assert {row.attempts for row in await bot.rows()} == {0, 1}, "one of a conversation at a time"
            trust.waits_for = None
            moment -= 40 * DAY
            await forwarder.look()
            assert {row.attempts for row in await bot.rows()} == {0, 2}, "nothing waits until the wrong time"
            moment += 40 * DAY
            assert await bot.events_out.ends.look() == 2
            assert {row.status for row in await bot.rows()} == {"failed"}
        finally:
            await bot.stop()
            await receiver.stop()


class Failing:
    """Whom a rule forwards to, and who is down."""

    async def post(self, _waiting: Waiting) -> Posted:
        return Posted(reason="It is down.")

    async def close(self) -> None:
        pass


async def test_no_forward_is_given_up_by_a_wrong_clock(database_url: str) -> None:
    bot = Bot(database_url, book=book_of("name: all, when: anything, forward: 'https://example.com/'"))
    now, trust = datetime.now(UTC), ToldTrust()
    forwarder = Forwarder(bot.database, bot.writer, Failing(), clock=lambda: now, trust=trust)
    await bot.start()
    try:
        await bot.hear(heard("hours"))
        now += 40 * DAY
        await forwarder.look()
        await asyncio.gather(*forwarder._in_hand.values())
        async with bot.database.writing() as connection:
            assert (await connection.execute(forwards.select())).one().status == "queued"
            await connection.execute(update(forwards).values(next_try_at=now - DAY))
        trust.waits_for = None
        await forwarder.look()
        await asyncio.gather(*forwarder._in_hand.values())
        async with bot.database.reading() as connection:
            assert (await connection.execute(forwards.select())).one().status == "failed"
    finally:
        await bot.stop()
