"""What people did to conversations: who, what, when. Rows are only ever added."""

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.storage.pages import Order, Page, read_page
from bot.storage.tables import actions

ActionName = Literal[
    "reply",
    "hand over",
    "hand back",
    "tag",
    "untag",
    "opt out",
    "opt in",
    "resend",
    "release",
    "set value",
    "forget value",
    "cancel",
    "language",
    "note",
    "done",
    "assign",
    "snooze",
    "undo",
    "plan",
    "take back",
    "held back",
    "correct answer",
    "retry",
]


_OLDEST_FIRST = Order(actions.c.id)


class ActionView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that a person did, as the API and the command line show it."""

    id: str
    conversation_id: str
    #: The message that it was done to, or that it made.
    message_id: str | None
    action: str
    #: The tag, the reason, or how an incident ended.
    details: str | None
    by: str
    #: Their id among `people`; None for whoever showed a token.
    person_id: str | None = None
    at: datetime
    #: What was done to several conversations at once, or can be undone, has one.
    act_id: str | None = None


def action_row(
    action: ActionName,
    conversation_id: str,
    *,
    by: str,
    person_id: str | None = None,
    now: datetime,
    message_id: str | None = None,
    details: str | None = None,
    action_id: str | None = None,
    act_id: str | None = None,
    change: Any = None,
) -> dict[str, Any]:
    """A row of `actions`; `act_id` and `change` where it can be undone (`bot.operator.acts`)."""
    return {
        "id": action_id or str(uuid7()), "conversation_id": conversation_id, "message_id": message_id, "action": action,
        "details": details, "by": by, "person_id": person_id, "at": now, "act_id": act_id, "change": change,
    }  # fmt: skip


async def list_actions(
    connection: AsyncConnection, conversation_id: str, *, limit: int, cursor: str | None
) -> Page[ActionView]:
    """What people did to a conversation, oldest first. Raises `bot.storage.pages.WrongCursor`."""
    query = select(actions).where(actions.c.conversation_id == conversation_id)
    return await read_page(connection, query, _OLDEST_FIRST, action_view, limit=limit, cursor=cursor)


def action_view(row: Row[Any]) -> ActionView:
    """A row of `actions` as people see it."""
    return ActionView(**{name: getattr(row, name) for name in ActionView.__struct_fields__})
