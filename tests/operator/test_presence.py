"""Drafts are each person's own, and people see who else is there, who writes, and what they have not read."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.operator.actions import Operator
from bot.operator.actor import Actor
from bot.operator.errors import NotThere
from bot.operator.presence import Presence
from bot.queries.inbox import (
    OtherPerson,
    count_inbox,
    drafts_among,
    find_draft,
    others_in,
    unread_among,
)
from bot.storage.commits import presence_topic
from tests.support.bots import BOOK, Bot, heard
from tests.support.databases import kinds_in_turn

ADA, BO = Actor("Ada", "a1"), Actor("Bo", "b1")
THERE, WRITES = OtherPerson(name="Ada", is_typing=False), OtherPerson(name="Ada", is_typing=True)


async def talk(bot: Bot, text: str = "quiet") -> str:
    await bot.hear(heard(text))
    return (await bot.conversations())[0].id


async def test_each_person_has_a_draft_of_their_own(bot: Bot) -> None:
    key, presence = await talk(bot), Presence(bot.writer)
    await presence.draft(ADA, key, "Dear")
    await presence.draft(ADA, key, "Dear Bo")
    await presence.draft(BO, key, "Hi")
    async with bot.database.reading() as connection:
        assert await find_draft(connection, ADA.key, key) == "Dear Bo"
        assert await find_draft(connection, BO.key, key) == "Hi"
        assert await drafts_among(connection, ADA.key, [key]) == {key}
    await presence.draft(ADA, key, "  ")
    async with bot.database.reading() as connection:
        assert await drafts_among(connection, ADA.key, [key]) == set()
        assert await drafts_among(connection, BO.key, [key]) == {key}


async def test_others_see_who_is_there_and_who_writes(bot: Bot) -> None:
    now = datetime.now(UTC)
    key, presence = await talk(bot), Presence(bot.writer, lambda: now)

    async def seen_by(who: Actor, later: timedelta = timedelta()) -> list[OtherPerson]:
        async with bot.database.reading() as connection:
            return await others_in(connection, who.key, key, now + later)

    await presence.here(ADA, key)
    assert await seen_by(BO) == [THERE]
    assert await seen_by(ADA) == [], "nobody is another one to themselves"
    await presence.here(ADA, key, is_typing=True)
    assert await seen_by(BO) == [WRITES]
    assert await seen_by(BO, timedelta(seconds=10)) == [THERE], "nobody writes for ever"
    assert await seen_by(BO, timedelta(minutes=1)) == [], "nor is there, without a word"
    await presence.here(ADA, key, is_over=True)
    assert await seen_by(BO) == []


async def test_whoever_opens_another_one_has_left(bot: Bot) -> None:
    now = datetime.now(UTC)
    key, presence = await talk(bot), Presence(bot.writer, lambda: now)
    await bot.hear(heard("quiet", peer="+15555550199"))
    (other,) = [each.id for each in await bot.conversations() if each.id != key]
    await presence.here(ADA, key)
    await presence.here(ADA, other)
    async with bot.database.reading() as connection:
        assert await others_in(connection, BO.key, key, now) == []
        assert await others_in(connection, BO.key, other, now) == [THERE]


async def test_pages_hear_of_who_comes_and_writes_and_not_of_each_key(bot: Bot) -> None:
    heard_of: list[set[str]] = []
    bot.writer.news.is_heard = lambda: True
    bot.writer.news.on_commit = lambda topics=(): heard_of.append(set(topics))
    key, presence = await talk(bot), Presence(bot.writer)
    heard_of.clear()
    await presence.here(ADA, key, is_typing=True)
    assert not any(presence_topic(key) in topics for topics in heard_of), "nobody else is there"
    await presence.here(BO, key)
    told = []
    for is_typing in (False, False, True, True, True, False):
        heard_of.clear()
        await presence.here(ADA, key, is_typing=is_typing)
        told.append(any(presence_topic(key) in topics for topics in heard_of))  # the bot may commit, too
    assert told == [True, False, True, False, False, True]


async def test_what_they_wrote_is_unread_until_one_looked(bot: Bot) -> None:
    key, presence = await talk(bot), Presence(bot.writer)
    await Operator(bot.writer, bot.sender.wake, lambda: BOOK).hand_over(key, by=BO)

    async def is_unread(who: Actor) -> bool:
        async with bot.database.reading() as connection:
            return key in await unread_among(connection, who.key, [key])

    assert await is_unread(ADA)
    await presence.read(ADA, key, 1)
    assert (await is_unread(ADA), await is_unread(BO)) == (False, True)
    await bot.hear(heard("quiet"))
    assert await is_unread(ADA)
    await presence.read(ADA, key, 2)
    await presence.read(ADA, key, 1)
    assert await is_unread(ADA), "made unread again"


@kinds_in_turn
async def test_what_the_bot_said_makes_nothing_unread(bot: Bot) -> None:
    key, presence = await talk(bot), Presence(bot.writer)
    await presence.read(ADA, key, 1)
    await Operator(bot.writer, bot.sender.wake, lambda: BOOK).reply(key, "Hello.", by=BO)
    async with bot.database.reading() as connection:
        assert await unread_among(connection, ADA.key, [key]) == set()


@kinds_in_turn
async def test_nothing_is_kept_of_what_is_not_there(bot: Bot) -> None:
    presence = Presence(bot.writer)
    with pytest.raises(NotThere):
        await presence.draft(ADA, "no such", "x")


async def test_each_filter_has_its_count(bot: Bot) -> None:
    operator = Operator(bot.writer, bot.sender.wake, lambda: BOOK)
    for n in range(3):
        await bot.hear(heard("quiet", peer=f"+1555555021{n}"))
    first, second, third = (each.id for each in await bot.conversations())
    await operator.hand_over(first, by=ADA)
    await operator.opt_out(second, by=ADA)
    async with bot.database.reading() as connection:
        counts = await count_inbox(connection, "Ada")
    assert (counts.waiting, counts.unanswered, counts.handed_over, counts.opted_out) == (1, 1, 1, 1)
    assert (counts.mine, counts.failed, counts.snoozed, counts.loop) == (0, 0, 0, 0)
    assert third
