"""Two auto-responders fall silent, whatever they say; a person who writes a little too often is told nothing wrong."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from bot.conversation.loop_history import MOST_TOGETHER, OF_A_LONG_ONE, Traffic, recall
from bot.rulebook.simulate.loop_guard import TOO_MANY_REPEATS, TOO_MANY_REPLIES, Caps
from bot.storage.database import Database
from bot.storage.tables import conversations, messages
from tests.support.books import book_of
from tests.support.bots import PEER, Bot, heard
from tests.support.databases import KINDS, Databases, kinds_in_turn
from tests.support.long_talks import LONG_AGO, finds_by_place, write_talk

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


@kinds_in_turn
async def test_the_same_message_is_answered_three_times_in_an_hour(guarded_bot: Bot) -> None:
    for _ in range(5):
        await guarded_bot.hear(heard("hours"))
    assert len(await guarded_bot.replies()) == 3
    last = (await guarded_bot.talk())[-1]
    assert last.direction == "inbound"
    assert last.decision is not None
    assert last.decision["guard"] == TOO_MANY_REPEATS


@kinds_in_turn
async def test_a_batch_counts_as_its_messages_one_by_one(guarded_bot: Bot) -> None:
    await guarded_bot.hear(*[heard("hours") for _ in range(5)])
    assert len(await guarded_bot.replies()) == 3


@kinds_in_turn
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


@kinds_in_turn
async def test_another_person_is_answered_meanwhile(guarded_bot: Bot) -> None:
    await guarded_bot.hear(*[heard("hours") for _ in range(5)], heard("hours", peer="+15555550199"))
    assert len(await guarded_bot.replies("+15555550199")) == 1


@kinds_in_turn
async def test_an_opt_out_is_confirmed_however_much_was_said(database_url: str) -> None:
    bot = Bot(database_url, book=BOOK, caps=Caps(replies=2, repeats=3))
    await bot.start(sending=False)
    for number in range(4):
        await bot.hear(heard(f"message {number}"))
    await bot.hear(heard("stop"))
    assert [reply.text for reply in await bot.replies(PEER)][-1] == "Bye."
    await bot.stop()


@kinds_in_turn
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


@kinds_in_turn
async def test_the_guards_remember_nothing_of_a_conversation_in_which_nothing_happened(
    guarded_bot: Bot,
) -> None:
    for number in range(20):
        await guarded_bot.hear(heard(f"hours {number}"))
    async with guarded_bot.database.reading() as connection:
        (memory,) = (await connection.execute(select(conversations.c.memory))).scalars()
    assert memory is None


SURVEY = book_of(
    "name: survey, when: {keyword: survey}, reply: 'Thanks: {{ a }}{{ b }}{{ c }}{{ d }}{{ e }}{{ f }}', ask: ["
    + ", ".join(
        f"{{save: {name}, question: 'From 1 to 5, {name}?', expect: {{number: {{min: 1, max: 5}}}}}}"
        for name in "abcdef"
    )
    + "]",
    "name: twin, when: {keyword: twin}, reply: Done, ask: ["
    + ", ".join(f"{{save: t{at}, question: Next?, expect: number}}" for at in range(6))
    + "]",
    "name: count, when: {keyword: more}, set: {n: '{{ n }}i'}, reply: 'Here is {{ n }}.'",
    "name: else, when: anything, reply: Sorry?",
)


@pytest.fixture
async def asking_bot(database_url: str) -> AsyncIterator[Bot]:
    bot = Bot(database_url, book=SURVEY, caps=USUAL)
    await bot.start(sending=False)
    yield bot
    await bot.stop()


@kinds_in_turn
async def test_a_survey_whose_answers_are_all_alike_is_asked_to_its_end(asking_bot: Bot) -> None:
    """Even where all questions have one text: each step of an `ask` is another answer."""
    ways = itertools.product([("survey", "Thanks: 555555"), ("twin", "Done")], [True, False])
    for number, ((opening, ending), in_one_batch) in enumerate(ways):
        peer = f"+1555555{number:04}"
        events = [heard(opening, peer=peer), *(heard("5", peer=peer) for _ in range(6))]
        if in_one_batch:
            await asking_bot.hear(*events)
        else:
            for event in events:
                await asking_bot.hear(event)
        assert [reply.text for reply in await asking_bot.replies(peer)][-1] == ending, (opening, in_one_batch)
    assert [conversation.incidents for conversation in await asking_bot.conversations()] == [[]] * 4


@kinds_in_turn
async def test_every_reply_whose_text_differs_is_another_answer(asking_bot: Bot) -> None:
    for _ in range(6):
        await asking_bot.hear(heard("more"))
    assert len(await asking_bot.replies()) == 6


@kinds_in_turn
async def test_the_same_answer_that_is_none_is_said_three_times(database_url: str) -> None:
    book = book_of(
        "when: {keyword: go}, ask: {save: n, question: How many?, expect: number}, tries: 9, reply: ok"
    )
    bot = Bot(database_url, book=book, caps=USUAL)
    await bot.start(sending=False)
    await bot.hear(heard("go"))
    for _ in range(5):
        await bot.hear(heard("what"))
    assert len(await bot.replies()) == 4
    await bot.stop()


@kinds_in_turn
async def test_what_is_asked_when_the_guard_falls_silent_is_not_answered_unheard(database_url: str) -> None:
    """A question that was held back was never put: the next answer is still that to the one before."""
    bot = Bot(database_url, book=SURVEY, caps=Caps(replies=3, repeats=3))
    await bot.start(sending=False)
    for text in ("survey", "1", "2", "3", "4", "5"):
        await bot.hear(heard(text))
    assert [reply.text for reply in await bot.replies()] == [
        "From 1 to 5, a?",
        "From 1 to 5, b?",
        "From 1 to 5, c?",
    ]
    for message in await bot.talk():
        await bot.alter(message.id, created_at=message.created_at.replace(year=message.created_at.year - 1))
    async with bot.database.writing() as connection:
        before = conversations.c.last_message_at
        await connection.execute(
            update(conversations).values({before: datetime.now(UTC) - timedelta(hours=2)})
        )
    await bot.hear(heard("4"))
    assert (await bot.replies())[-1].text == "From 1 to 5, d?"
    async with bot.database.reading() as connection:
        (memory,) = (await connection.execute(select(conversations.c.memory))).scalars()
    assert memory["flow"]["answers"] == {"a": "1", "b": "2", "c": "4"}
    await bot.stop()


NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
#: Of the messages of a conversation, oldest first, how many minutes before noon each was said by the clock of then.
CLOCKS: dict[str, tuple[float, ...]] = {
    "all of it old": (3000, 2999, 61, 60),
    "exactly an hour ago, and a second later": (3000, 60, 60, 59.98, 59.98),
    "all of it young": (50, 49, 3, 2),
    "set back by half an hour": (300, 299, 50, 49, 75, 74, 45, 44, 3, 2),
    "set back for one message": (300, 299, 40, 100, 39, 38),
    "ahead of time": (300, 299, -20, -21, 30, 29),
}


async def test_a_long_conversation_counts_as_a_short_one_does(guarded_bot: Bot) -> None:
    """However many came before, and where the clock was set back by less than an hour."""
    for number, (clock, all_minutes) in enumerate(CLOCKS.items()):
        times = [NOON - timedelta(minutes=minutes) for minutes in all_minutes]
        key = await write_talk(guarded_bot.database, times, peer=f"+1555555{number:04}")
        found = []
        async with guarded_bot.database.reading() as connection:
            for length in (len(times), MOST_TOGETHER + 1):
                recent, _ = await recall(connection, [Traffic(key, None, times[-1], length)], NOON)
                found.append(recent[key])
        young = sum(each > NOON - timedelta(hours=1) for each in times[1::2])
        assert [each.replies for each in found] == [young, young], clock
        assert found[0].heard == found[1].heard, clock
        assert sum(found[0].heard.values()) == young, clock


async def test_what_was_held_back_in_a_long_conversation_counts(guarded_bot: Bot) -> None:
    await write_talk(guarded_bot.database, [LONG_AGO] * (MOST_TOGETHER + 1))
    await write_talk(guarded_bot.database, [LONG_AGO] * 2, peer="+15555550102")
    for _ in range(2):
        await guarded_bot.hear(
            *[heard("hours", peer=peer) for peer in (PEER, "+15555550102") for _ in range(3)]
        )
    for peer in (PEER, "+15555550102"):
        async with guarded_bot.database.reading() as connection:
            texts = (
                select(messages.c.decision)
                .join(conversations)
                .where(
                    conversations.c.peer == peer,
                    messages.c.created_at > LONG_AGO,
                    messages.c.direction == "inbound",
                )
            )
            guards = [each.get("guard") for each in (await connection.execute(texts)).scalars()]
        assert sorted(guards, key=str) == [None] * 3 + [TOO_MANY_REPEATS] * 3


async def test_of_a_long_conversation_the_last_hour_is_read(databases: Databases) -> None:
    since = NOON - timedelta(hours=1)
    times = [LONG_AGO] * 3_000 + [NOON] * 10
    for kind in KINDS:
        with databases.lent(kind) as address:
            database = Database(address)
            key = await write_talk(database, times)
            await write_talk(database, times, peer="+15555550102")
            wanted = {"conversation_id": key, "since": since, "old": since - timedelta(hours=1)}
            for query in OF_A_LONG_ONE:
                assert await finds_by_place(database, query, **wanted)
            await database.close()
