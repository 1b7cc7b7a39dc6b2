"""How the team did: what the bot and people answered, how soon, by rule and by person."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import distinct, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.message_ids import first_id
from bot.queries.overview import Period, count_period
from bot.storage.handover_tables import handovers
from bot.storage.tables import actions

#: Handovers whose times one request reads, the newest.
TIMED = 1_000


class AnswerTimes(Struct, frozen=True, kw_only=True):
    """How long it took until a person first wrote; seconds, None where nobody did."""

    count: int = 0
    median: float | None = None
    #: Nine of ten took no longer.
    p90: float | None = None


class RuleHandovers(Struct, frozen=True, kw_only=True):
    """What became of the conversations that one rule handed over."""

    #: None: people handed them over.
    rule: str | None
    handovers: int
    #: A person wrote.
    answered: int
    #: Nobody wrote until the bot went on.
    went_back: int
    seconds: AnswerTimes


class PersonWork(Struct, frozen=True, kw_only=True):
    """What one person did."""

    person: str
    #: Their id among `people`; None for whoever shows a token.
    person_id: str | None
    replies: int
    conversations: int
    #: Handovers in which they wrote first, and how soon.
    first_answers: int
    seconds: AnswerTimes


class TeamView(Struct, frozen=True, kw_only=True):
    """How the team did in a period."""

    period: Period
    since: datetime
    #: Messages that rules answered, and replies that people wrote.
    answered_by_bot: int
    answered_by_people: int
    handovers: int
    answered: int
    went_back: int
    #: Still with people, and nobody wrote yet.
    open: int
    seconds: AnswerTimes
    rules: list[RuleHandovers]
    people: list[PersonWork]


async def look_at_team(connection: AsyncConnection, period: Period, now: datetime) -> TeamView:
    """How the team did, with the handovers that began in the period; times are those of the newest `TIMED`."""
    since, counts = await count_period(connection, period, now)
    table = handovers.c
    newest = (
        select(table.rule, table.began_at, table.answered_at, table.answered_by, table.answered_by_id)
        .where(table.began_at >= since, table.answered_at.is_not(None))
        .order_by(table.began_at.desc())
        .limit(TIMED)
    )
    timed = (await connection.execute(newest)).all()
    rules = await _rules(connection, since, timed)
    people = await _people(connection, since, timed)
    is_open = (table.began_at >= since, table.answered_at.is_(None), table.ended_at.is_(None))
    still_open = select(func.count()).select_from(handovers).where(*is_open)
    return TeamView(
        period=period,
        since=since,
        answered_by_bot=counts.answered,
        answered_by_people=sum(each.replies for each in people),
        handovers=sum(each.handovers for each in rules),
        answered=sum(each.answered for each in rules),
        went_back=sum(each.went_back for each in rules),
        open=(await connection.execute(still_open)).scalar_one(),
        seconds=_times(timed),
        rules=rules,
        people=people,
    )


async def _rules(connection: AsyncConnection, since: datetime, timed: Sequence[Any]) -> list[RuleHandovers]:
    """The rule with the most handovers first."""
    table = handovers.c
    went_back = func.count().filter(table.answered_at.is_(None), table.ended_at.is_not(None))
    query = (
        select(table.rule, func.count(), func.count(table.answered_at), went_back)
        .where(table.began_at >= since)
        .group_by(table.rule)
    )
    found = [
        RuleHandovers(
            rule=rule,
            handovers=number,
            answered=answered,
            went_back=back,
            seconds=_times([row for row in timed if row.rule == rule]),
        )
        for rule, number, answered, back in await connection.execute(query)
    ]
    return sorted(found, key=lambda each: (-each.handovers, each.rule or ""))


async def _people(connection: AsyncConnection, since: datetime, timed: Sequence[Any]) -> list[PersonWork]:
    """Who wrote most first."""
    done, given = actions.c, handovers.c
    replies = (
        select(done.person_id, done.by, func.count(), func.count(distinct(done.conversation_id)))
        .where(done.id >= first_id(since), done.at >= since, done.action == "reply")
        .group_by(done.person_id, done.by)
    )
    first = (
        select(given.answered_by_id, given.answered_by, func.count())
        .where(given.began_at >= since, given.answered_at.is_not(None))
        .group_by(given.answered_by_id, given.answered_by)
    )
    wrote = {(each[0], each[1]): (each[2], each[3]) for each in await connection.execute(replies)}
    answered = {(each[0], each[1]): each[2] for each in await connection.execute(first)}
    found = [
        PersonWork(
            person=name,
            person_id=person_id,
            replies=wrote.get((person_id, name), (0, 0))[0],
            conversations=wrote.get((person_id, name), (0, 0))[1],
            first_answers=answered.get((person_id, name), 0),
            seconds=_times(
                [row for row in timed if (row.answered_by_id, row.answered_by) == (person_id, name)]
            ),
        )
        for person_id, name in wrote.keys() | answered.keys()
    ]
    return sorted(found, key=lambda each: (-each.replies, each.person, each.person_id or ""))


def _times(timed: Sequence[Any]) -> AnswerTimes:
    taken = sorted((row.answered_at - row.began_at).total_seconds() for row in timed)
    if not taken:
        return AnswerTimes()
    return AnswerTimes(count=len(taken), median=_part(taken, 0.5), p90=_part(taken, 0.9))


def _part(taken: Sequence[float], part: float) -> float:
    """The least that this part of them did not exceed."""
    return taken[max(0, -int(-len(taken) * part // 1) - 1)]
