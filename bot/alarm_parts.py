"""The part that tells people, made of the settings and of the parts that it looks at: for `bot.app`."""

from collections.abc import Sequence

from bot.alarms.conditions import Condition
from bot.alarms.trouble import USUAL_ALARMS, AlarmLimits
from bot.alarms.watch import AlarmWatch, SlowCondition
from bot.azure_parts import NotConfigured
from bot.clock import Clock
from bot.settings import Settings
from bot.storage.database import Database
from bot.storage.writer import Writer
from bot.supervisor import Supervisor
from bot.wire.notify_client import AppriseChannels, NoApprise, UnknownChannel


class Alarms:
    """The watch, and the channels that it tells people by."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        writer: Writer,
        conditions: Sequence[Condition],
        slow: Sequence[SlowCondition],
        *,
        clock: Clock,
        limits: AlarmLimits = USUAL_ALARMS,
    ) -> None:
        addresses = [address.reveal() for address in settings.notify]
        self._channels = AppriseChannels(addresses) if addresses else None
        self.watch = AlarmWatch(
            database,
            writer,
            conditions,
            slow,
            channels=self._channels,
            public_url=settings.public_url,
            with_texts=settings.log_texts,
            limits=limits,
            clock=clock,
        )

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
