"""Two auto-responders fall silent, whatever they say; a person who writes a little too often is told nothing wrong."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from bot.conversation.guards import TOO_MANY_REPEATS, TOO_MANY_REPLIES, Caps
from bot.conversation.tables import conversations
from tests.conversation.databases import Databases
from tests.conversation.parts import PEER, Bot, heard
from tests.rulebook.books import book_of

BOOK = book_of(
    "name: stop, when: {exact: stop}, opt_out: true, reply: Bye.",
    "name: echo, when: anything, reply: 'You said {{ message }}'",
)
#: As BOT_REPLIES_PER_HOUR and BOT_REPEATS_PER_HOUR are by default.
USUAL = Caps(replies=30, repeats=3)


@pytest.fixture
async def guarded_bot(database_url: str) -> AsyncIterator[Bot]:
    bot = Bot(database_url, caps=USUAL)
    await bot.start(sending=False)
    yield bot
    await bot.stop()


async def test_the_same_message_is_answered_three_times_in_an_hour(guarded_bot: Bot) -> None:
    for _ in range(5):
        await guarded_bot.hear(heard("hours"))
    assert len(await guarded_bot.replies()) == 3
    last = (await guarded_bot.talk())[-1]
    assert last.direction == "inbound"
    assert last.decision is not None
    assert last.decision["guard"] == TOO_MANY_REPEATS


async def test_a_batch_counts_as_its_messages_one_by_one(guarded_bot: Bot) -> None:
    await guarded_bot.hear(*[heard("hours") for _ in range(5)])
    assert len(await guarded_bot.replies()) == 3


async def test_replies_whose_text_varies_are_capped_too(database_url: str) -> None:
    bot = Bot(database_url, book=BOOK, caps=Caps(replies=10, repeats=3))
    await bot.start(sending=False)
    for number in range(8):
        await bot.hear(heard(f"message {number}"), heard(f"and {number}"))
    assert len(await bot.replies()) == 10
    last = (await bot.talk())[-1]
    assert last.decision is not None
    assert last.decision["guard"] == TOO_MANY_REPLIES
    await bot.stop()


async def test_another_person_is_answered_meanwhile(guarded_bot: Bot) -> None:
    await guarded_bot.hear(*[heard("hours") for _ in range(5)], heard("hours", peer="+15555550199"))
    assert len(await guarded_bot.replies("+15555550199")) == 1


async def test_an_opt_out_is_confirmed_however_much_was_said(database_url: str) -> None:
    bot = Bot(database_url, book=BOOK, caps=Caps(replies=2, repeats=3))
    await bot.start(sending=False)
    for number in range(4):
        await bot.hear(heard(f"message {number}"))
    await bot.hear(heard("stop"))
    assert [reply.text for reply in await bot.replies(PEER)][-1] == "Bye."
    await bot.stop()


async def test_an_hour_later_it_answers_again(guarded_bot: Bot) -> None:
    await guarded_bot.hear(*[heard("hours") for _ in range(5)])
    for message in await guarded_bot.talk():
        await guarded_bot.alter(
            message.id, created_at=message.created_at.replace(year=message.created_at.year - 1)
        )
    await guarded_bot.hear(heard("hours"))
    assert len(await guarded_bot.replies()) == 4


async def test_two_replicas_together_say_no_more_than_one_would(databases: Databases) -> None:
    """They hear the same talk at the same time; each counts what the other has said."""
    url = databases.migrated("postgresql")
    replicas = [Bot(url, book=BOOK, caps=Caps(replies=10, repeats=100)) for _ in range(2)]
    for replica in replicas:
        await replica.start(sending=False)
    await asyncio.gather(
        *(replicas[number % 2].hear(heard(f"message {number}")) for number in range(40)),
    )
    talk = await replicas[0].talk()
    assert len([message for message in talk if message.direction == "inbound"]) == 40
    assert len([message for message in talk if message.direction == "outbound"]) == 10
    (conversation,) = await replicas[0].conversations()
    assert [incident.kind for incident in conversation.incidents] == ["loop"]
    for replica in replicas:
        await replica.stop()


async def test_the_guards_remember_nothing_of_a_conversation_in_which_nothing_happened(
    guarded_bot: Bot,
) -> None:
    for number in range(20):
        await guarded_bot.hear(heard(f"hours {number}"))
    async with guarded_bot.database.reading() as connection:
        (memory,) = (await connection.execute(select(conversations.c.memory))).scalars()
    assert memory is None
