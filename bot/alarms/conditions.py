"""What is wrong now, as the parts of the service know it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Protocol

from bot.alarms.trouble import AlarmLimits, Kind, Trouble
from bot.conversation.backpressure import QueueLimit
from bot.rulebook.editing.live_book import LiveBook
from bot.sending.asked_hosts import AskedHosts
from bot.sending.clock_check import ClockCheck
from bot.sending.day_limit import DayUse
from bot.sending.destinations import Destinations
from bot.sending.service_health import ServiceHealth
from bot.supervisor import Supervisor

#: The troubles of one part at a time.
Condition = Callable[[datetime], Iterable[Trouble]]


class EventsSource(Protocol):
    """The queue that events are fetched from, as `bot.wire.pull.Puller` is one."""

    trouble: str | None


def acs_troubles(health: ServiceHealth) -> Condition:
    """ACS is down, or refuses the credential or a number."""

    def look(_now: datetime) -> Iterator[Trouble]:
        kinds: dict[Kind, bool] = {"acs-down": health.is_down, "acs-refused": health.is_credential_refused}
        yield from (Trouble(key=kind, kind=kind) for kind, is_so in kinds.items() if is_so)

    return look


def rule_troubles(shelf: LiveBook) -> Condition:
    """The rule files have errors."""

    def look(_now: datetime) -> Iterator[Trouble]:
        if errors := shelf.errors:
            first = errors[0]
            count = "1 error" if len(errors) == 1 else f"{len(errors):,} errors, the first"
            yield Trouble(
                key="rules",
                kind="rules",
                reason=f"{count} {first.code} in {first.file}, line {first.line}",
                place=f"/console/rules/{first.file}#L{first.line}",
            )

    return look


def queue_troubles(queue: QueueLimit) -> Condition:
    """The queue is full."""

    def look(_now: datetime) -> Iterator[Trouble]:
        queue.looks_full()  # has it counted again when that is due
        if queue.is_full:
            yield Trouble(key="queue", kind="queue", reason=f"{queue.limit:,} replies wait")

    return look


def clock_troubles(clock: ClockCheck) -> Condition:
    """The machine's clock is wrong."""

    def look(_now: datetime) -> Iterator[Trouble]:
        if (reason := clock.look()) is not None:
            yield Trouble(key="clock", kind="clock", reason=reason)

    return look


def background_troubles(supervisor: Supervisor) -> Condition:
    """A background task ended and is started again."""

    def look(_now: datetime) -> Iterator[Trouble]:
        for each in supervisor.ended():
            yield Trouble(key=f"background:{each.task}", kind="background", reason=each.task)

    return look


def fetch_troubles(hosts: AskedHosts) -> Condition:
    """A host that rules ask does not answer."""

    def look(_now: datetime) -> Iterator[Trouble]:
        for each in hosts.troubles():
            yield Trouble(key=f"fetch:{each.host}"[:200], kind="fetch", reason=each.host)

    return look


def forward_troubles(destinations: Destinations) -> Condition:
    """A host that rules forward to does not answer."""

    def look(_now: datetime) -> Iterator[Trouble]:
        for each in destinations.troubles():
            yield Trouble(key=f"forward:{each.host}"[:200], kind="forward", reason=each.host)

    return look


def events_queue_troubles(source: EventsSource) -> Condition:
    """The queue of events can't be read."""

    def look(_now: datetime) -> Iterator[Trouble]:
        if source.trouble is not None:
            yield Trouble(key="events-queue", kind="events-queue", reason=source.trouble)

    return look


def ceiling_troubles(uses: Callable[[], Mapping[str, DayUse]]) -> Condition:
    """A number has sent most, or all, of what it may send in a day."""

    def look(_now: datetime) -> Iterator[Trouble]:
        for number, use in uses().items():
            reason = f"{number}: {use.used:,} of {use.allowed:,}"
            if use.is_near:
                yield Trouble(key=f"ceiling-near:{number}:{use.day}", kind="ceiling-near", reason=reason)
            if use.is_reached:
                yield Trouble(key=f"ceiling:{number}:{use.day}", kind="ceiling", reason=reason)

    return look


class RefusedDeliveries:
    """Event Grid's calls are refused: so until none was for a while, as each is a call of its own."""

    def __init__(self, refused: Callable[[], int], limits: AlarmLimits) -> None:
        """`refused`: how many were, since the start."""
        self._refused = refused
        self._limits = limits
        self._known = 0
        self._last: datetime | None = None

    def __call__(self, now: datetime) -> Iterator[Trouble]:
        """Look."""
        count = self._refused()
        if count > self._known:
            self._known, self._last = count, now
        if self._last is not None and now - self._last < self._limits.refused:
            reason = "check BOT_WEBHOOK_SECRETS and the subscription; each refused event is lost for good"
            yield Trouble(key="refused", kind="refused", reason=reason)
