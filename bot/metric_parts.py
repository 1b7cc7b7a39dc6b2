"""What `/metrics` reads, made of the parts of the service: for `bot.app`."""

from functools import partial

from msgspec import Struct

from bot.alarms.watch import AlarmWatch
from bot.conversation.backpressure import QueueLimit
from bot.measures import Measures
from bot.operations.measured_metrics import build_metrics, measured_metrics
from bot.operations.metrics import (
    Metrics,
    alarm_metrics,
    background_metrics,
    clock_metrics,
    fetch_metrics,
    forward_metrics,
    pull_metrics,
    queue_metrics,
    rule_metrics,
    sending_metrics,
    webhook_metrics,
)
from bot.rulebook.editing.live_book import LiveBook
from bot.sending.asked_hosts import AskedHosts
from bot.sending.clock_check import ClockCheck
from bot.sending.destinations import Destinations
from bot.sending.service_health import ServiceHealth
from bot.storage.database import Database
from bot.storage.writer import Writer
from bot.supervisor import Supervisor
from bot.wire.pull import Puller
from bot.wire.webhook import Webhook


class MetricSources(Struct, frozen=True, kw_only=True):
    """The parts of the service that have figures."""

    measures: Measures
    webhook: Webhook
    queue: QueueLimit
    health: ServiceHealth
    hosts: AskedHosts
    destinations: Destinations
    clock: ClockCheck
    supervisor: Supervisor
    shelf: LiveBook
    watch: AlarmWatch
    puller: Puller | None


def metrics_of(sources: MetricSources, database: Database, writer: Writer) -> Metrics:
    """The figures of the whole service."""
    return Metrics(
        database,
        writer,
        [
            build_metrics,
            partial(measured_metrics, sources.measures, writer.commits),
            partial(webhook_metrics, sources.webhook),
            partial(queue_metrics, sources.queue),
            partial(sending_metrics, sources.health),
            partial(fetch_metrics, sources.hosts),
            partial(forward_metrics, sources.destinations),
            partial(clock_metrics, sources.clock),
            partial(background_metrics, sources.supervisor),
            partial(rule_metrics, sources.shelf),
            partial(alarm_metrics, sources.watch),
            *([partial(pull_metrics, sources.puller)] if sources.puller is not None else []),
        ],
    )
