"""Looks for conversations that go back to the bot now, and has them given back."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.handover_turn import DueHandover, due_handovers
from bot.conversation.handovers import next_back
from bot.sending.due_timer import DueTimer


class HandoverTimer(DueTimer[DueHandover, bool]):
    """Gives conversations back when their time is over; several processes on one database give each back once."""

    name = "handovers"

    async def find_due(self, connection: AsyncConnection, now: datetime, limit: int) -> Sequence[DueHandover]:
        """Handovers whose time has been over for longest."""
        return await due_handovers(connection, now, limit)

    async def find_next(self, connection: AsyncConnection) -> datetime | None:
        """When the next conversation goes back."""
        return await next_back(connection)

    def is_queued(self, result: bool) -> bool:
        """Whether the peer is told by a text."""
        return result
