"""The newest texts that people wrote, for who asks how many of them a condition of a rule holds for."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.rulebook.cards.weight import WeighedText, as_heard
from bot.rulebook.decision import HeardMessage
from bot.storage.tables import conversations, messages


async def newest_texts(connection: AsyncConnection, count: int) -> list[WeighedText]:
    """The newest inbound messages, the newest first."""
    query = (
        select(
            messages.c.id,
            messages.c.text,
            messages.c.created_at,
            conversations.c.number,
            conversations.c.peer,
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
        )
        for row in await connection.execute(query)
    ]
