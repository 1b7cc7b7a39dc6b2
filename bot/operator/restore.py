"""What a database that came from a backup may do: never send again what may have been sent since.

The bot whose records are lost may have sent what the backup has in its queue, and may have answered what the backup
does not know. ACS recognises a repeat for five minutes only, so nothing of it can be sent safely:

- what is queued in the backup becomes `unconfirmed`;
- a message that was received before that bot stopped, and whose event comes again, is stored, and its replies are
  born `unconfirmed` (`bot.conversation.restored`).

A person sees both and may send them again. What was received later is answered as usual.
"""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.conversation.delivery import SENTENCES, FailureCode, NoAnswer
from bot.conversation.status_changes import STORED_COLUMNS, StatusChanges, StoredMessage
from bot.storage.sql import status_is
from bot.storage.tables import console_sessions, messages
from bot.storage.upkeep_tables import restores

#: Messages whose state is changed by one statement.
_AT_ONCE = 1_000


class Restored(Struct, frozen=True, kw_only=True):
    """What was made of the backup."""

    #: Replies that were queued and are `unconfirmed` now.
    unconfirmed: int
    #: Messages received until then are not answered when their events come again.
    stopped_at: datetime


async def make_safe(
    connection: AsyncConnection, *, stopped_at: datetime, now: datetime, send_queued: bool
) -> Restored:
    """Make a restored database safe to start; `send_queued`: nothing was sent since the backup, so its queue may go."""
    unconfirmed = 0
    if not send_queued:
        unconfirmed = await _doubt_queue(connection, now)
        row = {"id": str(uuid7()), "stopped_at": stopped_at, "restored_at": now}
        await connection.execute(insert(restores).values(row))
    await connection.execute(delete(console_sessions))  # some of them may have been logged out since
    return Restored(unconfirmed=unconfirmed, stopped_at=stopped_at)


async def _doubt_queue(connection: AsyncConnection, now: datetime) -> int:
    total = 0
    doubt = NoAnswer(SENTENCES[FailureCode.RESTORED], FailureCode.RESTORED)
    while True:
        query = select(*STORED_COLUMNS).where(status_is("queued")).order_by(messages.c.id).limit(_AT_ONCE)
        rows = (await connection.execute(query)).all()
        if not rows:
            return total
        changes = StatusChanges()
        for row in rows:
            changes.apply(StoredMessage(*row), doubt)
        await changes.record(connection, now)
        total += len(rows)
