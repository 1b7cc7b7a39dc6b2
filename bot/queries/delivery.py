"""How delivery fares as a whole: by code, country, number of ours, rule and hour, beside what is usual.

What is usual is that of the four weeks before the period.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import sqrt
from typing import Final, Literal

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.queries.delivery_counts import (
    DAY,
    OutboundCounts,
    OutboundTally,
    read_delivery,
    read_wholes,
    total_delivery,
)
from bot.queries.failure_reasons import reason_of
from bot.queries.traffic import HOUR, floor_to, time_within
from bot.queries.traffic_counter import find_progress

DeliveryPeriod = Literal["day", "week", "month"]
Dimension = Literal["code", "country", "number", "rule", "hour"]

#: How long each is, what it begins with, and the step of its lines by time.
DELIVERY_PERIODS: Final[dict[DeliveryPeriod, tuple[timedelta, timedelta, timedelta]]] = {
    "day": (DAY, HOUR, HOUR),
    "week": (7 * DAY, DAY, HOUR),
    "month": (28 * DAY, DAY, DAY),
}
USUAL: Final = 28 * DAY
#: Messages with a known end from which on a share says something, now and in the weeks before.
_ENOUGH, _ENOUGH_BEFORE = 20, 100
#: Standard errors by which two shares must differ, and times by which they must, to be told.
_ERRORS, _TIMES = 3.0, 1.5
#: Times by which the p95 must be longer than usual.
_SLOWER = 2.0


class DeliveryLine(Struct, frozen=True, kw_only=True):
    """What became of the messages of one code, country, number, rule or hour, or of all."""

    #: The code, the country by ISO 3166, the number, the rule, or the beginning of the hour or day; "" for none.
    name: str
    #: What a code means.
    words: str | None = None
    messages: int
    delivered: int
    failed: int
    unconfirmed: int
    #: Queued, or sent and without a report yet.
    waiting: int
    suppressed: int
    #: Of the messages whose end is known, the part that failed; None without any.
    failed_share: float | None
    usual_failed_share: float | None
    #: From the making of a message to the report that it is delivered, in milliseconds.
    p50_ms: float | None
    p95_ms: float | None
    usual_p50_ms: float | None
    usual_p95_ms: float | None
    #: What is not as usual, as sentences.
    unusual: list[str]


class DeliveryView(Struct, frozen=True, kw_only=True):
    """How delivery fares over a period."""

    period: DeliveryPeriod
    since: datetime
    #: What was made after this is not counted yet; None: nothing was counted so far.
    counted_to: datetime | None
    #: Seconds of a line of `by_hour`: an hour, or a day for the month.
    step_seconds: int
    whole: DeliveryLine
    by_code: list[DeliveryLine]
    by_country: list[DeliveryLine]
    by_number: list[DeliveryLine]
    by_rule: list[DeliveryLine]
    #: Oldest first.
    by_hour: list[DeliveryLine]

    def dimensions(self) -> dict[Dimension, list[DeliveryLine]]:
        """The lines by what they are by."""
        return {
            "code": self.by_code, "country": self.by_country, "number": self.by_number, "rule": self.by_rule,
            "hour": self.by_hour,
        }  # fmt: skip


async def look_at_delivery(
    connection: AsyncConnection, period: DeliveryPeriod, now: datetime
) -> DeliveryView:
    """Read it: at most some 200 short rows, however many messages there were."""
    length, beginning, step = DELIVERY_PERIODS[period]
    since = floor_to(now - length, beginning) + beginning
    stretches = await read_delivery(connection, beginning, since, now + HOUR)
    wholes = (
        {start: counts.whole for start, counts in stretches.items()}
        if step == beginning
        else await read_wholes(connection, step, since, now + HOUR)
    )
    # Whole days, up to the one in which the period begins.
    before = floor_to(since, DAY)
    usual = total_delivery((await read_delivery(connection, DAY, before - USUAL, before)).values())
    current = total_delivery(stretches.values())
    progress = await find_progress(connection)
    return DeliveryView(
        period=period,
        since=since,
        counted_to=progress.counted_to if progress else None,
        step_seconds=int(step.total_seconds()),
        whole=_line("", current.whole, usual.whole),
        by_code=_codes(current, usual),
        by_country=_lines(current.countries, usual.countries),
        by_number=_lines(current.numbers, usual.numbers),
        by_rule=_lines(current.rules, usual.rules),
        by_hour=[_line(start.isoformat(), wholes[start], usual.whole) for start in sorted(wholes)],
    )


def _lines(current: Mapping[str, OutboundTally], usual: Mapping[str, OutboundTally]) -> list[DeliveryLine]:
    lines = [_line(name, tally, usual.get(name, OutboundTally())) for name, tally in current.items()]
    return sorted(lines, key=lambda each: (-each.messages, each.name))


def _codes(current: OutboundCounts, usual: OutboundCounts) -> list[DeliveryLine]:
    """Codes are of messages that did not arrive: their share is that of all messages."""
    lines = []
    ended, ended_before = _ended(current.whole), _ended(usual.whole)
    for name, tally in current.codes.items():
        now, before = sum(tally.states.values()), sum(usual.codes.get(name, OutboundTally()).states.values())
        reason = reason_of(name if not name.isdecimal() else f"{name}:")
        unusual = _unusual_share(now, ended, before, ended_before, "more often")
        line = _line(
            name, tally, OutboundTally(), share=_part(now, ended), usual_share=_part(before, ended_before)
        )
        words = reason.words if reason is not None and name.isdecimal() else None
        lines.append(_with_words(line, words, unusual))
    return sorted(lines, key=lambda each: (-each.messages, each.name))


def _with_words(line: DeliveryLine, words: str | None, unusual: list[str]) -> DeliveryLine:
    fields = {name: getattr(line, name) for name in DeliveryLine.__struct_fields__}
    return DeliveryLine(**fields | {"words": words, "unusual": unusual})


def _line(
    name: str,
    tally: OutboundTally,
    usual: OutboundTally,
    *,
    share: float | None = None,
    usual_share: float | None = None,
) -> DeliveryLine:
    states, before = tally.states, usual.states
    failed, failed_before = states.get("failed", 0), before.get("failed", 0)
    unusual = _unusual_share(failed, _ended(tally), failed_before, _ended(usual), "more failures")
    p95, usual_p95 = time_within(tally.times, 0.95), time_within(usual.times, 0.95)
    if (
        p95 is not None
        and usual_p95 is not None
        and sum(tally.times.values()) >= _ENOUGH
        and sum(usual.times.values()) >= _ENOUGH_BEFORE
        and p95 > usual_p95 * _SLOWER
    ):
        unusual.append(f"slower than usual: {p95 / usual_p95:.1f} times")
    return DeliveryLine(
        name=name,
        messages=sum(states.values()),
        delivered=states.get("delivered", 0),
        failed=failed,
        unconfirmed=states.get("unconfirmed", 0),
        waiting=states.get("queued", 0) + states.get("sent", 0),
        suppressed=states.get("suppressed", 0),
        failed_share=_part(failed, _ended(tally)) if share is None else share,
        usual_failed_share=_part(failed_before, _ended(usual)) if usual_share is None else usual_share,
        p50_ms=time_within(tally.times, 0.5),
        p95_ms=p95,
        usual_p50_ms=time_within(usual.times, 0.5),
        usual_p95_ms=usual_p95,
        unusual=unusual,
    )


def _ended(tally: OutboundTally) -> int:
    return tally.states.get("delivered", 0) + tally.states.get("failed", 0)


def _part(some: int, of_all: int) -> float | None:
    return some / of_all if of_all else None


def _unusual_share(some: int, of_all: int, before: int, of_all_before: int, more: str) -> list[str]:
    """Whether a share differs from the usual one by more than chance and by enough to matter."""
    if of_all < _ENOUGH or of_all_before < _ENOUGH_BEFORE:
        return []
    share, usual = some / of_all, before / of_all_before
    pooled = (some + before) / (of_all + of_all_before)
    error = sqrt(pooled * (1 - pooled) * (1 / of_all + 1 / of_all_before)) if pooled < 1 else 0.0
    if share - usual > _ERRORS * error and share > usual * _TIMES:
        return [f"{more} than usual: {share:.1%}, usually {usual:.1%}"]
    return []
