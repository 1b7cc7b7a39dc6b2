"""The newest stretch of a long conversation, found from its end back: not one of its older messages is read.

The index over messages is by conversation and position; one by time would cost each message that comes.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, func, literal_column, select

from bot.storage.tables import messages

_NONE: Final[ColumnElement[int]] = literal_column("0")


def since_place(
    conversation_id: ColumnElement[Any], old: ColumnElement[Any] | datetime
) -> ColumnElement[int]:
    """The place of the newest message that was made at `old` or before; 0: there is none."""
    back = messages.alias("back")
    place = (
        select(back.c.position)
        .where(back.c.conversation_id == conversation_id, back.c.created_at <= old)
        .order_by(back.c.position.desc())
        .limit(literal_column("1"))
        .offset(_NONE)  # else SQLite's dialect makes a parameter of it
        .scalar_subquery()
    )
    return func.coalesce(place, _NONE)
