"""What the console's first page shows: figures, what is wrong, and what needs a person."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from sqlalchemy import Select, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.handovers import is_urgent
from bot.conversation.message_ids import first_id
from bot.queries.conversations import Backlog, find_backlog
from bot.queries.failure_reasons import Reason, reason_of
from bot.queries.similarity import SimilarTexts
from bot.queries.traffic import (
    HOUR,
    MINUTE,
    Counts,
    count_messages,
    floor_to,
    read_traffic,
    time_of_id,
    total,
)
from bot.queries.traffic_counter import Progress, find_progress
from bot.queries.unmatched import Unmatched
from bot.queries.waiting_count import is_waiting
from bot.rulebook.editing.live_book import LiveBook
from bot.rulebook.findings import Finding
from bot.sending.clock_check import ClockCheck
from bot.sending.held_numbers import ServiceTrouble
from bot.sending.service_health import ServiceHealth
from bot.storage.replicas import ReplicaRoll, differing
from bot.storage.tables import conversations, incidents, messages, rejected_events
from bot.supervisor import Supervisor

Period = Literal["hour", "day", "month"]

#: How long each is, and how long a point of its chart.
PERIODS: dict[Period, tuple[timedelta, timedelta]] = {
    "hour": (timedelta(hours=1), MINUTE),
    "day": (timedelta(days=1), timedelta(minutes=15)),
    "month": (timedelta(days=30), timedelta(hours=6)),
}
#: Look-back window of what needs a person.
NEEDED = timedelta(days=1)
#: Counting stops here; the page shows "1,000+".
COUNTED_TO = 1_000
#: Messages that a request counts itself, in 10 to 20 ms; more have to wait for `bot.queries.traffic_counter`.
_MOST_LIVE = 20_000
_SHOWN = 3


class Point(Struct, frozen=True, kw_only=True):
    """A stretch of a chart."""

    start: datetime
    inbound: int
    outbound: int
    failed: int


class FailureCount(Struct, frozen=True, kw_only=True):
    """Messages that failed for one reason."""

    reason: Reason
    count: int


class OpenIncidentLine(Struct, frozen=True, kw_only=True):
    """An open incident, and the text that it began with."""

    conversation_id: str
    peer: str
    reason: str
    opened_at: datetime
    text: str | None


class Needs(Struct, frozen=True, kw_only=True):
    """What waits for a person. Numbers stop at `COUNTED_TO` + 1."""

    waiting: int
    #: Of these, those that were handed over urgently.
    urgent: int = 0
    #: Conversations whose newest reply failed, in the last day.
    failed: int
    failures: list[FailureCount]
    unmatched: list[SimilarTexts]
    #: Open incidents by kind, and the newest of those that are shown.
    incidents: dict[str, int]
    loops: list[OpenIncidentLine]
    opt_outs: list[OpenIncidentLine]
    rejected: int

    @property
    def is_nothing(self) -> bool:
        """Whether nothing needs a person."""
        shown = (
            self.waiting,
            self.failed,
            self.rejected,
            len(self.unmatched),
            len(self.loops),
            len(self.opt_outs),
            self.incidents.get("codes", 0),
        )
        return not any(shown)


class OverviewView(Struct, frozen=True, kw_only=True):
    """What the overview says."""

    period: Period
    since: datetime
    step_seconds: int
    counts: Counts
    points: list[Point]
    #: Of the replies that were accepted, the parts that were within 1 s and within 10 s; None without any.
    within_1s: float | None
    within_10s: float | None
    #: When messages from before are still being counted: the time from which on all are.
    counted_from: datetime | None
    #: When more come in than can be counted at once: the time up to which the figures go.
    counted_to: datetime | None
    backlog: Backlog
    needs: Needs
    #: What keeps messages waiting.
    troubles: list[ServiceTrouble]
    #: What is wrong with the machine or with the bot itself: its clock, its background tasks. Whole sentences.
    alarms: list[ServiceTrouble]
    #: Calls that ACS throttled since the bot was started, and Event Grid's calls that had a wrong secret.
    throttled: int
    refused: int
    book: str
    rule_errors: list[Finding]


class Alarms(Struct, frozen=True, kw_only=True):
    """What `/metrics` shows of the overview, for alarms."""

    waiting: int
    incidents: dict[str, int]
    rejected: int


class Overview:
    """Reads what the overview says, from the database and from the parts that run."""

    def __init__(
        self,
        shelf: LiveBook,
        link: ServiceHealth,
        refused: Callable[[], int],
        *,
        clock: ClockCheck | None = None,
        supervisor: Supervisor | None = None,
        roll: ReplicaRoll | None = None,
    ) -> None:
        self._roll = roll or ReplicaRoll()
        self._clock = clock or ClockCheck()
        self._supervisor = supervisor or Supervisor()
        self._shelf = shelf
        self._link = link
        self._refused = refused
        self._unmatched = Unmatched()

    async def look(self, connection: AsyncConnection, period: Period, now: datetime) -> OverviewView:
        """Read everything that the page shows of a period."""
        _, step = PERIODS[period]
        progress = await find_progress(connection)
        live = await _count_live(connection, progress, now)
        since = _since(period, now)
        stretches = await _stretches(connection, progress, live, since, now, _stretch(period))
        counted_from = progress.counted_from if progress else floor_to(now, HOUR)
        book = self._shelf.book()
        counts = total(stretches.values())
        await self._unmatched.refresh(connection, book, now)
        return OverviewView(
            period=period,
            since=since,
            step_seconds=int(step.total_seconds()),
            counts=counts,
            within_1s=counts.answered_within(1_000),
            within_10s=counts.answered_within(10_000),
            points=_points(stretches, since, now, step),
            counted_from=counted_from if await _is_behind(connection, progress, since) else None,
            counted_to=_live_start(progress, now) if live is None else None,
            backlog=await find_backlog(connection),
            needs=await self._needs(connection, progress, live, now),
            troubles=self._link.troubles(),
            alarms=self._alarms(now),
            throttled=self._link.calls["throttled"],
            refused=self._refused(),
            book=book.version,
            rule_errors=list(self._shelf.errors),
        )

    def _alarms(self, now: datetime) -> list[ServiceTrouble]:
        alarms = []
        wrong = self._clock.look()
        if wrong is not None:
            alarms.append(ServiceTrouble(reason=f"{wrong}.", since=self._clock.since or now))
        alarms += [
            ServiceTrouble(
                reason=f"A background task, “{each.task}”, ended with {each.error} and is started again;"
                " the log says where.",
                since=each.since,
            )
            for each in self._supervisor.ended()
        ]
        mine = self._shelf.book().version
        alarms += [
            ServiceTrouble(
                reason=f"Another replica, {each.place}, answers by rule book {each.book}, this one by {mine}:"
                " give both the same rule files.",
                since=each.book_since,
            )
            for each in differing(mine, self._roll.others())
        ]
        return alarms

    async def _needs(
        self,
        connection: AsyncConnection,
        progress: Progress | None,
        live: dict[datetime, Counts] | None,
        now: datetime,
    ) -> Needs:
        day_ago = now - NEEDED
        of_the_day = total(
            (await _stretches(connection, progress, live, floor_to(day_ago, HOUR), now, HOUR)).values()
        )
        table = conversations.c
        # Written out, so that the databases see that failures have an index of their own.
        is_failed = (table.delivery == literal_column("'failed'"), table.last_message_at >= day_ago)
        waiting, urgent, rejected, failed = await _count(
            connection,
            _waiting(),
            _waiting().where(is_urgent(table.id)),
            select(rejected_events.c.id),
            select(table.id).where(*is_failed),
        )
        return Needs(
            waiting=waiting,
            urgent=urgent,
            failed=failed,
            failures=failures_of(of_the_day),
            unmatched=self._unmatched.groups(self._shelf.book(), now),
            incidents=await _count_incidents(connection),
            loops=await _noticed(connection, "loop"),
            opt_outs=await _noticed(connection, "opt-out"),
            rejected=rejected,
        )


async def count_period(connection: AsyncConnection, period: Period, now: datetime) -> tuple[datetime, Counts]:
    """The beginning of a period, and what happened to its messages."""
    progress, since = await find_progress(connection), _since(period, now)
    live = await _count_live(connection, progress, now)
    return since, total((await _stretches(connection, progress, live, since, now, _stretch(period))).values())


async def read_alarms(connection: AsyncConnection) -> Alarms:
    """The part of the overview that is worth an alarm."""
    waiting, rejected = await _count(connection, _waiting(), select(rejected_events.c.id))
    return Alarms(
        waiting=waiting,
        incidents=await _count_incidents(connection),
        rejected=rejected,
    )


def failures_of(counts: Counts) -> list[FailureCount]:
    """The reasons for which messages failed, the most frequent one first."""
    named = [(reason_of(name) or Reason(words=name), count) for name, count in counts.failures.items()]
    return [
        FailureCount(reason=reason, count=count)
        for reason, count in sorted(named, key=lambda each: (-each[1], each[0].words))
    ]


def _since(period: Period, now: datetime) -> datetime:
    length, step = PERIODS[period]
    return floor_to(now - length, HOUR) if period == "month" else floor_to(now - length, step) + step


def _stretch(period: Period) -> timedelta:
    """What is counted at a time: a month by the hour, as minutes are kept for a day."""
    return HOUR if period == "month" else MINUTE


def _live_start(progress: Progress | None, now: datetime) -> datetime:
    return progress.counted_to if progress else floor_to(now, HOUR)


async def _count_live(
    connection: AsyncConnection, progress: Progress | None, now: datetime
) -> dict[datetime, Counts] | None:
    """The minutes that nobody has counted yet; None when they have too many messages to be counted now."""
    start = _live_start(progress, now)
    newer = select(messages.c.id).where(messages.c.id >= first_id(start)).order_by(messages.c.id)
    too_many = (await connection.execute(newer.limit(1).offset(_MOST_LIVE))).scalar()
    return None if too_many else await count_messages(connection, start, now + MINUTE)


async def _stretches(
    connection: AsyncConnection,
    progress: Progress | None,
    live: dict[datetime, Counts] | None,
    since: datetime,
    now: datetime,
    step: timedelta,
) -> dict[datetime, Counts]:
    """What is counted since then, by the minute or the hour."""
    stretches: dict[datetime, Counts] = {}
    if progress is not None:
        stretches = await read_traffic(connection, step, since, now + HOUR)
    for minute, counts in (live or {}).items():
        if minute >= since:
            stretches.setdefault(floor_to(minute, step), Counts()).add(counts)
    return stretches


def _points(
    stretches: dict[datetime, Counts], since: datetime, now: datetime, step: timedelta
) -> list[Point]:
    places = int((now - since) / step) + 1
    inbound, outbound, failed = ([0] * places for _ in range(3))
    for start, counts in stretches.items():
        place = int((start - since) / step)
        if 0 <= place < places:
            inbound[place] += counts.inbound
            outbound[place] += counts.outbound
            failed[place] += counts.states.get("failed", 0)
    return [
        Point(
            start=since + place * step,
            inbound=inbound[place],
            outbound=outbound[place],
            failed=failed[place],
        )
        for place in range(places)
    ]


async def _is_behind(connection: AsyncConnection, progress: Progress | None, since: datetime) -> bool:
    """Whether messages of the period are not counted yet; after an update, the month's take some seconds."""
    if progress is None or progress.counted_from <= since:
        return progress is None
    oldest = (await connection.execute(select(func.min(messages.c.id)))).scalar()
    return oldest is not None and time_of_id(oldest) < progress.counted_from


def _waiting() -> Select[tuple[str]]:
    return select(conversations.c.id).where(is_waiting())


async def _count_incidents(connection: AsyncConnection) -> dict[str, int]:
    is_open = incidents.c.closed_at.is_(None)
    query = select(incidents.c.kind, func.count().label("number")).where(is_open).group_by(incidents.c.kind)
    return {row.kind: row.number for row in await connection.execute(query)}


async def _count(connection: AsyncConnection, *queries: Select[tuple[str]]) -> list[int]:
    """How many rows each has, by one trip to the database; `COUNTED_TO` and one for what has more."""
    few = [query.limit(COUNTED_TO + 1).subquery() for query in queries]
    counts = [select(func.count()).select_from(each).scalar_subquery() for each in few]
    return list((await connection.execute(select(*counts))).one())


async def _noticed(connection: AsyncConnection, kind: str) -> list[OpenIncidentLine]:
    query = (
        select(
            incidents.c.conversation_id,
            conversations.c.peer,
            incidents.c.reason,
            incidents.c.opened_at,
            messages.c.text,
        )
        .join_from(incidents, conversations, conversations.c.id == incidents.c.conversation_id)
        .outerjoin(messages, messages.c.id == incidents.c.message_id)
        .where(incidents.c.closed_at.is_(None), incidents.c.kind == kind)
        .order_by(incidents.c.id.desc())
        .limit(_SHOWN)
    )
    return [OpenIncidentLine(**row) for row in (await connection.execute(query)).mappings()]
