"""The figures of `bot.measures` and of the build, in Prometheus's terms."""

import platform
from collections.abc import Iterable
from functools import cache

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from bot import __version__
from bot.installed import newest_schema
from bot.measures import Durations, Measures, Tally


@cache
def _build() -> dict[str, str]:
    return {
        "version": __version__,
        "schema": newest_schema(),
        "python": platform.python_version(),
    }


def build_metrics() -> Iterable[Metric]:
    """Which bot this is."""
    build = _build()
    info = GaugeMetricFamily(
        "bot_build_info", "1, with the version, the schema of its database and Python's.", labels=list(build)
    )
    info.add_metric(list(build.values()), 1)
    yield info


def measured_metrics(measures: Measures, commits: Durations) -> Iterable[Metric]:
    """What the parts count and time while they work."""
    yield _histogram(
        "bot_reply_seconds", "From the storing of a message to ACS's acceptance of its reply.", measures.reply
    )
    yield _histogram(
        "bot_intake_seconds", "From a call's events in hand to their commit, by call.", measures.intake
    )
    yield _histogram("bot_decision_seconds", "What the rules take for a message.", measures.decision)
    yield _histogram(
        "bot_commit_seconds", "What transactions take, from their start to their commit.", commits
    )
    yield _counter(
        "bot_messages_received",
        "New messages, by the rule that decided and what came of it.",
        measures.received,
    )
    yield _counter("bot_messages_sent", "Messages given to ACS, by how the try ended.", measures.sends)
    yield _counter(
        "bot_delivery_reports", "New delivery reports, by what they say and its code.", measures.reports
    )
    yield CounterMetricFamily(
        "bot_unreported_messages",
        "Messages that became `unconfirmed` because no report came in BOT_REPORT_TIMEOUT.",
        value=measures.unreported,
    )
    yield _counter(
        "bot_forwards", "Posts of rules' `forward`, by host and how the try ended.", measures.forwards
    )


def _histogram(name: str, documentation: str, durations: Durations) -> Metric:
    metric = HistogramMetricFamily(name, documentation)
    metric.add_metric([], list(durations.buckets()), durations.sum)
    return metric


def _counter(name: str, documentation: str, tally: Tally) -> Metric:
    metric = CounterMetricFamily(name, documentation, labels=list(tally.labels))
    for values, count in tally.counted.items():
        metric.add_metric(values, count)
    return metric
