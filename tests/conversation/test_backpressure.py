"""With too many replies waiting, messages are turned away and reports are not; with fewer they are taken again."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.conversation.backpressure import QueueFull, QueuePauses
from bot.operations.checks import check_queue
from bot.storage.database import Database, DatabaseBusy
from tests.support.bots import Bot, heard, report, until
from tests.support.databases import kinds_in_turn

PEERS = [f"+1555555{number:04}" for number in range(10)]


#: The database is asked every time that it matters.
QUICK = QueuePauses(while_full=0)


@pytest.fixture
async def bot(database_url: str) -> AsyncIterator[Bot]:
    """A bot that queues and does not send, and takes messages while fewer than five replies wait."""
    bot = Bot(database_url, queue_limit=5, queue_pauses=QUICK)
    bot.inbox._on_queued = lambda _numbers: None
    await bot.start(sending=False)
    yield bot
    await bot.stop()


@kinds_in_turn
async def test_a_full_queue_takes_no_message_and_keeps_nothing_of_it(bot: Bot) -> None:
    for peer in PEERS[:5]:
        await bot.hear(heard(peer=peer))
    with pytest.raises(QueueFull, match="5 replies wait to be sent, and BOT_QUEUE_LIMIT is 5"):
        await bot.hear(heard(peer=PEERS[5]))
    assert len(await bot.conversations()) == 5
    assert bot.queue.turned_away == 1


@kinds_in_turn
async def test_a_full_queue_takes_reports_even_beside_a_message_that_it_turns_away(bot: Bot) -> None:
    await bot.hear(heard("five"))
    first = (await bot.replies())[0]
    await bot.alter(first.id, status="sent", provider_message_id="Outgoing_1")
    await bot.hear(heard(peer=PEERS[1]))
    with pytest.raises(QueueFull):
        await bot.hear(heard(peer=PEERS[2]), report("Outgoing_1"))
    assert (await bot.replies())[0].status == "delivered"
    await bot.hear(report("Outgoing_1", seconds=5))
    assert len(await bot.conversations()) == 2


async def test_what_was_sent_makes_room_without_being_told(bot: Bot) -> None:
    """This process's own count only grows: the database says what still waits."""
    for peer in PEERS[:5]:
        await bot.hear(heard(peer=peer))
    (reply,) = await bot.replies(PEERS[0])
    await bot.alter(reply.id, status="sent")
    await bot.hear(heard(peer=PEERS[5]))
    with pytest.raises(QueueFull):
        await bot.hear(heard(peer=PEERS[6]))


@kinds_in_turn
async def test_a_message_that_gets_no_reply_is_turned_away_too_and_taken_later(bot: Bot) -> None:
    """It may be an opt-out; Event Grid keeps it, and it is the same message when it comes again."""
    await bot.hear(heard("five"))
    stop = heard("stop", peer=PEERS[1])
    with pytest.raises(QueueFull):
        await bot.hear(stop)
    for reply in await bot.replies():
        await bot.alter(reply.id, status="sent")
    assert [receipt.outcome for receipt in await bot.hear(stop)] == ["accepted"]


async def test_what_another_process_has_queued_counts_too(bot: Bot, database_url: str) -> None:
    """Here it is an earlier run of the bot; on PostgreSQL it may be a replica."""
    for peer in PEERS[:5]:
        await bot.hear(heard(peer=peer))
    other = Bot(database_url, queue_limit=5, queue_pauses=QueuePauses(usual=0, while_full=0))
    assert not other.queue.is_full
    await other.queue.check()  # asks, and does not wait for the answer
    await until(lambda: other.queue.is_full)
    with pytest.raises(QueueFull):
        await other.queue.check()
    await other.queue.stop()
    await other.database.close()


async def test_neither_health_nor_an_event_waits_for_pages_and_exports_to_know_the_queue(bot: Bot) -> None:
    """It was counted over one of the connections that these may hold for minutes."""
    await bot.hear(heard("five"))
    assert bot.queue.is_full
    for reply in await bot.replies():
        await bot.alter(reply.id, status="sent")
    pool: Any = bot.database._readers.pool
    pool._timeout = 0.3  # who waited for one would be told that all are in use
    async with AsyncExitStack() as readers:
        for _ in range(pool.size()):
            await readers.enter_async_context(bot.database.reading())
        with pytest.raises(DatabaseBusy):
            await readers.enter_async_context(bot.database.reading())
        result = await check_queue(bot.queue)
        assert (result.status, bot.queue.queued) == ("ok", 0)
        assert [receipt.outcome for receipt in await bot.hear(heard("quiet"))] == ["accepted"]


async def test_a_database_that_can_not_be_asked_turns_nobody_away_for_a_full_queue(
    bot: Bot, tmp_path: Path
) -> None:
    """Then the messages can't be stored either, and they are told that."""
    without_tables = Database(f"sqlite+aiosqlite:///{tmp_path}/bot.db")
    bot.queue._lookers = without_tables
    await bot.queue.refresh()
    await bot.queue.check()
    assert bot.queue.queued == 0
    await without_tables.close()
