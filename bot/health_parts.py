"""What `/health/ready` looks at."""

from functools import partial

from bot.conversation.backpressure import QueueLimit
from bot.operations.checks import (
    check_background,
    check_clock,
    check_database,
    check_events,
    check_fetch,
    check_forward,
    check_pull,
    check_queue,
    check_rules,
    check_sending,
)
from bot.operations.health import Checks
from bot.rulebook.editing.live_book import LiveBook
from bot.sending.asked_hosts import AskedHosts
from bot.sending.clock_check import ClockCheck
from bot.sending.destinations import Destinations
from bot.sending.service_health import ServiceHealth
from bot.storage.database import Database
from bot.storage.replicas import ReplicaRoll
from bot.storage.writer import Writer
from bot.supervisor import Supervisor
from bot.wire.pull import Puller
from bot.wire.webhook import Webhook


def checks_of(
    database: Database,
    writer: Writer,
    shelf: LiveBook,
    roll: ReplicaRoll,
    link: ServiceHealth,
    hosts: AskedHosts,
    destinations: Destinations,
    queue: QueueLimit,
    webhook: Webhook,
    clock: ClockCheck,
    supervisor: Supervisor,
    puller: Puller | None,
) -> Checks:
    """The checks by the names that the answer gives them."""
    checks = {
        "database": partial(check_database, database, writer),
        "rules": partial(check_rules, shelf, roll),
        "sending": partial(check_sending, link),
        "fetch": partial(check_fetch, hosts),
        "forward": partial(check_forward, destinations),
        "queue": partial(check_queue, queue),
        "events": partial(check_events, webhook),
        "clock": partial(check_clock, clock),
        "background": partial(check_background, supervisor),
    }
    return checks | ({"events_queue": partial(check_pull, puller)} if puller is not None else {})
