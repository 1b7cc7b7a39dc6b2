"""One conversation as a person reads it: its newest messages, and what is open in it."""

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.cursors import encode_cursor
from bot.conversation.queries import (
    ByPosition,
    ConversationView,
    MessageView,
    find_conversation,
    list_messages,
)
from bot.conversation.tables import messages


class Talk(Struct, frozen=True, kw_only=True):
    """A conversation and a stretch of its messages."""

    conversation: ConversationView
    #: Oldest first; the last one is the newest of all, or the one before `before`.
    messages: list[MessageView]
    #: Give it as `before` for the stretch before this one; None when this one begins with the first message.
    earlier: int | None


async def read_talk(
    connection: AsyncConnection, conversation_id: str, *, before: int | None, limit: int
) -> Talk | None:
    """The newest messages, or those before a position; None when there is no such conversation."""
    conversation = await find_conversation(connection, conversation_id)
    if conversation is None:
        return None
    newest = select(func.max(messages.c.position)).where(messages.c.conversation_id == conversation_id)
    last = (await connection.execute(newest)).scalar() or 0
    end = last if before is None else min(before - 1, last)
    start = max(end - limit, 0)  # positions are 1, 2, 3 … without a gap
    page = await list_messages(
        connection, conversation_id, limit=max(end - start, 1), cursor=encode_cursor(ByPosition(start))
    )
    return Talk(
        conversation=conversation,
        messages=page.items,
        earlier=start + 1 if start and len(page.items) == end - start else None,  # older ones may be purged
    )
