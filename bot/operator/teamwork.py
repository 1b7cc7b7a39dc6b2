"""What people do beside each other, as one part of the service: acts, planned replies, drafts and presence."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from bot.clock import TRUSTED, Clock, ClockTrust, utc_now
from bot.operator.acts import Acts
from bot.operator.planned_replies import PlannedReplies
from bot.operator.presence import Presence
from bot.storage.readers import Readers
from bot.storage.writer import Writer

#: How long a reply that a person sends off can be taken back.
UNDO: Final = timedelta(seconds=5)


class Teamwork:
    """Acts, planned replies and presence, on one database."""

    def __init__(
        self,
        readers: Readers,
        writer: Writer,
        *,
        on_queued: Callable[[set[str]], None] = lambda _numbers: None,
        undo: timedelta = UNDO,
        clock: Clock = utc_now,
        trust: ClockTrust = TRUSTED,
    ) -> None:
        self.acts = Acts(readers, writer, clock)
        self.planned = PlannedReplies(readers, writer, on_queued=on_queued, clock=clock, trust=trust)
        self.presence = Presence(writer, clock)
        self.undo = undo
        self.clock = clock
