"""What a person sends off leaves once, at its time, unless it was taken back or somebody was quicker."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.operator.actions import Operator
from bot.operator.actor import Actor
from bot.operator.acts import ActOrder, Acts
from bot.operator.errors import AnsweredMeanwhile, CannotReply, HasLeft
from bot.operator.planned_replies import LATEST, PlannedReplies
from bot.queries.inbox import find_draft
from tests.support.bots import BOOK, PEER, Bot, heard
from tests.support.databases import kinds_in_turn

ADA, BO = Actor("Ada", "a1"), Actor("Bo", "b1")


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def planned(bot: Bot, hands: Hands) -> PlannedReplies:
    return PlannedReplies(bot.database, bot.writer, on_queued=bot.sender.wake, clock=hands)


async def talk(bot: Bot) -> str:
    await bot.hear(heard("quiet"))
    return (await bot.conversations())[0].id


async def draft(bot: Bot, key: str, who: Actor) -> str:
    async with bot.database.reading() as connection:
        return await find_draft(connection, who.key, key)


async def texts(bot: Bot) -> list[str]:
    return [each.text for each in await bot.replies()]


async def test_it_leaves_when_it_is_due_and_once(bot: Bot, planned: PlannedReplies, hands: Hands) -> None:
    key = await talk(bot)
    reply = await planned.plan(key, "On its way.", by=ADA, due_at=hands.now + timedelta(seconds=5))
    assert await planned.look() == 0
    assert await texts(bot) == []
    hands.move(seconds=5)
    other = PlannedReplies(bot.database, bot.writer, clock=hands)  # as another process has it
    await planned.look()
    await other.look()
    assert await texts(bot) == ["On its way."]
    kept = await planned.find(reply.id)
    assert (kept.status, kept.message_id) == ("sent", (await bot.replies())[0].id)


@kinds_in_turn
async def test_taken_back_it_is_a_draft_of_who_took_it(
    bot: Bot, planned: PlannedReplies, hands: Hands
) -> None:
    key = await talk(bot)
    reply = await planned.plan(key, "On its way.", by=ADA, due_at=hands.now + timedelta(seconds=5))
    await planned.take_back(reply.id, by=ADA)
    assert await draft(bot, key, ADA) == "On its way."
    hands.move(minutes=1)
    assert await planned.look() == 0
    assert await texts(bot) == []
    with pytest.raises(HasLeft, match="cancelled"):
        await planned.take_back(reply.id, by=BO)


@kinds_in_turn
async def test_what_has_left_is_not_taken_back(bot: Bot, planned: PlannedReplies, hands: Hands) -> None:
    key = await talk(bot)
    reply = await planned.plan(key, "Gone.", by=ADA, due_at=hands.now)
    await planned.look()
    with pytest.raises(HasLeft, match="sent"):
        await planned.take_back(reply.id, by=ADA)


@kinds_in_turn
async def test_who_is_slower_is_told_and_keeps_the_words(
    bot: Bot, planned: PlannedReplies, hands: Hands
) -> None:
    key = await talk(bot)
    await planned.plan(key, "Ada was here.", by=ADA, due_at=hands.now, seen=1)
    await planned.look()
    with pytest.raises(AnsweredMeanwhile, match="Ada has answered"):
        await planned.plan(key, "Bo was here.", by=BO, due_at=hands.now, seen=1)
    assert await draft(bot, key, BO) == "Bo was here."
    await planned.plan(key, "Bo was here.", by=BO, due_at=hands.now, seen=2)
    assert await draft(bot, key, BO) == ""
    await planned.look()
    assert await texts(bot) == ["Ada was here.", "Bo was here."]


@kinds_in_turn
async def test_ones_own_reply_is_no_surprise(bot: Bot, planned: PlannedReplies, hands: Hands) -> None:
    key = await talk(bot)
    for text in ("One.", "Two."):
        await planned.plan(key, text, by=ADA, due_at=hands.now, seen=1)
        await planned.look()
    assert await texts(bot) == ["One.", "Two."]


@kinds_in_turn
async def test_a_stop_holds_what_waits(bot: Bot, planned: PlannedReplies, hands: Hands) -> None:
    key = await talk(bot)
    reply = await planned.plan(key, "News!", by=ADA, due_at=hands.now + timedelta(hours=1))
    await bot.hear(heard("stop"))
    hands.move(hours=1)
    await planned.look()
    kept = await planned.find(reply.id)
    assert (kept.status, kept.reason) == ("held", "they opted out")
    assert "News!" not in await texts(bot)
    with pytest.raises(CannotReply):
        await planned.plan(key, "News!", by=ADA, due_at=hands.now)


@kinds_in_turn
async def test_what_is_hours_late_is_a_draft_and_nobody_is_woken(
    bot: Bot, planned: PlannedReplies, hands: Hands
) -> None:
    key = await talk(bot)
    reply = await planned.plan(key, "Lunch?", by=ADA, due_at=hands.now)
    hands.now += LATEST + timedelta(seconds=1)
    await planned.look()
    assert (await planned.find(reply.id)).status == "held"
    assert await draft(bot, key, ADA) == "Lunch?"
    assert await texts(bot) == []


@kinds_in_turn
async def test_the_loop_sends_it_by_itself(bot: Bot) -> None:
    key = await talk(bot)
    planned = PlannedReplies(bot.database, bot.writer, on_queued=bot.sender.wake)
    planned.start()
    try:
        await planned.plan(key, "By itself.", by=ADA, due_at=datetime.now(UTC) + timedelta(milliseconds=50))
        assert [each.text for each in await bot.settled()] == ["By itself."]
    finally:
        await planned.stop()


@kinds_in_turn
async def test_whoever_was_snoozed_comes_back_at_the_time(
    bot: Bot, planned: PlannedReplies, hands: Hands
) -> None:
    key = await talk(bot)
    await Operator(bot.writer, bot.sender.wake, lambda: BOOK).hand_over(key, by=ADA)
    waits_since = (await bot.conversations())[0].unanswered_since
    until = hands.now + timedelta(hours=1)
    await Acts(bot.database, bot.writer, hands).do(ActOrder(kind="snooze", until=until), [key], by=ADA)
    assert await planned.look() == 0
    hands.move(hours=1)
    assert await planned.look() == 1
    (back,) = await bot.conversations()
    assert (back.snoozed_until, back.unanswered_since, back.peer) == (None, waits_since, PEER)
