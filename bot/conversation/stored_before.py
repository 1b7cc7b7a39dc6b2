"""What is stored of the people who write now, and of their messages, before these are added."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.events import Inbound
from bot.conversation.imported_opt_outs import IMPORTED
from bot.conversation.receipt_times import KNOWN_MESSAGES
from bot.conversation.thread import CONVERSATIONS_OF, ConversationThread, threads_of
from bot.storage.lookups import fetch_together


class StoredBefore(Struct, frozen=True):
    """What a transaction finds."""

    #: Who writes now: (our number, peer).
    wanted: set[tuple[str, str]]
    #: Their conversations, and those of the same people with our other numbers.
    opened: dict[tuple[str, str], ConversationThread]
    #: Which of the messages are there already, by Azure's ids, each with its time of receipt.
    known: dict[str, datetime | None]
    #: Of the newcomers those on a list of opt-outs: peer, number and time.
    listed: Collection[tuple[Any, ...]]


async def look_up(
    connection: AsyncConnection, inbound: Collection[Inbound], ids: Collection[str], now: datetime
) -> StoredBefore:
    """Read the conversations of these messages, and what tells which of them came before.

    On PostgreSQL the conversations are read first, and so locked: the look-up of duplicates then sees what another
    replica has committed. Should one slip through, the unique constraint fails and the group is tried again.
    """
    wanted = {(event.number, event.peer) for event in inbound}
    peers = {peer for _, peer in wanted}
    if connection.dialect.name == "sqlite":  # which is locked as a whole
        rows, known, listed = await fetch_together(
            connection, (CONVERSATIONS_OF, peers), (KNOWN_MESSAGES, ids), (IMPORTED, peers)
        )
        return StoredBefore(wanted, threads_of(rows, wanted, now), dict(known), listed)
    opened = threads_of(await CONVERSATIONS_OF.fetch(connection, peers), wanted, now)
    known = await KNOWN_MESSAGES.fetch(connection, ids)
    listed = await IMPORTED.fetch(connection, {each.peer for each in opened.values() if each.is_new})
    return StoredBefore(wanted, opened, dict(known), listed)
