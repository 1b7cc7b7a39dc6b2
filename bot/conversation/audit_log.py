"""What people did to conversations: who, what, when. Rows are only ever added."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.storage.pages import Page, decode_cursor, encode_cursor
from bot.storage.tables import actions

ActionName = Literal[
    "reply", "hand over", "hand back", "tag", "untag", "opt out", "opt in", "resend", "release"
]


class _ById(Struct, frozen=True, array_like=True):
    """Where a page of actions ends."""

    id: Annotated[str, Meta(pattern=r"^[0-9a-f-]{36}\Z")]


class ActionView(Struct, frozen=True, kw_only=True):
    """Something that a person did, as the API and the command line show it."""

    id: str
    conversation_id: str
    #: The message that it was done to, or that it made.
    message_id: str | None
    action: str
    #: The tag, the reason, or how an incident ended.
    details: str | None
    by: str
    at: datetime


def action_row(
    action: ActionName,
    conversation_id: str,
    *,
    by: str,
    now: datetime,
    message_id: str | None = None,
    details: str | None = None,
) -> dict[str, Any]:
    """A row of `actions`."""
    return {
        "id": str(uuid7()), "conversation_id": conversation_id, "message_id": message_id, "action": action,
        "details": details, "by": by, "at": now,
    }  # fmt: skip


async def list_actions(
    connection: AsyncConnection, conversation_id: str, *, limit: int, cursor: str | None
) -> Page[ActionView]:
    """What people did to a conversation, oldest first. Raises `bot.storage.pages.WrongCursor`."""
    query = (
        select(actions)
        .where(actions.c.conversation_id == conversation_id)
        .order_by(actions.c.id)
        .limit(limit + 1)
    )
    if cursor is not None:
        query = query.where(actions.c.id > decode_cursor(cursor, _ById).id)
    rows = (await connection.execute(query)).mappings().all()
    shown = [ActionView(**row) for row in rows[:limit]]
    return Page(items=shown, next=encode_cursor(_ById(shown[-1].id)) if len(rows) > limit else None)
