"""A reply that can leave at once is claimed in the transaction that queues it, and nothing else changes by it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.sending.limits import SendingLimits
from bot.sending.rush import RushLimits
from bot.sending.sms_service import SmsCall
from bot.storage.replica_tables import lane_paces
from tests.support.bots import OURS, PEER, Bot, heard, until
from tests.support.databases import sqlite_in

OTHER = "+15555550102"


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    """A bot whose lane has read everything, and is not woken but by commits."""
    bot = Bot(sqlite_in(tmp_path), limits=SendingLimits(look_again=3_600))
    await bot.start()
    await bot.hear(heard(peer="+15555550150"))
    await bot.settled("+15555550150")
    await until(lambda: is_at_rest(bot))
    bot.sms.calls.clear()
    yield bot
    await bot.stop()


def is_at_rest(bot: Bot) -> bool:
    lane = bot.sender._lanes[OURS]
    return not (lane._has_more or lane._is_reading or lane._calls or len(lane._window))


def commits(bot: Bot) -> int:
    *_, (_, count) = bot.writer.commits.buckets()
    return count


async def test_one_transaction_stands_before_the_call(bot: Bot) -> None:
    before, seen = commits(bot), []

    async def look(_call: SmsCall) -> None:
        (reply,) = await bot.replies()
        seen.append((commits(bot) - before, (await bot.row(reply.id)).attempts))

    bot.sms.during = look
    await bot.hear(heard())
    (message,) = await bot.settled()
    assert seen == [(1, 1)]
    assert [one.repeatability_id for one in bot.sms.recipients()] == [message.id]


async def test_what_leaves_at_a_pace_is_counted_in_that_transaction(tmp_path: Path) -> None:
    bot = Bot(sqlite_in(tmp_path), limits=SendingLimits(look_again=3_600), per_minute=lambda _: 30)
    await bot.start()
    await bot.hear(heard(peer="+15555550150"))
    await bot.settled("+15555550150")
    await until(lambda: is_at_rest(bot))
    before = commits(bot)
    await bot.hear(heard())
    await bot.settled()
    assert commits(bot) - before == 2, "queued, claimed and counted; settled"
    async with bot.database.reading() as connection:
        counts = (await connection.execute(select(lane_paces.c.number, lane_paces.c.sent))).all()
    assert {number for number, _ in counts} == {OURS}
    assert sum(sent for _, sent in counts) == 2
    await bot.stop()


async def test_many_at_once_share_their_call_and_are_not_read_either(bot: Bot) -> None:
    before, read_up_to = commits(bot), bot.sender._lanes[OURS]._read_up_to
    await bot.hear(*(heard(peer=f"+1555556{at:04}") for at in range(50)))
    await bot.settled("+15555560049")
    await until(lambda: is_at_rest(bot))
    assert [len(call.recipients) for call in bot.sms.calls] == [50]
    assert commits(bot) - before == 3, "queued, claimed, settled"
    assert bot.sender._lanes[OURS]._read_up_to == read_up_to


async def test_in_a_rush_texts_share_calls_and_every_phone_is_answered_once(tmp_path: Path) -> None:
    bot = Bot(sqlite_in(tmp_path), limits=SendingLimits(look_again=3_600, rush=RushLimits(arrivals=8)))
    await bot.start()
    for at in range(40):
        await bot.hear(*(heard(peer=f"+1555556{8 * at + each:04}") for each in range(8)))
        await until(lambda: not bot.sender._lanes[OURS]._calls)
    await until(lambda: is_at_rest(bot))
    assert len(bot.sms.calls) < 36, "the first eights have calls of their own, the others share them"
    peers = [one.peer for call in bot.sms.calls for one in call.recipients]
    assert sorted(peers) == [f"+1555556{at:04}" for at in range(320)]
    await bot.stop()


async def test_more_than_the_memory_holds_are_read_when_there_is_room(tmp_path: Path) -> None:
    bot = Bot(sqlite_in(tmp_path), limits=SendingLimits(look_again=3_600, held_in_memory=20, read_at_once=10))
    await bot.start()
    await bot.hear(heard(peer="+15555550150"))
    await bot.settled("+15555550150")
    await until(lambda: is_at_rest(bot))
    await bot.hear(*(heard(peer=f"+1555556{at:04}") for at in range(50)))
    for at in range(50):
        await bot.settled(f"+1555556{at:04}")
    assert sum(len(call.recipients) for call in bot.sms.calls) == 51
    await bot.stop()


async def test_what_the_lane_has_not_heard_of_leaves_first(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply was committed just now, and nobody has told the lane yet, when the next one is queued."""
    with monkeypatch.context() as deaf:
        deaf.setattr(bot.inbox, "_on_queueing", lambda _queued, _peers: ())
        deaf.setattr(bot.inbox, "_on_queued", lambda _numbers: None)
        await bot.hear(heard("hours"))
    assert bot.sms.calls == []
    await bot.hear(heard("name"))
    first, second = await bot.settled()
    assert [one.repeatability_id for one in bot.sms.recipients()] == [first.id, second.id]


async def test_what_is_rolled_back_is_not_sent_and_what_comes_instead_is(bot: Bot) -> None:
    tried = 0

    async def fail(_connection: AsyncConnection, _items: list[int]) -> list[int]:
        nonlocal tried
        tried += 1
        raise ValueError("never stored")

    taken: list[str] = []
    take = bot.sender.take

    def note(queued: Any, peers: Any) -> set[str]:
        taken.extend(row.id for row in queued)
        return take(queued, peers)

    bot.inbox._on_queueing = note
    failing = bot.writer.batch(fail)
    hearing = asyncio.create_task(bot.hear(heard()))
    while not bot.writer._waiting:  # noqa: ASYNC110 - the writer takes two turns of the loop to begin
        await asyncio.sleep(0)
    # The message and both of these share a transaction.
    told = await asyncio.gather(*(failing.submit([at]) for at in range(2)), return_exceptions=True)
    assert [type(each) for each in told] == [ValueError, ValueError]
    await hearing
    assert tried == 3, "with the message, and each alone"
    (message,) = await bot.settled()
    assert len(taken) == 2
    assert message.id == taken[1]
    assert [one.repeatability_id for one in bot.sms.recipients()] == [message.id]
    await until(lambda: is_at_rest(bot))


async def test_an_opt_out_of_the_same_transaction_counts(bot: Bot) -> None:
    await bot.hear(heard("hours"), heard("stop"))
    await until(lambda: is_at_rest(bot))
    assert [each.status for each in await bot.replies()] == ["suppressed", "sent"]
    assert len(bot.sms.recipients(PEER)) == 1


async def test_a_pace_holds_what_is_taken(tmp_path: Path) -> None:
    pace: dict[str, int | None] = {OURS: None}
    bot = Bot(sqlite_in(tmp_path), limits=SendingLimits(look_again=3_600), per_minute=pace.get)
    await bot.start()
    await bot.hear(heard(peer="+15555550150"))
    await bot.settled("+15555550150")
    await until(lambda: is_at_rest(bot))
    pace[OURS] = 2  # one has left
    await bot.hear(heard())
    await bot.hear(heard(peer=OTHER))
    await until(lambda: len(bot.sms.calls) == 2)
    assert len(bot.sender._lanes[OURS]._window) >= 1, "the other waits its time"
    pace[OURS] = None
    bot.sender.look()
    await bot.settled(OTHER)
    await bot.stop()
