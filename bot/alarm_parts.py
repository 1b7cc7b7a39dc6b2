"""The part that tells people, made of the settings and of the parts that it looks at: for `bot.app`."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from bot.alarms.conditions import (
    Condition,
    EventsSource,
    RefusedDeliveries,
    acs_troubles,
    background_troubles,
    ceiling_troubles,
    clock_troubles,
    events_queue_troubles,
    fetch_troubles,
    forward_troubles,
    queue_troubles,
    rule_troubles,
)
from bot.alarms.events_given_up import EventsGivenUp
from bot.alarms.quiet_numbers import QuietNumbers
from bot.alarms.rates import rate_troubles
from bot.alarms.reports import ReportsStopped
from bot.alarms.stored_troubles import StoredTroubles
from bot.alarms.trouble import BEGUN, USUAL_ALARMS, AlarmLimits
from bot.alarms.watch import AlarmWatch
from bot.azure_parts import NotConfigured
from bot.clock import Clock
from bot.conversation.backpressure import QueueLimit
from bot.measures import Durations, Measures
from bot.rulebook.editing.live_book import LiveBook
from bot.sending.asked_hosts import AskedHosts
from bot.sending.clock_check import ClockCheck
from bot.sending.day_limit import DayUse
from bot.sending.destinations import Destinations
from bot.sending.service_health import ServiceHealth
from bot.settings import Settings
from bot.storage.database import Database
from bot.storage.writer import Writer
from bot.supervisor import Supervisor
from bot.wire.notify_client import AppriseChannels, NoApprise, UnknownChannel


class AlarmSources(Struct, frozen=True, kw_only=True):
    """The parts of the service that know what is wrong."""

    health: ServiceHealth
    shelf: LiveBook
    queue: QueueLimit
    clock: ClockCheck
    supervisor: Supervisor
    hosts: AskedHosts
    destinations: Destinations
    #: By number, what of a day's ceiling is used.
    uses: Callable[[], Mapping[str, DayUse]]
    #: Event Grid's calls that were refused since the start.
    refused: Callable[[], int]
    puller: EventsSource | None
    measures: Measures
    #: How long transactions took.
    commits: Durations

    def conditions(self, limits: AlarmLimits) -> list[Condition]:
        """What is to be looked at."""
        conditions: list[Condition] = [
            acs_troubles(self.health),
            rule_troubles(self.shelf),
            queue_troubles(self.queue),
            clock_troubles(self.clock),
            background_troubles(self.supervisor),
            fetch_troubles(self.hosts),
            forward_troubles(self.destinations),
            ceiling_troubles(self.uses),
            RefusedDeliveries(self.refused, limits),
            *rate_troubles(self.measures, self.commits),
        ]
        return [*conditions, *([events_queue_troubles(self.puller)] if self.puller is not None else [])]


class AlarmPart:
    """The watch, and the channels that it tells people by."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        writer: Writer,
        sources: AlarmSources,
        *,
        clock: Clock,
        limits: AlarmLimits = USUAL_ALARMS,
    ) -> None:
        addresses = [address.reveal() for address in settings.notify]
        receivers = [each.place for each in settings.events_to]
        self._channels = AppriseChannels(addresses) if addresses else None
        self.watch = AlarmWatch(
            database,
            writer,
            sources.conditions(limits),
            [
                QuietNumbers(database.background),
                ReportsStopped(database.background),
                StoredTroubles(database.background, limits),
                *([EventsGivenUp(database.background, receivers)] if receivers else []),
            ],
            channels=self._channels,
            public_url=settings.public_url,
            with_texts=settings.log_texts,
            limits=limits,
            clock=clock,
        )

    def silences(self) -> list[str]:
        """What does not come any more, as sentences for the overview."""
        return [
            f"{BEGUN[each.kind]}: {each.reason}."
            for each in self.watch.troubles
            if each.kind in ("quiet", "reports")
        ]

    async def start(self, supervisor: Supervisor) -> None:
        """Begin; raises `bot.azure_parts.NotConfigured` when people can't be told where BOT_NOTIFY says."""
        if self._channels is not None:
            try:
                await self._channels.open()
            except (NoApprise, UnknownChannel) as error:
                raise NotConfigured(str(error)) from None
        self.watch.start(supervisor)

    async def stop(self) -> None:
        """End."""
        await self.watch.stop()
