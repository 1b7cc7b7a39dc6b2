"""A person's own part in a conversation: what they write goes the way of every reply."""

from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.opened import NewMessages, OpenConversation, save_conversations
from bot.conversation.tables import conversations
from bot.conversation.writer import Writer


class CannotReply(Exception):
    """The peer opted out: nobody may text them."""

    def __init__(self, peer: str) -> None:
        super().__init__(f"{peer} has opted out and is not to be texted; only their own START changes that.")


class _Reply(Struct, frozen=True, kw_only=True):
    conversation_id: str
    text: str


class _Said(Struct, frozen=True, kw_only=True):
    message_id: str
    number: str


class Operator:
    """Lets people act on conversations."""

    def __init__(self, writer: Writer, on_queued: Callable[[set[str]], None]) -> None:
        self._writer = writer
        self._on_queued = on_queued

    async def reply(self, conversation_id: str, text: str) -> str | None:
        """Queue `text` and return its message's id; None when there is no such conversation.

        Raises `CannotReply`, and `bot.conversation.writer.StorageUnavailable`.
        """
        (result,) = await self._writer.submit(
            self._queue, [_Reply(conversation_id=conversation_id, text=text)]
        )
        if result is None:
            return None
        if isinstance(result, CannotReply):
            raise result
        self._on_queued({result.number})
        return result.message_id

    async def _queue(
        self, connection: AsyncConnection, replies: list[_Reply]
    ) -> list[_Said | CannotReply | None]:
        now = datetime.now(UTC)
        query = (
            select(conversations)
            .where(conversations.c.id.in_({reply.conversation_id for reply in replies}))
            .order_by(conversations.c.peer, conversations.c.number)
            .with_for_update()
        )
        opened = {row.id: OpenConversation.stored(row) for row in await connection.execute(query)}
        new = NewMessages()
        results: list[_Said | CannotReply | None] = []
        for reply in replies:
            conversation = opened.get(reply.conversation_id)
            if conversation is None:
                results.append(None)
            elif conversation.standing.opted_out:
                results.append(CannotReply(conversation.peer))
            else:
                message_id = conversation.say(new, reply.text, now)
                results.append(_Said(message_id=message_id, number=conversation.number))
        await save_conversations(connection, opened.values())
        await new.insert(connection)
        return results
