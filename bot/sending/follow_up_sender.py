"""Looks for what is to be said now, and has it said."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.follow_up_turn import DueFollowUp, due_follow_ups, next_due
from bot.conversation.follow_ups import MISSED
from bot.sending.due_timer import DueTimer

log = structlog.get_logger(__name__)


class FollowUpSender(DueTimer[DueFollowUp, str | None]):
    """Has follow-ups said when they are due; several processes on one database say each once."""

    name = "follow-ups"

    async def find_due(self, connection: AsyncConnection, now: datetime, limit: int) -> Sequence[DueFollowUp]:
        """Follow-ups that have waited longest."""
        return await due_follow_ups(connection, now, limit)

    async def find_next(self, connection: AsyncConnection) -> datetime | None:
        """When the next follow-up is due."""
        return await next_due(connection)

    def is_queued(self, result: str | None) -> bool:
        """Whether it is said: nothing stands against it."""
        return result == ""

    def note(self, results: Sequence[str | None]) -> None:
        """Log how many missed their time, and why."""
        for reason, count in Counter(result for result in results if result in MISSED).items():
            log.warning(
                "What was to be said later is dropped: it missed its time",
                action="follow_ups_dropped",
                count=count,
                reason=reason,
            )
