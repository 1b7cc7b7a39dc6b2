"""What a person should look at is one open incident of its kind, until they have."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bot.conversation.incidents import IncidentFilter, IncidentView, list_incidents
from bot.operator.actions import Operator
from bot.operator.actor import Actor
from bot.queries.conversations import list_conversations
from bot.queries.filters import ConversationFilter
from bot.rulebook.simulate.loop_guard import TOO_MANY_REPEATS, TOO_MANY_REPLIES, Caps
from bot.storage.pages import WrongCursor
from bot.storage.tables import conversations
from tests.support.books import book_of
from tests.support.bots import PEER, Bot, heard
from tests.support.databases import kinds_in_turn

BOOK = book_of(
    "name: stop, when: {exact: stop}, opt_out: true, reply: Bye.",
    "name: agent, when: {exact: agent}, handover: true, reply: A person will write.",
    "name: echo, when: anything, reply: 'You said {{ message }}'",
)


@pytest.fixture
async def bot(database_url: str) -> AsyncIterator[Bot]:
    bot = Bot(database_url, book=BOOK, caps=Caps(replies=5, repeats=3))
    await bot.start(sending=False)
    yield bot
    await bot.stop()


@pytest.fixture
def operator(bot: Bot) -> Operator:
    return Operator(bot.writer, lambda _numbers: None, lambda: BOOK)


async def incidents(bot: Bot, **wanted: Any) -> list[IncidentView]:
    """Newest first."""
    async with bot.database.reading() as connection:
        return (await list_incidents(connection, IncidentFilter(**wanted), limit=200, cursor=None)).items


async def hear_many(bot: Bot, count: int, word: str = "message") -> None:
    for number in range(count):
        await bot.hear(heard(f"{word} {number}"))


async def let_pass(bot: Bot, time: timedelta) -> None:
    """Set back whatever the guards look at, as if it were so much later."""
    async with bot.database.writing() as connection:
        await connection.execute(update(conversations).values(last_message_at=datetime.now(UTC) - time))
    for message in await bot.talk():
        await bot.alter(message.id, created_at=message.created_at - time)


async def test_too_many_replies_open_one_incident_however_long_it_goes_on(bot: Bot) -> None:
    await hear_many(bot, 9)
    await bot.hear(*[heard(f"more {number}") for number in range(5)])
    (found,) = await incidents(bot)
    assert (found.kind, found.reason, found.peer, found.closed_at) == ("loop", TOO_MANY_REPLIES, PEER, None)
    sixth = [message for message in await bot.talk() if message.text == "message 5"]
    assert [message.id for message in sixth] == [found.message_id]
    assert len(await bot.replies()) == 5


async def test_one_batch_opens_one_incident_at_its_first_message(bot: Bot) -> None:
    await bot.hear(*[heard(f"message {number}") for number in range(9)])
    (found,) = await incidents(bot)
    assert [message.id for message in await bot.talk() if message.text == "message 5"] == [found.message_id]


@kinds_in_turn
async def test_a_message_that_comes_too_often_is_left_unanswered_alone(bot: Bot) -> None:
    for _ in range(5):
        await bot.hear(heard("are you there"))
    (found,) = await incidents(bot)
    assert (found.kind, found.reason) == ("repeats", TOO_MANY_REPEATS)
    await bot.hear(heard("something else"))
    assert len(await bot.replies()) == 4


@kinds_in_turn
async def test_a_loop_that_never_pauses_is_not_started_again_by_the_clock(bot: Bot) -> None:
    """What counted is more than an hour old, but the conversation has never been quiet for one."""
    await hear_many(bot, 6)
    for hour in range(3):
        await let_pass(bot, timedelta(minutes=59))
        await bot.hear(heard(f"still here {hour}"))
    assert len(await bot.replies()) == 5
    assert len(await incidents(bot)) == 1


@kinds_in_turn
async def test_a_person_who_comes_back_after_an_hour_of_quiet_is_answered(bot: Bot) -> None:
    await hear_many(bot, 6)
    await let_pass(bot, timedelta(minutes=61))
    await hear_many(bot, 3, "hello again")
    assert len(await bot.replies()) == 8
    # Nobody has looked at it yet, so it is still open; and when it happens again it is the same one.
    await hear_many(bot, 3, "and on")
    assert len(await bot.replies()) == 10
    assert len(await incidents(bot, open=True)) == 1


@kinds_in_turn
async def test_a_released_conversation_is_answered_at_once_and_counted_from_there(
    bot: Bot, operator: Operator
) -> None:
    await hear_many(bot, 6)
    (found,) = await incidents(bot)
    view = await operator.release(found.id, by=Actor("ada"))
    assert view.incidents == []
    await hear_many(bot, 6, "again")
    assert len(await bot.replies()) == 10
    newest, oldest = await incidents(bot)
    assert (oldest.id, oldest.outcome, oldest.closed_by) == (found.id, "seen", "ada")
    assert (newest.kind, newest.closed_at) == ("loop", None)


@kinds_in_turn
async def test_a_message_that_came_too_often_is_answered_once_released(bot: Bot, operator: Operator) -> None:
    for _ in range(4):
        await bot.hear(heard("hello"))
    (found,) = await incidents(bot)
    await operator.release(found.id, by=Actor("ada"))
    await bot.hear(heard("hello"))
    assert len(await bot.replies()) == 4


@kinds_in_turn
async def test_releasing_a_message_that_came_too_often_leaves_a_silence_as_it_is(
    bot: Bot, operator: Operator
) -> None:
    for _ in range(4):
        await bot.hear(heard("hello"))
    await hear_many(bot, 3)
    loop, repeats = await incidents(bot)
    assert (loop.kind, repeats.kind) == ("loop", "repeats")
    await operator.release(repeats.id, by=Actor("ada"))
    await bot.hear(heard("hello"))
    assert len(await bot.replies()) == 5
    await operator.release(loop.id, by=Actor("ada"))
    await bot.hear(heard("hello"))
    assert len(await bot.replies()) == 6


@kinds_in_turn
async def test_what_a_person_writes_is_no_reply_of_the_bots(bot: Bot, operator: Operator) -> None:
    await bot.hear(heard("hello"))
    (conversation,) = await bot.conversations()
    for number in range(9):
        await operator.reply(conversation.id, f"Ada says {number}", by=Actor("ada"))
    await bot.hear(heard("thank you"))
    assert (await bot.replies())[-1].text == "You said thank you"


@kinds_in_turn
async def test_words_that_may_be_an_opt_out_are_for_a_person_to_decide(bot: Bot, operator: Operator) -> None:
    await bot.hear(heard("please take me off this list"))
    assert [reply.text for reply in await bot.replies()] == ["You said please take me off this list"]
    (found,) = await incidents(bot, kind="opt-out")
    assert found.reason == "may be an opt-out"
    view = await operator.release(found.id, by=Actor("ada"), opt_out=True)
    assert (view.opted_out, view.incidents) == (True, [])
    assert (await incidents(bot))[0].outcome == "opted out"


@kinds_in_turn
async def test_words_that_are_no_opt_out_are_dismissed(bot: Bot, operator: Operator) -> None:
    await bot.hear(heard("please take me off this list"))
    (found,) = await incidents(bot)
    assert not (await operator.release(found.id, by=Actor("ada"))).opted_out
    assert (await incidents(bot))[0].outcome == "not an opt-out"


@kinds_in_turn
async def test_a_real_opt_out_ends_the_guessing(bot: Bot) -> None:
    await bot.hear(heard("please take me off this list"))
    await bot.hear(heard("stop"))
    (found,) = await incidents(bot)
    assert (found.outcome, found.closed_by) == ("opted out", None)


async def test_who_is_handed_over_by_a_rule_waits_for_a_person_from_that_message_on(
    bot: Bot, operator: Operator
) -> None:
    await bot.hear(heard("agent"))
    (conversation,) = await bot.conversations()
    (found,) = await incidents(bot)
    assert (found.kind, found.conversation_id) == ("handover", conversation.id)
    assert conversation.handed_over
    assert conversation.unanswered_since == found.opened_at
    await operator.reply(conversation.id, "Ada here.", by=Actor("ada"))
    (conversation,) = await bot.conversations()
    assert (conversation.handed_over, conversation.unanswered_since) == (True, None)
    await bot.hear(heard("thanks, and one more thing"))
    (conversation,) = await bot.conversations()
    assert conversation.unanswered_since is not None
    back = await operator.hand_back(conversation.id, by=Actor("ada"))
    assert (back.unanswered_since, back.incidents) == (None, [])
    assert [each.outcome for each in await incidents(bot)] == ["handed back", "answered"]


async def test_an_incident_that_was_seen_to_is_seen_to_once(bot: Bot, operator: Operator) -> None:
    await bot.hear(heard("agent"))
    (found,) = await incidents(bot)
    assert (await operator.release(found.id, by=Actor("ada"))).handed_over
    await operator.release(found.id, by=Actor("bob"))
    assert [each.closed_by for each in await incidents(bot)] == ["ada"]


async def test_listings_come_in_pages_and_filters_mean_what_they_say(bot: Bot, operator: Operator) -> None:
    for peer in ("+15555550111", "+15555550112", "+15555550113"):
        await bot.hear(heard("agent", peer=peer), heard("please leave me alone", peer=peer))
    first = (await incidents(bot))[-1]
    await operator.release(first.id, by=Actor("ada"))
    paged: list[IncidentView] = []
    cursor = None
    while True:
        async with bot.database.reading() as connection:
            page = await list_incidents(connection, IncidentFilter(), limit=2, cursor=cursor)
        paged += page.items
        cursor = page.next
        if cursor is None:
            break
    assert paged == await incidents(bot)
    assert len(paged) == 6
    assert [each.id for each in paged] == sorted((each.id for each in paged), reverse=True)
    assert len(await incidents(bot, open=True)) == 5
    assert [each.id for each in await incidents(bot, open=False)] == [first.id]
    assert len(await incidents(bot, kind="opt-out")) + len(await incidents(bot, kind="handover")) == 6
    assert len(await incidents(bot, conversation_id=first.conversation_id)) == 2
    async with bot.database.reading() as connection:
        waiting = ConversationFilter(incident="handover")
        found = (await list_conversations(connection, waiting, limit=50, cursor=None)).items
        assert len(found) == (2 if first.kind == "handover" else 3)
        with pytest.raises(WrongCursor):
            await list_incidents(connection, IncidentFilter(), limit=2, cursor="x")
