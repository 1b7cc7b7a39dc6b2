"""`bot conversations export`: JSON Lines, a conversation a line."""

import asyncio
import sys
from datetime import UTC, datetime

import msgspec

from bot.cli.database_access import asking_database
from bot.cli.senders import require_peer
from bot.cli.times import read_since
from bot.queries.conversations import list_conversations
from bot.queries.filters import ConversationFilter
from bot.queries.whole_conversation import whole_conversation
from bot.text.numbers import normalise_number


def export(since: str | None, peer: str | None) -> None:
    """Write each conversation with its messages, answers and what people did, newest first."""
    moment = None if since is None else read_since(since)
    wanted = ConversationFilter(peer=None if peer is None else normalise_number(peer))
    asyncio.run(_export(wanted, moment))


async def _export(wanted: ConversationFilter, since: datetime | None) -> None:
    cursor, now = None, datetime.now(UTC)
    # All of it as it is at one moment.
    async with asking_database() as connection:
        await require_peer(connection, wanted.peer)
        while True:
            page = await list_conversations(connection, wanted, limit=200, cursor=cursor, now=now)
            for conversation in page.items:
                if since is not None and conversation.last_message_at < since:
                    return  # those that follow are older
                line = await whole_conversation(connection, conversation, now)
                sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
            sys.stdout.buffer.flush()
            cursor = page.next
            if cursor is None:
                return
