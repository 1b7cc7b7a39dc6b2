"""How the team did: what the bot and people answered, how soon, by rule and by person."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.operator.actor import Actor
from bot.queries.team import AnswerTimes, RuleHandovers, TeamView, look_at_team
from tests.support.asking import Asking
from tests.support.books import book_from

RULES = """
rules:
  - {name: food, when: {keyword: food}, handover: {back_after: 2h}, reply: The kitchen answers.}
  - {name: person, when: {exact: person}, handover: true, reply: A person comes.}
  - {name: hours, when: {keyword: hours}, reply: We are open.}
"""
ANN, BOB = Actor("Ann", "ann-id"), Actor("Bob", "bob-id")
MINUTE = timedelta(minutes=1)


class Team(Asking):
    """A bot whose clock stands, but for what the test says."""

    base = datetime.now(UTC)

    def now(self) -> datetime:
        return self.base + self.ahead

    async def id_of(self, peer: str) -> str:
        return (await self.messages(peer))[0].conversation_id

    async def look(self) -> TeamView:
        async with self.database.reading() as connection:
            return await look_at_team(connection, "day", datetime.now(UTC))


@pytest.fixture
async def bot(database_url: str) -> AsyncIterator[Team]:
    one = Team(database_url, book_from(RULES))
    one.base = datetime.now(UTC)
    await one.start(asking=False)
    yield one
    await one.stop()


def peer(at: int) -> str:
    return f"+1555555{at:04}"


async def test_before_anything_there_is_nothing(bot: Team) -> None:
    view = await bot.look()
    assert (view.answered_by_bot, view.answered_by_people, view.handovers) == (0, 0, 0)
    assert (view.rules, view.people, view.seconds) == ([], [], AnswerTimes())


async def test_who_answered_what_and_how_soon(bot: Team) -> None:
    await bot.hear("hours", peer=peer(0))
    for at in range(1, 6):
        await bot.hear("food" if at < 4 else "person", peer=peer(at))
    bot.ahead = MINUTE
    await bot.operator.reply(await bot.id_of(peer(1)), "Soup?", by=ANN)
    await bot.operator.reply(await bot.id_of(peer(4)), "Here I am.", by=BOB)
    bot.ahead = 11 * MINUTE
    await bot.operator.reply(await bot.id_of(peer(1)), "Or salad?", by=BOB)  # a second word
    await bot.operator.reply(await bot.id_of(peer(2)), "Salad?", by=ANN)
    await bot.operator.reply(await bot.id_of(peer(0)), "Welcome.", by=ANN)  # that nobody handed over
    bot.ahead = 121 * MINUTE
    assert await bot.handovers.look() == 1  # the third, which nobody answered
    bot.ahead = timedelta()

    view = await bot.look()
    assert (view.answered_by_bot, view.answered_by_people) == (6, 5)
    assert (view.handovers, view.answered, view.went_back, view.open) == (5, 3, 1, 1)
    food, person = view.rules
    assert (food.rule, food.handovers, food.answered, food.went_back) == ("food", 3, 2, 1)
    assert (person.rule, person.handovers, person.answered, person.went_back) == ("person", 2, 1, 0)
    assert food.seconds.count == 2
    assert (food.seconds.median, food.seconds.p90) == (60, 660)
    ann, bob = view.people
    assert (ann.person, ann.person_id, ann.replies, ann.conversations, ann.first_answers) == (
        "Ann", "ann-id", 3, 3, 2,
    )  # fmt: skip
    assert (bob.person, bob.replies, bob.conversations, bob.first_answers) == ("Bob", 2, 2, 1)


async def test_what_a_person_handed_over_has_no_rule(bot: Team) -> None:
    await bot.hear("hours")
    await bot.operator.hand_over((await bot.messages())[0].conversation_id, by=ANN)
    assert (await bot.look()).rules == [
        RuleHandovers(rule=None, handovers=1, answered=0, went_back=0, seconds=AnswerTimes())
    ]


async def test_what_was_before_the_period_does_not_count(bot: Team) -> None:
    bot.ahead = -timedelta(days=2)
    await bot.hear("food")
    await bot.operator.reply((await bot.messages())[0].conversation_id, "Soup?", by=ANN)
    bot.ahead = timedelta()
    view = await bot.look()
    assert (view.handovers, view.answered_by_people) == (0, 0)
