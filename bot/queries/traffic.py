"""How many messages came, were answered and arrived, counted by the minute and the hour.

A month is 720 rows of the table and not a million. `bot.queries.traffic_counter` keeps it up, off the way in.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Float,
    Text,
    case,
    cast,
    delete,
    distinct,
    extract,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.message_ids import first_id
from bot.queries.failure_reasons import reason_of
from bot.queries.search import is_unguarded
from bot.storage.tables import conversations, messages, status_changes, traffic
from bot.text.numberless import without_numbers

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
#: How long rows of minutes are kept; rows of hours stay.
MINUTES_KEPT = timedelta(hours=25)
#: A transaction gives all its messages the time at which it began, and their ids a little later.
_LATE_IDS = timedelta(minutes=2)

#: Milliseconds up to which reply times are counted together; the last place is for what took longer.
REPLY_TIMES = (
    5, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 30_000,
    60_000, 300_000, 1_800_000, 7_200_000,
)  # fmt: skip


class Counts(Struct, kw_only=True, omit_defaults=True):
    """What happened to the messages of a stretch of time, told by when they were made."""

    inbound: int = 0
    #: Inbound messages with a reply by a rule.
    answered: int = 0
    #: Outbound messages by their state as it is now.
    states: dict[str, int] = {}
    #: Inbound messages by the rule that they met, "" for none; without those whose answer was held back.
    rules: dict[str, int] = {}
    #: Failed messages by Azure's code, or by the words where there is none.
    failures: dict[str, int] = {}
    #: Inbound messages by the number of ours that they came to.
    numbers: dict[str, int] = {}
    #: Replies by the time from the message to ACS's acceptance: places in `REPLY_TIMES`.
    reply_times: dict[int, int] = {}

    def add(self, other: "Counts") -> None:
        """Count another stretch in."""
        self.inbound += other.inbound
        self.answered += other.answered
        for mine, theirs in (
            (self.states, other.states),
            (self.rules, other.rules),
            (self.failures, other.failures),
            (self.numbers, other.numbers),
        ):
            for name, count in theirs.items():
                mine[name] = mine.get(name, 0) + count
        for place, count in other.reply_times.items():
            self.reply_times[place] = self.reply_times.get(place, 0) + count

    @property
    def outbound(self) -> int:
        """Messages that were to be sent."""
        return sum(self.states.values()) - self.states.get("suppressed", 0)

    @property
    def delivery_rate(self) -> float | None:
        """Of the messages whose end is known, the part that was delivered."""
        delivered = self.states.get("delivered", 0)
        known = delivered + self.states.get("failed", 0)
        return delivered / known if known else None

    def answered_within(self, milliseconds: int) -> float | None:
        """Of the replies that were accepted, the part that was within that time, which is one of `REPLY_TIMES`."""
        known = sum(self.reply_times.values())
        if not known:
            return None
        last = REPLY_TIMES.index(milliseconds)
        return sum(count for place, count in self.reply_times.items() if place <= last) / known

    def reply_time(self, part: float) -> float | None:
        """The milliseconds within which that part of the replies was accepted, as near as the places tell."""
        return time_within(self.reply_times, part)


def time_within(times: Mapping[int, int], part: float) -> float | None:
    """The milliseconds within which that part lies, of times counted by their places in `REPLY_TIMES`."""
    left = sum(times.values()) * part
    if not left:
        return None
    below = 0
    for place, bound in enumerate((*REPLY_TIMES, REPLY_TIMES[-1])):
        count = times.get(place, 0)
        if count and count >= left:
            return below + (bound - below) * left / count
        left -= count
        below = bound
    return float(REPLY_TIMES[-1])


def total(stretches: Iterable[Counts]) -> Counts:
    """Several stretches as one."""
    whole = Counts()
    for counts in stretches:
        whole.add(counts)
    return whole


def floor_to(moment: datetime, step: timedelta) -> datetime:
    """The beginning of the minute or hour."""
    seconds = step.total_seconds()
    return datetime.fromtimestamp(moment.timestamp() // seconds * seconds, UTC)


def time_of_id(message_id: str) -> datetime:
    """The millisecond that stands in an id."""
    return datetime.fromtimestamp(int(message_id[:8] + message_id[9:13], 16) / 1_000, UTC)


async def count_messages(
    connection: AsyncConnection, start: datetime, end: datetime
) -> dict[datetime, Counts]:
    """What the messages made from `start` up to `end` came to, by the minute; minutes without any are left out."""
    minute, is_within = _minute(connection), within(start, end)
    counted: dict[datetime, Counts] = {}

    def of(row: Any) -> Counts:
        return counted.setdefault(_as_time(row.minute), Counts())

    direction, status, rule = messages.c.direction, messages.c.status, messages.c.rule
    unguarded = case((is_unguarded(messages.c.decision), 1), else_=0)
    query = (
        select(minute, direction, status, rule, unguarded.label("unguarded"), func.count().label("number"))
        .where(is_within)
        .group_by("minute", direction, status, rule, "unguarded")
    )
    for row in await connection.execute(query):
        counts = of(row)
        if row.direction == "inbound":
            counts.inbound += row.number
            if row.unguarded:
                counts.rules[row.rule or ""] = counts.rules.get(row.rule or "", 0) + row.number
        else:
            counts.states[row.status] = counts.states.get(row.status, 0) + row.number
    query = (
        select(minute, conversations.c.number, func.count().label("messages"))
        .join_from(messages, conversations, conversations.c.id == messages.c.conversation_id)
        .where(is_within, direction == "inbound")
        .group_by("minute", conversations.c.number)
    )
    for row in await connection.execute(query):
        of(row).numbers[row.number] = row.messages
    replies = (
        is_within & (direction == "outbound") & messages.c.in_reply_to.is_not(None) & (status != "suppressed")
    )
    query = select(minute, func.count(distinct(messages.c.in_reply_to)).label("number"))
    for row in await connection.execute(query.where(replies).group_by("minute")):
        of(row).answered = row.number
    named = (messages.c.status_details, messages.c.failure_code)
    query = select(minute, *named, func.count().label("number"))
    failed = is_within & (direction == "outbound") & (status == "failed")
    for row in await connection.execute(query.where(failed).group_by("minute", *named)):
        failures, name = of(row).failures, failure_name(row.status_details, row.failure_code)
        failures[name] = failures.get(name, 0) + row.number
    place = place_of(milliseconds(connection, messages.c.created_at, status_changes.c.at)).label("place")
    query = (
        select(minute, place, func.count().label("number"))
        .join_from(messages, status_changes, status_changes.c.message_id == messages.c.id)
        .where(replies, status_changes.c.status == "sent")
        .group_by("minute", "place")
    )
    for row in await connection.execute(query):
        of(row).reply_times[row.place] = row.number
    return counted


async def read_traffic(
    connection: AsyncConnection, step: timedelta, start: datetime, end: datetime
) -> dict[datetime, Counts]:
    """What stands in the table from `start` up to `end`: minutes or hours."""
    query = select(traffic.c.start, traffic.c.counts).where(
        traffic.c.seconds == int(step.total_seconds()), traffic.c.start >= start, traffic.c.start < end
    )
    return {row.start: _DECODER.decode(row.counts) for row in await connection.execute(query)}


async def store_hour(
    connection: AsyncConnection, hour: datetime, minutes: Mapping[datetime, Counts], *, with_minutes: bool
) -> None:
    """Put an hour's counts in the place of those that stand there."""
    rows = [_row(hour, HOUR, total(minutes.values()))]
    if with_minutes:
        rows += [_row(start, MINUTE, counts) for start, counts in minutes.items()]
    is_of_the_hour = (traffic.c.start >= hour) & (traffic.c.start < hour + HOUR)
    await connection.execute(delete(traffic).where(is_of_the_hour))
    await connection.execute(insert(traffic), rows)


async def drop_old_minutes(connection: AsyncConnection, now: datetime, since: datetime) -> None:
    """Forget the minutes whose hour is enough. `since`: a time at which those older had been forgotten.

    Without it, all hours that were ever counted would be looked through.
    """
    kept = MINUTES_KEPT + HOUR
    is_old = (
        (traffic.c.seconds == int(MINUTE.total_seconds()))
        & (traffic.c.start < now - kept)
        & (traffic.c.start >= since - kept - HOUR)
    )
    await connection.execute(delete(traffic).where(is_old))


_DECODER = msgspec.json.Decoder(Counts)


def _row(start: datetime, step: timedelta, counts: Counts) -> dict[str, Any]:
    return {
        "start": start,
        "seconds": int(step.total_seconds()),
        "counts": msgspec.json.encode(counts).decode(),
    }


def failure_name(details: str | None, failure_code: str | None) -> str:
    """What a failure is counted as: Azure's code, or the words where there is none.

    What is counted is kept when the message is gone: a phone number in the words is left out, so that the same failure
    of several people counts as one.
    """
    reason = reason_of(details, failure_code)
    if reason is None:
        return "9999"
    return f"{reason.code}" if reason.code is not None else without_numbers(reason.words)[:80]


def within(start: datetime, end: datetime) -> ColumnElement[bool]:
    """Messages made in that time. Their ids lead to them; the time itself decides."""
    return (
        (messages.c.id >= first_id(start))
        & (messages.c.id < first_id(end + _LATE_IDS))
        & (messages.c.created_at >= start)
        & (messages.c.created_at < end)
    )


def _minute(connection: AsyncConnection) -> Any:
    if connection.dialect.name == "sqlite":
        return func.substr(cast(messages.c.created_at, Text), 1, 16).label("minute")
    return func.date_trunc("minute", messages.c.created_at).label("minute")


def _as_time(minute: str | datetime) -> datetime:
    return datetime.fromisoformat(f"{minute}:00+00:00") if isinstance(minute, str) else minute.astimezone(UTC)


def milliseconds(connection: AsyncConnection, start: Any, end: Any) -> ColumnElement[Any]:
    """The time between two columns."""
    if connection.dialect.name == "sqlite":
        return (func.julianday(cast(end, Text)) - func.julianday(cast(start, Text))) * 86_400_000.0
    return cast(extract("epoch", end - start), Float) * 1_000.0


def place_of(time: ColumnElement[Any]) -> ColumnElement[int]:
    """The place in `REPLY_TIMES` of a time in milliseconds."""
    return case(
        *((time <= bound, literal_column(f"{place}")) for place, bound in enumerate(REPLY_TIMES)),
        else_=literal_column(f"{len(REPLY_TIMES)}"),
    )
