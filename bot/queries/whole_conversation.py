"""All that is kept of one conversation, for whoever exports it."""

import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.audit_log import list_actions
from bot.queries.answers import answers_in, list_answers_in
from bot.queries.conversations import ConversationView, list_messages
from bot.storage.pages import Page, whole_listing

Reading = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
_List = Callable[[AsyncConnection, str | None], Awaitable[Page[Any]]]

#: Entries of a part of the file.
_AT_ONCE: Final = 100


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


async def conversation_file(
    reading: Reading, conversation: ConversationView, now: datetime
) -> AsyncIterator[bytes]:
    """The same as indented JSON, some entries at a time: whoever takes them slowly keeps no transaction open.

    Each part is read when it is wanted. What was erased meanwhile is not in the parts that follow.
    """
    key = conversation.id

    async def messages(connection: AsyncConnection, cursor: str | None) -> Page[Any]:
        return await list_messages(connection, key, limit=_AT_ONCE, cursor=cursor)

    async def answers(connection: AsyncConnection, cursor: str | None) -> Page[Any]:
        return await list_answers_in(connection, key, now, limit=_AT_ONCE, cursor=cursor)

    async def actions(connection: AsyncConnection, cursor: str | None) -> Page[Any]:
        return await list_actions(connection, key, limit=_AT_ONCE, cursor=cursor)

    yield _indented(conversation).removesuffix("\n}").encode()
    lists: dict[str, _List] = {"messages": messages, "answers": answers, "actions": actions}
    for name, pages in lists.items():
        yield f',\n  "{name}": ['.encode()
        async for part in _entries(reading, pages):
            yield part
    yield b"\n}"


async def _entries(reading: Reading, pages: _List) -> AsyncIterator[bytes]:
    """The entries of a list and the bracket that closes it."""
    cursor, is_first = None, True
    while True:
        async with reading() as connection:
            page = await pages(connection, cursor)
        if page.items:
            entries = ",\n".join(textwrap.indent(_indented(item), "    ") for item in page.items)
            yield (("\n" if is_first else ",\n") + entries).encode()
            is_first = False
        cursor = page.next
        if cursor is None:
            break
    yield b"]" if is_first else b"\n  ]"


def _indented(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
