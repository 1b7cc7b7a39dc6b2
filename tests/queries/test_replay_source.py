"""Stored messages come back for a replay by conversation, oldest first, each with what the rules said to it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.operator.actions import Operator
from bot.queries import replay_source
from bot.queries.replay_source import count_inbound, newest_inbound, stored_inbound
from bot.rulebook.simulate.loop_guard import Caps
from bot.rulebook.simulate.replay import AnsweredMessage, Replay
from tests.support.bots import BOOK, Bot, heard
from tests.support.databases import kinds_in_turn


@pytest.fixture(params=[1, 1_000])
async def still(
    database_url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bot]:
    """A bot that sends nothing, whose messages come one at a time, or all at once."""
    monkeypatch.setattr(replay_source, "_AT_ONCE", request.param)
    bot = Bot(database_url, caps=Caps(replies=100, repeats=1))
    bot.inbox._on_queued = lambda _numbers: None
    await bot.start(sending=False)
    yield bot
    await bot.stop()


async def stored(bot: Bot, since: datetime | None = None) -> list[AnsweredMessage]:
    async with bot.database.reading() as connection:
        found = [past async for past in stored_inbound(connection, since)]
        assert len(found) == await count_inbound(connection, since)
        return found


async def test_each_message_comes_with_what_the_rules_said(still: Bot) -> None:
    await still.hear(heard("five"), heard("x"), heard("hours", peer="+15555550199", message_id="the id"))
    await still.hear(heard("stop"))
    await still.hear(heard("hours"))
    pasts = await stored(still)
    assert [(past.heard.text, past.said) for past in pasts if past.heard.sender != "+15555550199"] == [
        ("five", ("one", "two", "three", "four", "five")),
        ("x", ()),
        ("stop", ("Goodbye.",)),
        ("hours", ()),
    ]
    other = next(past for past in pasts if past.heard.sender == "+15555550199")
    assert (other.heard.id, other.rule, other.said) == ("the id", "hours", ("We are open.",))
    replay = Replay(BOOK)
    assert [replay.take(past) for past in pasts] == [None] * 5


@kinds_in_turn
async def test_what_a_guard_against_loops_held_back_the_rules_did_say(still: Bot) -> None:
    for _ in range(3):
        await still.hear(heard("hours"))
    assert [past.said for past in await stored(still)] == [("We are open.",)] * 3


@kinds_in_turn
async def test_what_people_did_to_a_conversation_is_nothing_that_another_book_would_change(
    still: Bot,
) -> None:
    """The bot was silent because a person had taken over, or had opted the peer out: it would be with any book."""
    operator = Operator(still.writer, lambda _numbers: None, lambda: BOOK)
    await still.hear(heard("hours"))
    (conversation,) = await still.conversations()
    key = conversation.id
    await operator.hand_over(key)
    await still.hear(heard("five"))
    await operator.hand_back(key)
    await still.hear(heard("name"))
    await operator.opt_out(key, reason="Asked on the phone.")
    await still.hear(heard("hours"))
    await operator.opt_in(key, consent="Signed the form.")
    await operator.tag(key, "vip")
    await still.hear(heard("five"))
    pasts = await stored(still)
    assert [[deed.action for deed in past.deeds] for past in pasts] == [
        [], ["hand over"], ["hand back"], ["opt out"], ["opt in", "tag"],
    ]  # fmt: skip
    assert [len(past.said) for past in pasts] == [1, 0, 1, 0, 5]
    replay = Replay(BOOK)
    assert [replay.take(past) for past in pasts] == [None] * 5


@kinds_in_turn
async def test_what_was_sent_again_was_said_once(still: Bot) -> None:
    await still.hear(heard("hours"))
    (reply,) = await still.replies()
    await still.alter(reply.id, status="failed")
    await Operator(still.writer, lambda _numbers: None, lambda: BOOK).resend(reply.id)
    assert [past.said for past in await stored(still)] == [("We are open.",)]


@kinds_in_turn
async def test_only_conversations_that_had_a_message_since_then_come(still: Bot) -> None:
    await still.hear(heard("hours"))
    assert len(await stored(still, datetime.now(UTC) - timedelta(minutes=1))) == 1
    assert await stored(still, datetime.now(UTC) + timedelta(minutes=1)) == []


@kinds_in_turn
async def test_the_newest_come_with_what_was_heard_before_them(still: Bot) -> None:
    async with still.database.reading() as connection:
        assert await newest_inbound(connection, 5) == ([], None)
    await still.hear(heard("five"))
    await still.hear(heard("hours", peer="+15555550199"))
    await still.hear(heard("stop"))
    async with still.database.reading() as connection:
        pasts, since = await newest_inbound(connection, 1)
    assert [past.heard.text for past in pasts] == ["five", "stop"]
    assert since == pasts[-1].at
