"""What a database that came from a backup may do: never send again what may have been sent since.

The bot whose records are lost may have sent what the backup has in its queue, and may have answered what the backup
does not know. ACS recognises a repeat for five minutes only, so nothing of it can be sent safely:

- what is queued in the backup becomes `unconfirmed`;
- what a rule was asking of another service is not asked again, as its answer may have been said; its message counts as
  unanswered;
- what a rule or a person was to say until that bot stopped is dropped, and so is what that bot was to say as a
  conversation went back to it; what is due later waits, as nobody can have said it;
- a message that was received before that bot stopped, and whose event comes again, is stored, and its replies are
  born `unconfirmed` (`bot.conversation.restored`).

A person sees both and may send them again. What was received later is answered as usual.

Nor is a door open that was closed since: sessions and people's login links are gone, and an admin's login link from
before the restore is not taken (`bot.storage.console_sessions`), for it may have been used.
"""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import delete, insert, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.conversation.delivery import SENTENCES, FailureCode, NoAnswer
from bot.conversation.status_changes import STORED_COLUMNS, StatusChanges, StoredMessage
from bot.storage.handover_tables import handovers
from bot.storage.inbox_tables import planned_replies
from bot.storage.people_tables import login_links
from bot.storage.sql import status_is
from bot.storage.tables import console_sessions, conversations, messages
from bot.storage.task_tables import fetches, follow_ups
from bot.storage.upkeep_tables import restores

#: Messages whose state is changed by one statement.
_AT_ONCE = 1_000


class Restored(Struct, frozen=True, kw_only=True):
    """What was made of the backup."""

    #: Replies that were queued and are `unconfirmed` now.
    unconfirmed: int
    #: What rules were asking, whose messages are unanswered now; and what was to be said by then and is dropped.
    fetches: int = 0
    follow_ups: int = 0
    #: Messages received until then are not answered when their events come again.
    stopped_at: datetime


async def make_safe(
    connection: AsyncConnection, *, stopped_at: datetime, now: datetime, send_queued: bool
) -> Restored:
    """Make a restored database safe to start; `send_queued`: nothing was sent since the backup, so its queue may go."""
    unconfirmed = asked = later = 0
    if not send_queued:
        unconfirmed = await _doubt_queue(connection, now)
        asked = await _doubt_fetches(connection, now)
        later = await _doubt_follow_ups(connection, stopped_at, now)
        row = {"id": str(uuid7()), "stopped_at": stopped_at, "restored_at": now}
        await connection.execute(insert(restores).values(row))
    for table in (console_sessions, login_links):  # logged out, used or taken away since, some of them
        await connection.execute(delete(table))
    return Restored(unconfirmed=unconfirmed, fetches=asked, follow_ups=later, stopped_at=stopped_at)


async def _doubt_fetches(connection: AsyncConnection, now: datetime) -> int:
    """Cancel what is being asked, and have a person see to its messages."""
    query = (
        select(fetches.c.id, fetches.c.conversation_id, messages.c.created_at)
        .join(messages, messages.c.id == fetches.c.id)
        .where(status_is("queued", fetches.c.status))
        .order_by(fetches.c.id)
    )
    rows = (await connection.execute(query)).all()
    since = {row.conversation_id: row.created_at for row in reversed(rows)}
    for start in range(0, len(rows), _AT_ONCE):
        ids = [row.id for row in rows[start : start + _AT_ONCE]]
        reason = SENTENCES[FailureCode.RESTORED]
        cancelled = update(fetches).where(fetches.c.id.in_(ids))
        await connection.execute(cancelled.values(status="cancelled", reason=reason, updated_at=now))
    for conversation_id, asked_at in since.items():
        one = conversations.c.id == conversation_id
        memory, unanswered = (
            await connection.execute(
                select(conversations.c.memory, conversations.c.unanswered_since).where(one)
            )
        ).one()
        left = {name: value for name, value in (memory or {}).items() if name != "fetches"}
        await connection.execute(
            update(conversations)
            .where(one)
            .values(memory=left or None, unanswered_since=unanswered or asked_at)
        )
    return len(rows)


async def _doubt_follow_ups(connection: AsyncConnection, stopped_at: datetime, now: datetime) -> int:
    """Drop what may have been said before that bot stopped."""
    statement = update(follow_ups).where(
        status_is("waiting", follow_ups.c.status), follow_ups.c.due_at <= stopped_at
    )
    changes = {"status": "dropped", "reason": SENTENCES[FailureCode.RESTORED], "updated_at": now}
    dropped = (await connection.execute(statement.values(changes))).rowcount
    # The bot goes on where nobody wrote, and does not say so: it may have.
    silent = update(handovers).where(
        handovers.c.ended_at.is_(None), handovers.c.back_at <= stopped_at, handovers.c.back_texts.is_not(None)
    )
    dropped += (await connection.execute(silent.values(back_texts=null()))).rowcount
    planned = update(planned_replies).where(
        status_is("waiting", planned_replies.c.status), planned_replies.c.due_at <= stopped_at
    )
    return dropped + (await connection.execute(planned.values(changes | {"status": "held"}))).rowcount


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
