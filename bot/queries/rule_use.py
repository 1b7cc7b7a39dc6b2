"""How often each rule answered in the last week, how many of these replies failed, and which rules nobody ever met."""

from datetime import datetime, timedelta

import msgspec
from msgspec import Struct
from sqlalchemy import func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.message_ids import first_id
from bot.queries.traffic import HOUR, MINUTE, count_messages, floor_to
from bot.queries.traffic_counter import find_progress
from bot.storage.tables import messages, traffic

WEEK, _MONTH = timedelta(days=7), timedelta(days=30)
#: Messages that a page counts itself; more have to wait for `bot.queries.traffic_counter`.
_MOST_LIVE = 2_000


class _MetRules(Struct, frozen=True):
    """The part of `bot.queries.traffic.Counts` that is read here."""

    rules: dict[str, int] = {}


class RuleUse(Struct, frozen=True, kw_only=True):
    """What a list of rules says of their use."""

    #: By rule: messages that it answered in the last seven days, and replies of these days that failed.
    answered: dict[str, int]
    failed: dict[str, int]
    #: The rules that some message met, as far back as is counted.
    met: frozenset[str]


class RuleUses:
    """Reads the counts; which rules were ever met is remembered, and only what is new is read for it."""

    def __init__(self) -> None:
        self._met: frozenset[str] = frozenset()
        self._read_to: datetime | None = None

    async def look(self, connection: AsyncConnection, now: datetime) -> RuleUse:
        """The use of the rules up to now."""
        since = floor_to(now - WEEK, HOUR)
        answered: dict[str, int] = {}
        for counts in await _hours(connection, since, now + HOUR):
            _add(answered, counts.rules)
        _add(answered, await _not_counted_yet(connection, now))
        is_of_the_week = messages.c.id >= first_id(since)
        # Written out, so that the databases see that failures have an index of their own.
        is_failed = messages.c.status == literal_column("'failed'")
        query = select(messages.c.rule, func.count().label("number"))
        rows = await connection.execute(query.where(is_of_the_week, is_failed).group_by(messages.c.rule))
        failed = {row.rule: row.number for row in rows if row.rule}
        await self._remember(connection, now)
        self._met |= answered.keys()
        return RuleUse(answered=answered, failed=failed, met=self._met)

    async def _remember(self, connection: AsyncConnection, now: datetime) -> None:
        """Read the hours that were not read yet; the last ones may still change, and the week is read in any case."""
        if self._read_to is not None and now - self._read_to < WEEK - HOUR:
            return
        start = self._read_to or (await connection.execute(select(func.min(traffic.c.start)))).scalar() or now
        while start < now:  # a month at a time: a year at once would hold up the event loop for 0.2 s
            for counts in await _hours(connection, start, start + _MONTH):
                self._met |= counts.rules.keys()
            start += _MONTH
        self._read_to = floor_to(now - HOUR, HOUR)


async def _hours(connection: AsyncConnection, since: datetime, before: datetime) -> list[_MetRules]:
    query = select(traffic.c.counts).where(
        traffic.c.seconds == int(HOUR.total_seconds()), traffic.c.start >= since, traffic.c.start < before
    )
    return [_DECODER.decode(counts) for counts in (await connection.execute(query)).scalars()]


async def _not_counted_yet(connection: AsyncConnection, now: datetime) -> dict[str, int]:
    progress = await find_progress(connection)
    start = progress.counted_to if progress else floor_to(now, HOUR)
    newer = select(messages.c.id).where(messages.c.id >= first_id(start)).order_by(messages.c.id)
    if (await connection.execute(newer.limit(1).offset(_MOST_LIVE))).scalar():
        return {}
    rules: dict[str, int] = {}
    for counts in (await count_messages(connection, start, now + MINUTE)).values():
        _add(rules, counts.rules)
    return rules


def _add(counts: dict[str, int], more: dict[str, int]) -> None:
    for rule, count in more.items():
        if rule:
            counts[rule] = counts.get(rule, 0) + count


_DECODER = msgspec.json.Decoder(_MetRules)
