"""`/metrics`: figures for charts and alarms, in Prometheus's text format."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.types import Guard
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.alarms.trouble import BEGUN, OF_CONVERSATIONS
from bot.alarms.watch import AlarmWatch
from bot.conversation.backpressure import QueueLimit
from bot.queries.conversations import Backlog, find_backlog
from bot.queries.database_size import read_size
from bot.queries.overview import Alarms, read_alarms
from bot.rulebook.editing.live_book import LiveBook
from bot.sending.asked_hosts import AskedHosts
from bot.sending.clock_check import ClockCheck
from bot.sending.destinations import Destinations
from bot.sending.service_health import ServiceHealth
from bot.storage.database import DATABASE_ERRORS, Database
from bot.storage.sqlite_file import log_of
from bot.storage.writer import Writer
from bot.supervisor import Supervisor
from bot.wire.pull import Puller
from bot.wire.webhook import Webhook

#: Where the application's state has the `Metrics`.
METRICS: Final = "metrics"
#: Reads the metrics of one part of the service.
Source = Callable[[], Iterable[Metric]]


class Metrics:
    """Reads the parts when asked; counts nothing itself."""

    def __init__(self, database: Database, writer: Writer, sources: Sequence[Source]) -> None:
        self._database = database
        self._writer = writer
        self._sources = sources

    async def text(self) -> bytes:
        """All of it, in Prometheus's text format."""
        content = await self._query()
        registry = CollectorRegistry(auto_describe=False)
        read = [metric for source in self._sources for metric in source()]
        if content is not None:
            read += _of_content(content)
        registry.register(_Once([*read, *self._of_database(is_readable=content is not None)]))
        return generate_latest(registry)

    async def _query(self) -> "_Content | None":
        try:
            async with self._database.reading() as connection:
                return _Content(
                    backlog=await find_backlog(connection),
                    alarms=await read_alarms(connection),
                    size=await read_size(connection),
                )
        except DATABASE_ERRORS:
            return None  # `bot_database_writable` says so

    def _of_database(self, *, is_readable: bool) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "bot_database_writable",
            "1 while messages can be stored.",
            value=is_readable and self._writer.trouble is None,
        )
        path = self._database.path
        if path is not None:
            with suppress(OSError):
                yield GaugeMetricFamily(
                    "bot_database_log_size_bytes",
                    "The length of SQLite's write-ahead log.",
                    value=log_of(path).stat().st_size,
                )


#: Litestar adds the charset of a text itself.
_MEDIA_TYPE: Final = CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")


def metrics_route(guard: Guard) -> HTTPRouteHandler:
    """`/metrics` for callers that the guard lets through; the application's state has the `Metrics`."""

    @get("/metrics", guards=[guard], media_type=_MEDIA_TYPE, tags=["Health"])
    async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Counters and gauges in Prometheus's text format."""
        parts: Metrics = request.app.state[METRICS]
        return Response(await parts.text(), media_type=_MEDIA_TYPE)

    return metrics


class _Content(Struct, frozen=True, kw_only=True):
    """What is read of the database."""

    backlog: Backlog
    alarms: Alarms
    size: int


def _of_content(content: _Content) -> Iterable[Metric]:
    yield GaugeMetricFamily(
        "bot_database_size_bytes", "The room that the database takes.", value=content.size
    )
    backlog = content.backlog
    yield GaugeMetricFamily("bot_queued_messages", "Replies that wait to be sent.", value=backlog.queued)
    yield GaugeMetricFamily(
        "bot_oldest_queued_seconds", "How long the oldest of them has waited.", value=backlog.oldest_seconds
    )
    yield from _of_people(content.alarms)


def webhook_metrics(webhook: Webhook) -> Iterable[Metric]:
    """What arrived at the webhook."""
    events = CounterMetricFamily("bot_events", "Events received, by what became of them.", labels=["outcome"])
    for outcome, count in webhook.counts.items():
        events.add_metric([outcome], count)
    yield events
    yield CounterMetricFamily(
        "bot_refused_deliveries",
        "Event Grid's deliveries that had a wrong secret: each is an event lost for good.",
        value=webhook.refused,
    )
    yield CounterMetricFamily(
        "bot_refused_handshakes",
        "Event Grid's handshakes that were refused: a subscription can't be made, and no event is lost.",
        value=webhook.refused_handshakes,
    )
    yield CounterMetricFamily(
        "bot_stranger_calls",
        "Calls of the webhook without any credential: anybody can make them, and no event is lost.",
        value=webhook.strangers,
    )


def queue_metrics(queue_limit: QueueLimit) -> Iterable[Metric]:
    """The limit of the queue, and the calls that it turned away."""
    yield GaugeMetricFamily(
        "bot_queue_limit",
        "At this number of queued replies new messages are turned away.",
        value=queue_limit.limit,
    )
    yield CounterMetricFamily(
        "bot_turned_away",
        "Calls with messages that were turned away because the queue was full; Event Grid brings them again.",
        value=queue_limit.turned_away,
    )


def sending_metrics(service_health: ServiceHealth) -> Iterable[Metric]:
    """The calls to ACS, and whether it takes them."""
    calls = CounterMetricFamily("bot_sms_calls", "Calls to ACS, by how they ended.", labels=["outcome"])
    for outcome, count in service_health.calls.items():
        calls.add_metric([outcome], count)
    yield calls
    yield GaugeMetricFamily(
        "bot_acs_down",
        "1 while ACS is down: single calls try it, and messages wait.",
        value=service_health.is_down,
    )
    yield GaugeMetricFamily(
        "bot_acs_credential_refused",
        "1 while ACS refuses our credential: messages wait.",
        value=service_health.is_credential_refused,
    )


def fetch_metrics(hosts: AskedHosts) -> Iterable[Metric]:
    """The requests that rules make, by host, and the hosts that don't answer."""
    requests = CounterMetricFamily(
        "bot_fetch_requests",
        "Requests of rules' `fetch`, by host and how they ended.",
        labels=["host", "outcome"],
    )
    for host, counts in hosts.counts().items():
        for outcome, count in counts.items():
            requests.add_metric([host, outcome], count)
    yield requests
    down = GaugeMetricFamily(
        "bot_fetch_host_down", "1 for a host that does not answer: single requests try it.", labels=["host"]
    )
    for trouble in hosts.troubles():
        down.add_metric([trouble.host], 1)
    yield down


def forward_metrics(destinations: Destinations) -> Iterable[Metric]:
    """The hosts that rules forward to and that don't answer."""
    down = GaugeMetricFamily(
        "bot_forward_host_down", "1 for a host that takes no forwards: single posts try it.", labels=["host"]
    )
    for trouble in destinations.troubles():
        down.add_metric([trouble.host], 1)
    yield down


def clock_metrics(clock: ClockCheck) -> Iterable[Metric]:
    """How far the clocks of this machine and of ACS are apart, once that is known."""
    offset = clock.offset
    clock.look()
    if offset is not None:
        yield GaugeMetricFamily(
            "bot_clock_offset_seconds",
            "How far this machine's clock is ahead of ACS's; negative: behind.",
            value=offset.total_seconds(),
        )


def background_metrics(supervisor: Supervisor) -> Iterable[Metric]:
    """The background tasks that failed."""
    yield GaugeMetricFamily(
        "bot_background_ended",
        "Background tasks that ended and are being started again.",
        value=len(supervisor.ended()),
    )
    yield CounterMetricFamily(
        "bot_background_restarts",
        "How often background tasks were started again.",
        value=supervisor.restarts,
    )


def rule_metrics(live_book: LiveBook) -> Iterable[Metric]:
    """The rule book in force, and the errors in its files."""
    book = live_book.book()
    yield GaugeMetricFamily("bot_rules", "Rules in force.", value=len(book.rules))
    yield GaugeMetricFamily(
        "bot_rule_errors",
        "Errors in the rule files; while there are any, the book before them is in force.",
        value=len(live_book.errors),
    )
    yield InfoMetricFamily("bot_rule_book", "The rule book in force.", value={"version": book.version})


def alarm_metrics(watch: AlarmWatch) -> Iterable[Metric]:
    """What is wrong now, as people are told of it; incidents have figures of their own."""
    alarms = GaugeMetricFamily(
        "bot_alarms", "Troubles that people are told of and that last, by kind.", labels=["kind"]
    )
    counts = dict.fromkeys((kind for kind in BEGUN if kind not in OF_CONVERSATIONS), 0)
    for trouble in watch.troubles:
        counts[trouble.kind] += 1
    for kind, count in counts.items():
        alarms.add_metric([kind], count)
    yield alarms


def pull_metrics(puller: Puller) -> Iterable[Metric]:
    """What waits in the queue of events."""
    yield GaugeMetricFamily(
        "bot_events_queue_readable",
        "1 while events can be fetched from the queue.",
        value=puller.trouble is None,
    )
    if puller.waiting is not None:
        yield GaugeMetricFamily(
            "bot_events_queue_waiting", "Messages in the queue, about.", value=puller.waiting
        )
    yield CounterMetricFamily(
        "bot_events_queue_set_aside",
        "Messages of the queue that were moved to the rejected events after too many tries.",
        value=puller.set_aside,
    )


def _of_people(alarms: Alarms) -> Iterable[Metric]:
    """What waits for a person."""
    yield GaugeMetricFamily(
        "bot_waiting_conversations", "Conversations that wait for a person.", value=alarms.waiting
    )
    yield GaugeMetricFamily(
        "bot_rejected_events", "Events that could not be read and wait for somebody.", value=alarms.rejected
    )
    incidents = GaugeMetricFamily("bot_open_incidents", "What a person should look at.", labels=["kind"])
    for kind, count in alarms.incidents.items():
        incidents.add_metric([kind], count)
    yield incidents


class _Once(Collector):
    """Metrics that have been read already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics
