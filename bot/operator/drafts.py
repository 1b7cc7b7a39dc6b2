"""What a person has written and not sent, kept for each conversation; and whether another was quicker."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.operator.errors import AnsweredMeanwhile
from bot.operator.transaction import ConversationEdit
from bot.storage.inbox_tables import reply_drafts
from bot.storage.sql import direction_is, insert_for
from bot.storage.tables import actions, messages

#: Of what people have written since, the newest.
_LOOKED_AT = 1_000


async def put_draft(
    connection: AsyncConnection, person: str, conversation_id: str, text: str, now: datetime
) -> None:
    """Keep a draft in the place of the one before it."""
    row = {"person": person, "conversation_id": conversation_id, "text": text, "updated_at": now}
    statement = insert_for(connection, reply_drafts).values(row)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["person", "conversation_id"], set_={"text": text, "updated_at": now}
        )
    )


async def drop_draft(connection: AsyncConnection, person: str, conversation_id: str) -> None:
    """Forget a draft."""
    table = reply_drafts.c
    await connection.execute(
        delete(reply_drafts).where(table.person == person, table.conversation_id == conversation_id)
    )


async def check_unanswered(edit: ConversationEdit, seen: int | None) -> None:
    """Raise `AnsweredMeanwhile` when another person has replied behind the message in the place `seen`.

    None: the writer does not say what they had seen.
    """
    if seen is None:
        return
    written = (
        select(messages.c.id, messages.c.position)
        .where(
            messages.c.conversation_id == edit.conversation.id,
            messages.c.position > seen,
            direction_is("outbound"),
            messages.c.rule.is_(None),
        )
        .order_by(messages.c.position.desc())
        .limit(_LOOKED_AT)
        .subquery()
    )
    query = (
        select(actions.c.by)
        .join_from(written, actions, actions.c.message_id == written.c.id)
        .where(actions.c.action == "reply", actions.c.by != edit.by.name)
        .order_by(written.c.position.desc())
        .limit(1)
    )
    by = (await edit.connection.execute(query)).scalar()
    if by is not None:
        raise AnsweredMeanwhile(by)
