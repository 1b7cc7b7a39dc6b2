"""All that is kept of one conversation, for whoever exports it."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.audit_log import list_actions
from bot.queries.answers import answers_in
from bot.queries.conversations import ConversationView, list_messages
from bot.storage.pages import whole_listing


async def whole_conversation(
    connection: AsyncConnection, conversation: ConversationView, now: datetime
) -> dict[str, Any]:
    """A conversation with its `messages`, `answers` and `actions`, each list whole."""
    key = conversation.id
    parts = {
        "messages": await whole_listing(
            lambda cursor: list_messages(connection, key, limit=200, cursor=cursor)
        ),
        "answers": await answers_in(connection, key, now, limit=None),
        "actions": await whole_listing(
            lambda cursor: list_actions(connection, key, limit=200, cursor=cursor)
        ),
    }
    described: dict[str, Any] = msgspec.to_builtins(conversation)
    return described | parts
