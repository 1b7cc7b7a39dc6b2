"""How the team did: what the bot and people answered, how soon, by rule and by person."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import distinct, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.queries.overview import Period, count_period
from bot.queries.traffic import first_id
from bot.storage.handover_tables import handovers
from bot.storage.tables import actions

#: Handovers that one request looks at, the newest.
LOOKED_AT = 20_000


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
    """How the team did; of handovers, those that began in the period, `LOOKED_AT` at most."""
    since, counts = await count_period(connection, period, now)
    columns = (
        handovers.c.rule, handovers.c.began_at, handovers.c.answered_at, handovers.c.answered_by,
        handovers.c.answered_by_id, handovers.c.ended_at,
    )  # fmt: skip
    newest = select(*columns).where(handovers.c.began_at >= since).order_by(handovers.c.began_at.desc())
    rows = (await connection.execute(newest.limit(LOOKED_AT))).all()
    people = await _people(connection, since, rows)
    return TeamView(
        period=period,
        since=since,
        answered_by_bot=counts.answered,
        answered_by_people=sum(each.replies for each in people),
        handovers=len(rows),
        answered=_answered(rows),
        went_back=_went_back(rows),
        open=sum(row.answered_at is None and row.ended_at is None for row in rows),
        seconds=_times(rows),
        rules=_rules(rows),
        people=people,
    )


def _rules(rows: Sequence[Any]) -> list[RuleHandovers]:
    """The rule with the most handovers first."""
    grouped: dict[str | None, list[Any]] = {}
    for row in rows:
        grouped.setdefault(row.rule, []).append(row)
    found = [
        RuleHandovers(
            rule=rule,
            handovers=len(own),
            answered=_answered(own),
            went_back=_went_back(own),
            seconds=_times(own),
        )
        for rule, own in grouped.items()
    ]
    return sorted(found, key=lambda each: (-each.handovers, each.rule or ""))


async def _people(connection: AsyncConnection, since: datetime, rows: Sequence[Any]) -> list[PersonWork]:
    """Who wrote most first."""
    first: dict[tuple[str | None, str], list[Any]] = {}
    for row in rows:
        if row.answered_at is not None:
            first.setdefault((row.answered_by_id, row.answered_by), []).append(row)
    query = (
        select(
            actions.c.person_id, actions.c.by, func.count(), func.count(distinct(actions.c.conversation_id))
        )
        .where(actions.c.id >= first_id(since), actions.c.at >= since, actions.c.action == "reply")
        .group_by(actions.c.person_id, actions.c.by)
    )
    wrote = {
        (person_id, by): (replies, talks) for person_id, by, replies, talks in await connection.execute(query)
    }
    found = []
    for person_id, name in wrote.keys() | first.keys():
        replies, talks = wrote.get((person_id, name), (0, 0))
        own = first.get((person_id, name), [])
        found.append(
            PersonWork(
                person=name,
                person_id=person_id,
                replies=replies,
                conversations=talks,
                first_answers=len(own),
                seconds=_times(own),
            )
        )  # fmt: skip
    return sorted(found, key=lambda each: (-each.replies, each.person, each.person_id or ""))


def _answered(rows: Sequence[Any]) -> int:
    return sum(row.answered_at is not None for row in rows)


def _went_back(rows: Sequence[Any]) -> int:
    return sum(row.answered_at is None and row.ended_at is not None for row in rows)


def _times(rows: Sequence[Any]) -> AnswerTimes:
    taken = sorted(
        (row.answered_at - row.began_at).total_seconds() for row in rows if row.answered_at is not None
    )
    if not taken:
        return AnswerTimes()
    return AnswerTimes(count=len(taken), median=_part(taken, 0.5), p90=_part(taken, 0.9))


def _part(taken: Sequence[float], part: float) -> float:
    """The least that this part of them did not exceed."""
    return taken[max(0, -int(-len(taken) * part // 1) - 1)]
