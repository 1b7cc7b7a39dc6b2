"""How delivery fares, counted by the hour and the day: by state, code, country, number of ours and rule.

A day of a busy bot is 24 short rows and not a million messages. `bot.queries.traffic_counter` keeps them up.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
import phonenumbers
from msgspec import Struct
from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.queries.traffic import HOUR, failure_name, floor_to, milliseconds, place_of, within
from bot.storage.delivery_tables import delivery_counts
from bot.storage.sql import direction_is, status_is
from bot.storage.tables import conversations, messages, status_changes

DAY = timedelta(days=1)
#: Signs of a number that tell its country: the calling code, and in North America the area code.
_PREFIX = 5


class OutboundTally(Struct, kw_only=True, omit_defaults=True):
    """What became of some outbound messages."""

    #: Messages by their state as it is now.
    states: dict[str, int] = {}
    #: Delivered ones by the time from their making to that: places in `bot.queries.traffic.REPLY_TIMES`.
    times: dict[int, int] = {}

    def add(self, other: "OutboundTally") -> None:
        """Count others in."""
        _add(self.states, other.states)
        _add(self.times, other.times)


class OutboundCounts(Struct, kw_only=True, omit_defaults=True):
    """The outbound messages that were made in a stretch of time."""

    whole: OutboundTally = msgspec.field(default_factory=OutboundTally)
    #: Failed and unconfirmed ones, by Azure's code or by the words where there is none.
    codes: dict[str, OutboundTally] = {}
    #: By ISO 3166; "" for peers without a country.
    countries: dict[str, OutboundTally] = {}
    #: By number of ours.
    numbers: dict[str, OutboundTally] = {}
    #: By rule; "" for what people wrote.
    rules: dict[str, OutboundTally] = {}

    def add(self, other: "OutboundCounts") -> None:
        """Count another stretch in."""
        self.whole.add(other.whole)
        for mine, theirs in (
            (self.codes, other.codes),
            (self.countries, other.countries),
            (self.numbers, other.numbers),
            (self.rules, other.rules),
        ):
            for name, tally in theirs.items():
                mine.setdefault(name, OutboundTally()).add(tally)


@lru_cache(maxsize=4_096)
def country_of(prefix: str) -> str:
    """The country of a number by its first signs, as ISO 3166 has it; "" where there is none.

    It is that of the calling code, of several countries the main one; in North America that of the area code.
    """
    digits = prefix[1:_PREFIX]
    if not prefix.startswith("+") or digits.startswith("0"):
        return ""
    if digits.startswith("1"):
        number = phonenumbers.PhoneNumber(
            country_code=1, national_number=int(f"{digits[1:4]:0<3}2345678"[:10])
        )
        return phonenumbers.region_code_for_number(number) or "US"
    for length in (1, 2, 3):
        region: str = phonenumbers.region_code_for_country_code(int(digits[:length] or "0"))
        if region not in ("ZZ", "001"):
            return region
    return ""


async def count_delivery(connection: AsyncConnection, start: datetime, end: datetime) -> OutboundCounts:
    """What became of the outbound messages made from `start` up to `end`."""
    counts = OutboundCounts()
    prefix = func.substr(conversations.c.peer, 1, _PREFIX).label("prefix")
    keys = (messages.c.number, messages.c.rule, prefix)
    is_wanted = within(start, end) & direction_is("outbound")
    rows = func.count().label("rows")
    joined = messages.join(conversations, conversations.c.id == messages.c.conversation_id)
    query = select(*keys, messages.c.status, rows).select_from(joined).where(is_wanted)
    for row in await connection.execute(query.group_by(*keys, messages.c.status)):
        for tally in _tallies(counts, row):
            _add(tally.states, {row.status: row.rows})
    named = (messages.c.status, messages.c.status_details, messages.c.failure_code)
    is_lost = messages.c.status.in_(("failed", "unconfirmed"))
    for row in await connection.execute(select(*named, rows).where(is_wanted, is_lost).group_by(*named)):
        name = failure_name(row.status_details, row.failure_code)
        _add(counts.codes.setdefault(name, OutboundTally()).states, {row.status: row.rows})
    place = place_of(milliseconds(connection, messages.c.created_at, status_changes.c.at)).label("place")
    query = (
        select(*keys, place, rows)
        .select_from(joined.join(status_changes, status_changes.c.message_id == messages.c.id))
        .where(is_wanted, status_is("delivered"), status_changes.c.status == "delivered")
        .group_by(*keys, "place")
    )
    for row in await connection.execute(query):
        for tally in _tallies(counts, row):
            _add(tally.times, {row.place: row.rows})
    return counts


async def store_delivery(connection: AsyncConnection, hours: Mapping[datetime, OutboundCounts]) -> None:
    """Put hours in the place of those that stand there, and their days with them."""
    if not hours:
        return
    await _replace(connection, HOUR, hours)
    days: dict[datetime, OutboundCounts] = {}
    for day in {floor_to(hour, DAY) for hour in hours}:
        days[day] = total_delivery((await read_delivery(connection, HOUR, day, day + DAY)).values())
    await _replace(connection, DAY, days)


async def read_delivery(
    connection: AsyncConnection, step: timedelta, start: datetime, end: datetime
) -> dict[datetime, OutboundCounts]:
    """What stands in the table from `start` up to `end`: hours or days."""
    table = delivery_counts.c
    query = select(table.start, table.counts).where(
        table.seconds == int(step.total_seconds()), table.start >= start, table.start < end
    )
    return {row.start: _DECODER.decode(row.counts) for row in await connection.execute(query)}


async def read_wholes(
    connection: AsyncConnection, step: timedelta, start: datetime, end: datetime
) -> dict[datetime, OutboundTally]:
    """The same of all messages alone, for a tenth of the time."""
    table = delivery_counts.c
    query = select(table.start, table.counts).where(
        table.seconds == int(step.total_seconds()), table.start >= start, table.start < end
    )
    return {row.start: _WHOLE_DECODER.decode(row.counts).whole for row in await connection.execute(query)}


def total_delivery(stretches: Iterable[OutboundCounts]) -> OutboundCounts:
    """Several stretches as one."""
    whole = OutboundCounts()
    for each in stretches:
        whole.add(each)
    return whole


async def _replace(
    connection: AsyncConnection, step: timedelta, stretches: Mapping[datetime, OutboundCounts]
) -> None:
    table, seconds = delivery_counts, int(step.total_seconds())
    await connection.execute(
        delete(table).where(table.c.seconds == seconds, table.c.start.in_(sorted(stretches)))
    )
    rows = [
        {"start": start, "seconds": seconds, "counts": msgspec.json.encode(counts).decode()}
        for start, counts in stretches.items()
        if counts.whole.states
    ]
    if rows:
        await connection.execute(insert(table), rows)


def _tallies(counts: OutboundCounts, row: Any) -> tuple[OutboundTally, ...]:
    return (
        counts.whole,
        counts.countries.setdefault(country_of(row.prefix), OutboundTally()),
        counts.numbers.setdefault(row.number or "", OutboundTally()),
        counts.rules.setdefault(row.rule or "", OutboundTally()),
    )


def _add(mine: dict[Any, int], theirs: Mapping[Any, int]) -> None:
    for name, count in theirs.items():
        mine[name] = mine.get(name, 0) + count


class _Whole(Struct):
    whole: OutboundTally = msgspec.field(default_factory=OutboundTally)


_DECODER = msgspec.json.Decoder(OutboundCounts)
_WHOLE_DECODER = msgspec.json.Decoder(_Whole)
