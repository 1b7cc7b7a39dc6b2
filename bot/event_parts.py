"""The part that lets others hear of what happened, made of the settings: for `bot.app`."""

import asyncio

from bot.clock import TRUSTED, Clock, ClockTrust
from bot.conversation.outgoing_events import EventLog
from bot.measures import Measures
from bot.operator.event_resends import EventResends
from bot.sending.event_ends import EventEnds
from bot.sending.event_forwarder import EventForwarder
from bot.sending.event_queue import EventQueue
from bot.sending.limits import USUAL_EVENTS, ForwardingLimits
from bot.settings import Settings
from bot.storage.duties import Duties
from bot.storage.readers import Readers
from bot.storage.writer import Writer
from bot.supervisor import Supervisor
from bot.wire.forward_client import EventPoster


class EventsOut:
    """A forwarder for each receiver of BOT_EVENTS_TO, and what gives up the events of any, those named before too."""

    def __init__(
        self,
        settings: Settings,
        readers: Readers,
        writer: Writer,
        *,
        clock: Clock,
        measures: Measures,
        duties: Duties | None = None,
        limits: ForwardingLimits = USUAL_EVENTS,
        trust: ClockTrust = TRUSTED,
    ) -> None:
        """`duties`: what this replica may do; without them it is the only one."""
        secrets = secrets_of(settings)
        private_hosts = (*settings.private_hosts, *(each.host for each in settings.events_to))
        #: One for each receiver: none waits for a connection that another one holds.
        self._posters = [
            EventPoster(secrets=secrets, private_hosts=private_hosts, clock=clock) for _ in settings.events_to
        ]
        #: By the receiver's place.
        self.forwarders = {
            each.place: EventForwarder(
                readers,
                writer,
                poster,
                EventQueue(each),
                limits=limits,
                clock=clock,
                measures=measures,
                duties=duties,
                name=f"events to {each.place}",
                trust=trust,
            )
            for each, poster in zip(settings.events_to, self._posters, strict=True)
        }
        self.ends = EventEnds(
            readers, writer, list(self.forwarders), limits=limits, clock=clock, measures=measures, trust=trust
        )
        #: Sends again what its receivers were to hear.
        self.resends = EventResends(readers, writer, list(self.forwarders), self.wake, clock)
        if self.forwarders:
            writer.facts.write = EventLog(settings.events_to, clock).write
            writer.facts.on_written = self.wake

    def start(self, supervisor: Supervisor) -> None:
        """Begin to post, and to give up."""
        self.ends.start(supervisor)
        for each in self.forwarders.values():
            each.start(supervisor)

    def wake(self) -> None:
        """Look for what is due, after a commit."""
        for each in self.forwarders.values():
            each.wake()

    async def stop(self, patience: float = 10.0) -> None:
        """Begin no more posts, and wait for those that run."""
        await asyncio.gather(self.ends.stop(), *(each.stop(patience) for each in self.forwarders.values()))

    async def close(self) -> None:
        """Stop, and close the connections."""
        await self.stop()
        await asyncio.gather(*(each.close() for each in self._posters))


def secrets_of(settings: Settings) -> list[str]:
    """What events are signed with."""
    if settings.events_secrets:
        return [each.reveal() for each in settings.events_secrets]
    return [settings.forward_secret.reveal()] if settings.forward_secret else []
