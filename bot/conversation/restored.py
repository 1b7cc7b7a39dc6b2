"""What a database that came from a backup can't know: which messages the bot answered after the backup was made.

A message that was received before the bot stopped, and that the backup does not have, may have been answered. When its
event comes again it is stored, and its replies are `unconfirmed`: a person may send them again, the bot never does.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.upkeep_tables import restores

#: An event that does not say when its message was received may be one of them for as long as Event Grid tries.
_UNDATED = timedelta(days=1)


class Doubt:
    """Which messages may have been answered by a bot whose newest records are lost; none unless it was restored."""

    def __init__(self) -> None:
        #: When the bot whose records are lost had surely stopped.
        self.stopped_at: datetime | None = None
        self._restored_at: datetime | None = None

    async def read(self, connection: AsyncConnection) -> None:
        """Learn of the newest restore."""
        query = select(func.max(restores.c.stopped_at), func.max(restores.c.restored_at))
        self.stopped_at, self._restored_at = (await connection.execute(query)).one()

    def covers(self, received_at: datetime | None, now: datetime) -> bool:
        """Whether a message that is new to the database may have been answered already."""
        if self.stopped_at is None:
            return False
        if received_at is None:
            return self._restored_at is not None and now - self._restored_at < _UNDATED
        return received_at <= self.stopped_at
