"""The newest texts that people wrote, for who asks how many of them a condition of a rule holds for."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.rulebook.cards.weight import WeighedText, as_heard
from bot.rulebook.decision import ConversationState, HeardMessage
from bot.storage.tables import conversations, messages


async def newest_texts(connection: AsyncConnection, count: int) -> list[WeighedText]:
    """The newest inbound messages, the newest first, with what is known of their people now."""
    query = (
        select(
            messages.c.id,
            messages.c.text,
            messages.c.created_at,
            messages.c.position,
            conversations.c.number,
            conversations.c.peer,
            conversations.c.tags,
            conversations.c.opted_out,
            conversations.c.memory,
        )
        .select_from(messages.join(conversations, conversations.c.id == messages.c.conversation_id))
        .where(messages.c.direction == "inbound")
        .order_by(messages.c.id.desc())
        .limit(count)
    )
    return [
        as_heard(
            HeardMessage(id=row.id, text=row.text, sender=row.peer, recipient=row.number),
            row.created_at,
            ConversationState(
                known=row.position > 1,
                tags=tuple(row.tags or ()),
                opted_out=row.opted_out,
                language=(row.memory or {}).get("language"),
            ),
        )
        for row in await connection.execute(query)
    ]
