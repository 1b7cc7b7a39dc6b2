"""What went wrong lately, more often than it should: the same bounds as `deploy/prometheus/alerts.yaml` has."""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from bot.alarms.conditions import Condition
from bot.alarms.trouble import Kind, Trouble
from bot.measures import Durations, Measures

_HOUR = timedelta(hours=1)
_QUARTER = timedelta(minutes=15)
#: Reports of an hour that say something, and the share of failed ones that is too much.
_FEWEST_REPORTS, _FAILED_SHARE = 20, 0.2
#: Messages without a report in six hours that are no chance.
_UNREPORTED, _SIX_HOURS = 10, timedelta(hours=6)
#: One in twenty is slow, and as many at least: a single slow one is nothing.
_SLOW_SHARE, _FEWEST_SLOW = 0.05, 3
#: Seconds that people, and a transaction, should not have to wait; bounds of the histograms.
_SLOW_REPLY, _SLOW_COMMIT = "10.0", "0.5"

Counts = Counter[tuple[str, ...]]


class Increase:
    """By how much counters grew within a stretch of time; what was counted before the first look is new."""

    #: As many samples are kept of a stretch.
    _SAMPLES = 60

    def __init__(self, read: Callable[[], Counts], span: timedelta) -> None:
        self._read = read
        self._span = span
        self._samples: deque[tuple[datetime, Counts]] = deque()

    def look(self, now: datetime) -> Counts:
        """The growth until now."""
        counts = Counter(self._read())
        if not self._samples:
            self._samples.append((now, Counter()))
        while len(self._samples) > 1 and self._samples[1][0] <= now - self._span:
            self._samples.popleft()
        if now - self._samples[-1][0] >= self._span / self._SAMPLES:
            self._samples.append((now, counts))
        return counts - self._samples[0][1]


def rate_troubles(measures: Measures, commits: Durations) -> list[Condition]:
    """Failed deliveries and forwards, messages without a report, slow replies and transactions."""
    return [
        _failed_deliveries(measures),
        _missing_reports(measures),
        _failed_forwards(measures),
        _slow(measures.reply, _SLOW_REPLY, "slow-replies", "replies"),
        _slow(commits, _SLOW_COMMIT, "slow-commits", "transactions"),
    ]


def _failed_deliveries(measures: Measures) -> Condition:
    increase = Increase(lambda: measures.reports.counted, _HOUR)

    def look(now: datetime) -> Iterator[Trouble]:
        new = increase.look(now)
        every = new.total()
        failed = sum(count for (state, _code), count in new.items() if state == "failed")
        if every > _FEWEST_REPORTS and failed > _FAILED_SHARE * every:
            reason = f"{failed:,} of {every:,} reports of the last hour"
            yield Trouble(key="deliveries", kind="deliveries", reason=reason, place="/console/delivery")

    return look


def _missing_reports(measures: Measures) -> Condition:
    increase = Increase(lambda: Counter({(): measures.unreported}), _SIX_HOURS)

    def look(now: datetime) -> Iterator[Trouble]:
        count = increase.look(now).total()
        if count > _UNREPORTED:
            reason = f"{count:,} messages had none in BOT_REPORT_TIMEOUT: see that the subscription is there"
            yield Trouble(key="unreported", kind="reports", reason=reason)

    return look


def _failed_forwards(measures: Measures) -> Condition:
    increase = Increase(lambda: measures.forwards.counted, _HOUR)

    def look(now: datetime) -> Iterator[Trouble]:
        for (host, outcome), count in sorted(increase.look(now).items()):
            if outcome == "failed":
                yield Trouble(key=f"forwards:{host}"[:200], kind="forwards", reason=f"{host}: {count:,}")

    return look


def _slow(durations: Durations, bound: str, kind: Kind, what: str) -> Condition:
    increase = Increase(lambda: Counter({(name,): count for name, count in durations.buckets()}), _QUARTER)

    def look(now: datetime) -> Iterator[Trouble]:
        new = increase.look(now)
        every = new["+Inf",]
        slow = every - new[bound,]
        if slow >= _FEWEST_SLOW and slow > _SLOW_SHARE * every:
            reason = (
                f"{slow:,} of {every:,} {what} of a quarter of an hour took longer than {float(bound):g} s"
            )
            yield Trouble(key=kind, kind=kind, reason=reason)

    return look
