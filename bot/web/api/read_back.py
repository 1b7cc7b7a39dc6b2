"""What was done just now, read back for its answer.

Whoever hears of a failure asks again, and a reply would be sent twice: so the reading is tried for some seconds, and
the error that is left says that it was done.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.queries.conversations import ConversationView, MessageView, find_message, with_counts
from bot.storage.database import DatabaseConnection, DatabaseUnavailable, cause_of
from bot.storage.readers import Readers
from bot.web.api.parameters import found
from bot.web.problems import Problem

Read = TypeVar("Read")

#: Seconds between tries.
_PAUSES = (0.1, 0.4, 1.0, 3.0)


async def counted(database: Readers, view: ConversationView) -> ConversationView:
    """A conversation that was changed just now, with the counts of its messages."""
    return await _read_back(database, lambda connection: with_counts(connection, view))


async def read_queued(database: Readers, message_id: str) -> MessageView:
    """A message that was queued just now: a connection from before that commit would not see it."""
    one = await _read_back(database, lambda connection: find_message(connection, message_id))
    return found("message", message_id, one)


async def _read_back(database: Readers, read: Callable[[DatabaseConnection], Awaitable[Read]]) -> Read:
    pauses = iter(_PAUSES)
    while True:
        try:
            async with database.reading() as connection:
                return await read(connection)
        except DatabaseUnavailable as error:
            pause = next(pauses, None)
            if pause is None:
                raise _done_but_unread(error) from error
            await asyncio.sleep(pause)


def _done_but_unread(error: DatabaseUnavailable) -> Problem:
    return Problem(
        503,
        f"This was done, but the database can't be read now to show it ({cause_of(error)}). Look before you ask for"
        " it again.",
    )
