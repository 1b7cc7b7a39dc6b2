"""What is done to many conversations at once is done to all of them or to none, and one undo puts it back."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.conversation.audit_log import list_actions
from bot.operator.actions import Operator
from bot.operator.actor import Actor
from bot.operator.acts import MOST_AT_ONCE, ActOrder, Acts
from bot.operator.errors import NotThere, TooMany
from bot.operator.planned_replies import PlannedReplies
from bot.queries.conversations import ConversationView
from bot.rulebook.simulate.loop_guard import Caps
from tests.support.bots import BOOK, Bot, heard
from tests.support.databases import kinds_in_turn

ADA, BO = Actor("Ada"), Actor("Bo")
PEERS = [f"+1555555020{n}" for n in range(3)]
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def acts(bot: Bot) -> Acts:
    return Acts(bot.database, bot.writer)


@pytest.fixture
def operator(bot: Bot) -> Operator:
    return Operator(bot.writer, bot.sender.wake, lambda: BOOK)


async def three(bot: Bot, text: str = "quiet") -> list[str]:
    """Three conversations, the oldest first."""
    for peer in PEERS:
        await bot.hear(heard(text, peer=peer))
    return [each.id for each in reversed(await bot.conversations())]


async def views(bot: Bot, ids: list[str]) -> list[ConversationView]:
    by_id = {each.id: each for each in await bot.conversations()}
    return [by_id[each] for each in ids]


async def deeds(bot: Bot, key: str) -> list[tuple[str, str]]:
    async with bot.database.reading() as connection:
        listed = await list_actions(connection, key, limit=200, cursor=None)
    return [(each.action, each.by) for each in listed.items]


async def test_one_undo_puts_back_whoever_was_handed_back(bot: Bot, acts: Acts, operator: Operator) -> None:
    ids = await three(bot)
    for key in ids:
        await operator.hand_over(key, by=ADA)
    before = await views(bot, ids)
    done = await acts.do(ActOrder(kind="hand back"), ids, by=ADA)
    assert done.changed == ids
    assert [(each.handed_over, each.unanswered_since) for each in await views(bot, ids)] == [
        (False, None)
    ] * 3
    undone = await acts.undo(done.id, by=BO)
    assert undone.changed == ids
    assert await views(bot, ids) == before, "who waits waits since the same moment, with the same incident"
    assert await deeds(bot, ids[0]) == [("hand over", "Ada"), ("hand back", "Ada"), ("undo", "Bo")]


@kinds_in_turn
async def test_an_act_of_which_one_is_not_there_does_nothing(bot: Bot, acts: Acts) -> None:
    ids = await three(bot)
    with pytest.raises(NotThere):
        await acts.do(ActOrder(kind="assign", to="Ada"), [*ids, NOBODY], by=ADA)
    assert {each.assigned_to for each in await views(bot, ids)} == {None}


@kinds_in_turn
async def test_an_act_has_an_end(acts: Acts) -> None:
    with pytest.raises(TooMany):
        await acts.do(ActOrder(kind="done"), [f"{n}" for n in range(MOST_AT_ONCE + 1)], by=ADA)


@kinds_in_turn
async def test_undo_leaves_what_somebody_has_changed_since(bot: Bot, acts: Acts) -> None:
    ids = await three(bot)
    done = await acts.do(ActOrder(kind="assign", to="Ada"), ids, by=ADA)
    await acts.do(ActOrder(kind="assign", to="Bo"), ids[:1], by=BO)
    undone = await acts.undo(done.id, by=ADA)
    assert undone.changed == ids[1:]
    assert [each.assigned_to for each in await views(bot, ids)] == ["Bo", None, None]


@kinds_in_turn
async def test_undone_twice_it_is_undone_once(bot: Bot, acts: Acts) -> None:
    ids = await three(bot)
    done = await acts.do(ActOrder(kind="assign", to="Ada"), ids, by=ADA)
    await acts.undo(done.id, by=ADA)
    await acts.do(ActOrder(kind="assign", to="Ada"), ids, by=ADA)
    await acts.undo(done.id, by=ADA)
    assert {each.assigned_to for each in await views(bot, ids)} == {"Ada"}


@kinds_in_turn
async def test_what_nobody_did_cannot_be_undone(acts: Acts) -> None:
    with pytest.raises(NotThere):
        await acts.undo(NOBODY, by=ADA)


async def test_an_undone_opt_out_says_later_what_was_to_be_said(bot: Bot, acts: Acts) -> None:
    ids = await three(bot)
    planned = PlannedReplies(bot.database, bot.writer)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    reply = await planned.plan(ids[0], "See you.", by=ADA, due_at=tomorrow)
    done = await acts.do(ActOrder(kind="opt out", reason="they called"), ids, by=ADA)
    assert {each.opted_out for each in await views(bot, ids)} == {True}
    assert (await planned.find(reply.id)).status == "held"
    await acts.undo(done.id, by=ADA)
    assert {each.opted_out for each in await views(bot, ids)} == {False}
    assert (await planned.find(reply.id)).status == "waiting"


async def test_a_stop_after_an_opt_out_of_ours_has_the_last_word(bot: Bot, acts: Acts) -> None:
    ids = await three(bot)
    done = await acts.do(ActOrder(kind="opt out"), ids, by=ADA)
    await bot.hear(heard("stop", peer=PEERS[0]))
    undone = await acts.undo(done.id, by=ADA)
    assert undone.changed == ids[1:]
    assert [each.opted_out for each in await views(bot, ids)] == [True, False, False]


async def test_released_the_bot_speaks_again_and_undone_it_is_silent(database_url: str) -> None:
    bot = Bot(database_url, caps=Caps(replies=2, repeats=1_000))
    await bot.start()
    try:
        for _ in range(3):
            await bot.hear(heard("hours"))
        (silent,) = await bot.conversations()
        assert [each.kind for each in silent.incidents] == ["loop"]
        acts = Acts(bot.database, bot.writer)
        done = await acts.do(ActOrder(kind="release"), [silent.id], by=ADA)
        assert (await bot.conversations())[0].incidents == []
        await acts.undo(done.id, by=ADA)
        assert [each.kind for each in (await bot.conversations())[0].incidents] == ["loop"]
        sent = len(await bot.replies())
        await bot.hear(heard("hours"))
        assert len(await bot.replies()) == sent
        await acts.do(ActOrder(kind="release"), [silent.id], by=ADA)
        await bot.hear(heard("hours"))
        assert len(await bot.replies()) == sent + 1
    finally:
        await bot.stop()


@kinds_in_turn
async def test_snoozed_it_comes_back_when_they_write(bot: Bot, acts: Acts, operator: Operator) -> None:
    (key, *_) = await three(bot)
    await operator.hand_over(key, by=ADA)
    until = datetime.now(UTC) + timedelta(days=1)
    await acts.do(ActOrder(kind="snooze", until=until), [key], by=ADA)
    assert (await views(bot, [key]))[0].snoozed_until == until
    await bot.hear(heard("quiet", peer=PEERS[0]))
    assert (await views(bot, [key]))[0].snoozed_until is None


@kinds_in_turn
async def test_handed_back_nobody_waits_and_it_comes_back_at_no_time(
    bot: Bot, acts: Acts, operator: Operator
) -> None:
    """It came back as unanswered at the time until which it had been snoozed."""
    (key, *_) = await three(bot)
    await operator.hand_over(key, by=ADA)
    until = datetime.now(UTC) + timedelta(days=1)
    await acts.do(ActOrder(kind="snooze", until=until), [key], by=ADA)
    done = await acts.do(ActOrder(kind="hand back"), [key], by=ADA)
    (back,) = await views(bot, [key])
    assert (back.snoozed_until, back.unanswered_since) == (None, None)
    await acts.undo(done.id, by=BO)
    assert (await views(bot, [key]))[0].snoozed_until == until


@kinds_in_turn
async def test_what_is_so_already_is_not_noted_again(bot: Bot, acts: Acts) -> None:
    ids = await three(bot)
    await acts.do(ActOrder(kind="assign", to="Ada"), ids, by=ADA)
    again = await acts.do(ActOrder(kind="assign", to="Ada"), ids, by=ADA)
    assert again.changed == []
    assert await deeds(bot, ids[0]) == [("assign", "Ada")]
