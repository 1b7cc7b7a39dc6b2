"""A conversation is handed over to somebody, and goes back to the bot by itself when nobody answers there."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.conversation.audit_log import list_actions
from bot.conversation.incidents import IncidentFilter, list_incidents
from bot.operator.actor import Actor
from bot.rulebook.handed_over import HandedOver
from tests.support.bots import PEER, heard, until
from tests.support.databases import kinds_in_turn
from tests.support.timed_bots import Handing

ANN = Actor("Ann", "ann-id")
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.fixture
async def bot(database_url: str) -> AsyncIterator[Handing]:
    one = Handing(database_url)
    await one.start(asking=False)
    yield one
    await one.stop()


async def test_it_is_known_to_whom_a_rule_hands_over_and_until_when(bot: Handing) -> None:
    await bot.hear("food")
    found = await bot.conversation()
    assert found.handed_over
    assert found.handover is not None
    assert (found.handover.to, found.handover.urgent, found.handover.rule) == ("kitchen", True, "food")
    assert (found.handover.since, found.handover.back_at) == (bot.moment, bot.moment + 2 * HOUR)


async def test_it_goes_back_by_itself_and_the_peer_is_told_once(bot: Handing) -> None:
    await bot.hear("food")
    assert await bot.pass_time(2 * HOUR - SECOND) == []
    assert (await bot.conversation()).handed_over
    assert await bot.pass_time(SECOND) == [f"Nobody could answer {PEER}."]
    assert await bot.pass_time(3 * HOUR) == []
    found = await bot.conversation()
    assert (found.handed_over, found.handover, found.unanswered_since) == (False, None, None)
    await bot.hear("hours")
    assert (await bot.said())[-1] == "We are open."
    async with bot.database.reading() as connection:
        (done,) = (await list_actions(connection, found.id, limit=9, cursor=None)).items
        (incident,) = (await list_incidents(connection, IncidentFilter(), limit=9, cursor=None)).items
    assert (done.action, done.by, done.details) == ("hand back", "bot", "nobody wrote for 2h")
    assert (incident.outcome, incident.closed_by) == ("went back", "bot")


@kinds_in_turn
async def test_a_word_of_a_person_begins_the_time_anew_and_the_first_is_kept(bot: Handing) -> None:
    await bot.hear("food")
    bot.moment += HOUR
    key = (await bot.conversation()).id
    await bot.operator.reply(key, "What would you like?", by=ANN)
    bot.moment += SECOND
    await bot.operator.reply(key, "Soup?", by=Actor("Bob"))
    assert await bot.pass_time(2 * HOUR - SECOND) == []
    assert await bot.pass_time(SECOND) == [f"Nobody could answer {PEER}."]
    (row,) = await bot.kept()
    assert (row.answered_by, row.answered_by_id) == ("Ann", "ann-id")
    assert row.answered_at - row.began_at == HOUR
    assert row.ended_by == "bot"


@kinds_in_turn
async def test_who_passes_it_on_leaves_what_is_said_at_its_end(bot: Handing) -> None:
    await bot.hear("food")
    key = (await bot.conversation()).id
    await bot.operator.hand_over(key, by=ANN, given=HandedOver(to="desk", back_after=3600))
    assert await bot.pass_time(HOUR) == [f"Nobody could answer {PEER}."]


@pytest.mark.parametrize("together", [False, True])
@kinds_in_turn
async def test_an_opt_out_of_the_same_transaction_ends_what_waits_for_a_person(
    bot: Handing, *, together: bool
) -> None:
    texts = ["person", "please take me off your list", "stop"]
    await bot.inbox.accept([heard(text) for text in texts]) if together else await bot.hear(*texts)
    async with bot.database.reading() as connection:
        page = await list_incidents(connection, IncidentFilter(), limit=9, cursor=None)
    assert {(each.kind, each.outcome) for each in page.items} == {
        ("handover", "opted out"),
        ("opt-out", "opted out"),
    }


@kinds_in_turn
async def test_a_word_of_the_peer_does_not(bot: Handing) -> None:
    await bot.hear("food")
    bot.moment += HOUR
    await bot.hear("hello?")
    assert await bot.pass_time(HOUR) == [f"Nobody could answer {PEER}."]


@kinds_in_turn
async def test_without_a_time_it_stays_until_it_is_handed_back(bot: Handing) -> None:
    await bot.hear("person")
    assert await bot.pass_time(1000 * HOUR) == []
    found = await bot.conversation()
    assert found.handed_over
    await bot.operator.hand_back(found.id, by=ANN)
    (row,) = await bot.kept()
    assert (row.ended_by, row.back_at, row.rule) == ("Ann", None, "person")
    await bot.hear("person")
    assert [each.ended_at is None for each in await bot.kept()] == [False, True]


@kinds_in_turn
async def test_handed_back_by_a_person_it_does_not_go_back_again(bot: Handing) -> None:
    await bot.hear("food")
    await bot.operator.hand_back((await bot.conversation()).id, by=ANN)
    assert await bot.pass_time(3 * HOUR) == []


@kinds_in_turn
async def test_the_peer_is_told_in_their_language(bot: Handing) -> None:
    await bot.hear("comida")
    assert await bot.pass_time(2 * HOUR) == ["Nadie pudo responder."]


@kinds_in_turn
async def test_with_nothing_to_say_the_bot_only_goes_on_and_the_question_stays_open(bot: Handing) -> None:
    await bot.hear("quiet")
    assert await bot.pass_time(2 * HOUR) == []
    found = await bot.conversation()
    assert (found.handed_over, found.unanswered_since) == (False, datetime(2026, 11, 23, 12, 0, tzinfo=UTC))


@kinds_in_turn
async def test_who_opted_out_meanwhile_is_told_nothing(bot: Handing) -> None:
    await bot.hear("food", "stop")
    assert await bot.pass_time(2 * HOUR) == []
    assert not (await bot.conversation()).handed_over


@kinds_in_turn
async def test_a_rule_with_questions_hands_over_when_they_are_answered(bot: Handing) -> None:
    await bot.hear("book")
    assert not (await bot.conversation()).handed_over
    bot.moment += HOUR / 2
    await bot.hear("friday")
    found = await bot.conversation()
    assert found.handover is not None
    assert (found.handover.to, found.handover.back_at) == ("desk", bot.moment + HOUR)
    assert await bot.pass_time(HOUR) == []
    assert not (await bot.conversation()).handed_over


@kinds_in_turn
async def test_a_person_hands_over_to_another_and_for_a_time(bot: Handing) -> None:
    await bot.hear("hours")
    key = (await bot.conversation()).id
    first = await bot.operator.hand_over(key, by=ANN, given=HandedOver(to="Bob", back_after=7200))
    assert first.handover is not None
    assert (first.handover.to, first.handover.by, first.handover.rule) == ("Bob", "Ann", None)
    second = await bot.operator.hand_over(key, by=ANN, given=HandedOver(to="Eve", urgent=True))
    assert second.handover is not None
    assert (second.handover.to, second.handover.urgent, second.handover.back_at) == ("Eve", True, None)
    assert await bot.operator.hand_over(key, by=ANN) == second
    assert len(await bot.kept()) == 1


async def test_two_processes_give_a_conversation_back_once(bot: Handing) -> None:
    await bot.hear("food")
    other = Handing(bot.url)
    other.writer.start()
    bot.moment = other.moment = bot.moment + 2 * HOUR
    await asyncio.gather(bot.handovers.look(), other.handovers.look())
    await other.stop()
    assert (await bot.said())[1:] == [f"Nobody could answer {PEER}."]


@kinds_in_turn
async def test_it_goes_back_while_the_bot_runs(bot: Handing) -> None:
    await bot.hear("food")
    bot.moment += 2 * HOUR
    bot.handovers.start()

    async def is_back() -> bool:
        return not (await bot.conversation()).handed_over

    await until(is_back)
    await bot.handovers.stop()
