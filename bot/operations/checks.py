"""The checks of `/health/ready`, one function for each part of the service."""

from typing import Any

from msgspec import UNSET, UnsetType

from bot.conversation.backpressure import QueueLimit
from bot.operations.health import CheckResult
from bot.rulebook.editing.live_book import LiveBook
from bot.sending.asked_hosts import AskedHosts
from bot.sending.clock_check import ClockCheck
from bot.sending.destinations import Destinations
from bot.sending.service_health import ServiceHealth
from bot.storage.database import Database
from bot.storage.replicas import ReplicaRoll, differing
from bot.storage.writer import Writer
from bot.supervisor import Supervisor
from bot.wire.pull import Puller
from bot.wire.webhook import Webhook

#: Seconds that a look at the folder of rules may take.
_SILENT = 20.0


async def check_database(database: Database, writer: Writer) -> CheckResult:
    """Fails when messages can't be stored or read; shows that more is read than there are connections for."""
    trouble = writer.trouble
    if trouble is None:
        trouble = await database.trouble()
    if trouble is not None:
        return CheckResult(status="failing", reason=trouble)
    busy = database.busy.cause
    return CheckResult() if busy is None else CheckResult(status="degraded", reason=f"Reads wait: {busy}.")


async def check_rules(live_book: LiveBook, roll: ReplicaRoll) -> CheckResult:
    """Shows the errors of the rule files, a folder that does not answer, and replicas that go by another book.

    The bot stays in service, as the last good book answers.
    """
    version = live_book.book().version
    more: dict[str, Any] = {"book": version}
    errors = [str(finding) for finding in live_book.errors]
    if errors:
        more["errors"] = errors
    reason: str | UnsetType = UNSET
    if (waits_for := live_book.waits_for) > _SILENT:
        reason = f"{live_book.folder} has not answered for {waits_for:.0f} s: no change of the rules is seen."
    if others := differing(version, roll.others()):
        more["replicas"] = [
            {"place": each.place, "book": each.book, "since": each.book_since} for each in others
        ]
    is_well = not errors and not others and reason is UNSET
    return CheckResult(status="ok" if is_well else "degraded", reason=reason, more=more)


async def check_sending(service_health: ServiceHealth) -> CheckResult:
    """Shows what is wrong with ACS; messages wait, and events are taken all the same."""
    troubles = service_health.troubles()
    return CheckResult(status="degraded", more={"troubles": troubles}) if troubles else CheckResult()


async def check_fetch(hosts: AskedHosts) -> CheckResult:
    """Shows the hosts that rules ask and that don't answer; their rules say `otherwise` meanwhile."""
    troubles = hosts.troubles()
    return CheckResult(status="degraded", more={"hosts": troubles}) if troubles else CheckResult()


async def check_forward(destinations: Destinations) -> CheckResult:
    """Shows the hosts that rules forward to and that don't answer; what is for them waits for up to a day."""
    troubles = destinations.troubles()
    return CheckResult(status="degraded", more={"hosts": troubles}) if troubles else CheckResult()


async def check_queue(queue_limit: QueueLimit) -> CheckResult:
    """Shows a full queue; the bot stays in service to take delivery reports and to send."""
    if queue_limit.is_full:
        await queue_limit.refresh()
    if not queue_limit.is_full:
        return CheckResult()
    return CheckResult(
        status="degraded",
        reason="Messages are turned away, to come again, until fewer replies wait to be sent.",
        more={"queued": queue_limit.queued, "limit": queue_limit.limit},
    )


async def check_events(webhook: Webhook) -> CheckResult:
    """Fails once the bot is stopping."""
    return (
        CheckResult(status="failing", reason="The bot is stopping.") if webhook.is_closed else CheckResult()
    )


async def check_clock(clock: ClockCheck) -> CheckResult:
    """Shows a wrong clock, with which ACS refuses every call; events are taken all the same."""
    reason = clock.look()
    offset = clock.offset
    seconds = {} if offset is None else {"offset_seconds": round(offset.total_seconds(), 1)}
    if reason is None:
        return CheckResult(more=seconds)
    return CheckResult(status="degraded", reason=reason, more=seconds)


async def check_background(supervisor: Supervisor) -> CheckResult:
    """Shows the background tasks that ended and are being started again; the log says where they failed."""
    ended = supervisor.ended()
    return CheckResult(status="degraded", more={"tasks": ended}) if ended else CheckResult()


async def check_pull(puller: Puller) -> CheckResult:
    """Shows whether events can be fetched, and how many wait; while they can't they wait in their queue."""
    more = {"kind": puller.kind, "waiting": puller.waiting}
    if puller.trouble is not None:
        return CheckResult(status="degraded", reason=puller.trouble, more=more)
    return CheckResult(more=more)
