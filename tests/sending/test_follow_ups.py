"""What a rule says later is said once, at an hour at which nobody is woken, or it is noted why not."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from bot.operator.actor import Actor
from bot.rulebook.simulate.loop_guard import Caps
from tests.support.books import book_from
from tests.support.bots import PEER, heard
from tests.support.databases import kinds_in_turn
from tests.support.timed_bots import FOLLOW_UP_RULES, Waiting


@pytest.fixture
async def bot(database_url: str) -> AsyncIterator[Waiting]:
    one = Waiting(database_url)
    await one.start(asking=False)
    yield one
    await one.stop()


DAY = timedelta(days=1)


async def test_it_is_said_when_it_is_due_and_once(bot: Waiting) -> None:
    await bot.hear("vote")
    assert await bot.pass_time(DAY - timedelta(seconds=1)) == []
    assert await bot.pass_time(timedelta(seconds=1)) == ["The result is out."]
    assert await bot.pass_time(timedelta(minutes=5)) == []
    assert await bot.pass_time(DAY - timedelta(minutes=5)) == ["Vote again."]
    assert await bot.states() == [("said", None), ("said", None)]


@kinds_in_turn
async def test_an_answer_cancels_what_says_so_and_nothing_else(bot: Waiting) -> None:
    await bot.hear("vote", "hours")
    assert [each[0] for each in await bot.states()] == ["cancelled", "waiting"]
    assert await bot.pass_time(DAY) == []
    assert await bot.pass_time(DAY) == ["Vote again."]
    assert await bot.states() == [("cancelled", "they wrote meanwhile"), ("said", None)]


@kinds_in_turn
@pytest.mark.parametrize(("text", "reason"), [("stop", "they opted out"), ("person", "a person took over")])
async def test_an_opt_out_and_a_person_cancel_all_of_it_for_good(
    bot: Waiting, text: str, reason: str
) -> None:
    await bot.hear("vote", text, "start")
    assert await bot.states() == [("cancelled", reason)] * 2
    assert await bot.pass_time(2 * DAY) == []


async def test_a_person_cancels_one_and_it_is_kept_who_did(bot: Waiting) -> None:
    await bot.hear("vote")
    first, second = await bot.later()
    await bot.operator.cancel_follow_up(first.id, by=Actor("alice"))
    await bot.operator.cancel_follow_up(first.id, by=Actor("bob"))
    assert await bot.states() == [("cancelled", "a person cancelled it"), ("waiting", None)]
    assert second.due_at == bot.moment + 2 * DAY


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(("word", "reason"), [("stop", "they opted out"), ("person", "a person took over")])
@kinds_in_turn
async def test_a_message_of_the_same_transaction_cancels_it_too(
    bot: Waiting, word: str, reason: str, *, together: bool
) -> None:
    """And what is said later for a text after it waits."""
    texts = ["vote", word, "start", "vote"] if word == "stop" else ["vote", word]
    events = [
        replace(heard(text), received_at=bot.moment - timedelta(minutes=9 - at))
        for at, text in enumerate(texts)
    ]
    for each in [events] if together else [[event] for event in events]:
        await bot.inbox.accept(each)
    again = [("waiting", None)] * 2 if word == "stop" else []
    assert sorted(await bot.states(), key=str) == [("cancelled", reason)] * 2 + again


@kinds_in_turn
async def test_what_a_person_does_cancels_it_too(bot: Waiting) -> None:
    await bot.hear("vote")
    (first, *_) = await bot.later()
    await bot.operator.hand_over(first.conversation_id)
    await bot.operator.hand_back(first.conversation_id)
    assert await bot.pass_time(DAY) == []


@kinds_in_turn
async def test_after_a_long_stop_nothing_is_said_late(bot: Waiting) -> None:
    await bot.hear("vote")
    assert await bot.pass_time(DAY + timedelta(minutes=61)) == []
    (status, reason), _ = await bot.states()
    assert status == "dropped"
    assert reason is not None
    assert "more than an hour late" in reason


@kinds_in_turn
async def test_a_rule_that_is_gone_says_nothing(bot: Waiting) -> None:
    await bot.hear("vote")
    bot.book = book_from("rules: [{name: vote, when: {keyword: vote}, reply: No more.}]")
    assert await bot.pass_time(DAY) == []
    assert (await bot.states())[0] == ("cancelled", "the rule is gone")


@kinds_in_turn
async def test_it_is_said_in_the_language_of_that_time(bot: Waiting) -> None:
    bot.book = book_from(
        "languages: [en, es]\nrules:\n"
        "  - {name: vote, when: {keyword: vote}, reply: {en: Counted., es: Contado.},"
        " later: {after: 1d, between: '0:00-24:00', reply: {en: It is out., es: Ya salió.}}}\n"
        "  - {name: spanish, when: {exact: español}, language: es, reply: Vale.}\n"
    )
    await bot.hear("vote")
    (waiting,) = await bot.later()
    assert waiting.texts == ["It is out."]
    await bot.hear("español")
    (waiting,) = await bot.later()
    assert waiting.texts == ["Ya salió."]
    assert await bot.pass_time(DAY) == ["Ya salió."]


@kinds_in_turn
async def test_a_rule_that_answers_again_begins_anew(bot: Waiting) -> None:
    await bot.hear("vote")
    bot.moment += timedelta(hours=1)
    await bot.hear("vote")
    assert await bot.pass_time(DAY - timedelta(hours=1)) == []
    assert await bot.pass_time(timedelta(hours=1)) == ["The result is out."]


@kinds_in_turn
async def test_it_is_held_to_the_loop_guard(database_url: str) -> None:
    bot = Waiting(database_url, caps=Caps(replies=1, repeats=100))
    await bot.start(asking=False)
    await bot.hear("vote")
    bot.moment += DAY - timedelta(minutes=1)
    await bot.hear("hours")
    assert await bot.pass_time(DAY + timedelta(minutes=1)) == ["Vote again."]
    await bot.stop()


async def test_two_processes_say_it_once(database_url: str) -> None:
    bots = [Waiting(database_url) for _ in range(2)]
    for one in bots:
        await one.start(asking=False)
    await bots[0].hear("vote")
    for one in bots:
        one.moment += DAY
    await asyncio.gather(*(one.follow_ups.look() for one in bots))
    assert await bots[0].said() == ["Counted.", "The result is out."]
    for one in bots:
        await one.stop()


@kinds_in_turn
async def test_nobody_is_woken(bot: Waiting) -> None:
    """12:00 in London is 4:00 in Los Angeles, and a number without a place is at home where the file says."""
    bot.book = book_from(FOLLOW_UP_RULES.replace("after: 1d", "after: 10h"))
    for peer, hour in {"+12135550101": 22, "+33612345678": 32, PEER: 32}.items():
        await bot.hear("vote", peer=peer)
        (first, _) = await bot.later(peer)
        # 12:00 UTC and 10 h is 14:00 in Los Angeles, and 23:00 in Paris, so 9:00 there.
        assert first.due_at == datetime(2026, 11, 23, tzinfo=UTC) + timedelta(hours=hour)
