"""One conversation as a person reads it: its newest messages, and what people did in between."""

from datetime import timedelta

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.audit_log import ActionView, action_view
from bot.conversation.follow_ups import FollowUpView, list_waiting
from bot.conversation.message_ids import first_id
from bot.conversation.planned_replies import PlannedReply, list_planned
from bot.queries.conversations import (
    BY_POSITION,
    ConversationView,
    MessageView,
    find_conversation,
    list_messages,
)
from bot.storage.tables import actions, messages

#: The most of people's actions that are shown between the messages; the newest.
_ACTIONS = 50
#: An id may have been made by a clock that was set back since, by so much.
_CLOCKS_DIFFER = timedelta(days=1)


class Timeline(Struct, frozen=True, kw_only=True):
    """A conversation and a stretch of its messages."""

    conversation: ConversationView
    #: Oldest first; the last one is the newest of all, or the one before `before`.
    messages: list[MessageView]
    #: Give it as `before` for the stretch before this one; None when this one begins with the first message.
    earlier: int | None
    #: What people did since the first of these messages, oldest first.
    actions: list[ActionView]
    #: The names of the persons who wrote these messages or sent them again, by the message's id.
    writers: dict[str, str] = {}
    #: What is to be said later.
    later: list[FollowUpView] = []
    #: What a person has sent off and can take back.
    planned: list[PlannedReply] = []
    #: The place of the newest message.
    last_position: int = 0


async def read_talk(
    connection: AsyncConnection, conversation_id: str, *, before: int | None, limit: int
) -> Timeline | None:
    """The newest messages, or those before a position; None when there is no such conversation.

    How many messages are in each delivery state is not counted: all would have to be read.
    """
    conversation = await find_conversation(connection, conversation_id, counted=False)
    if conversation is None:
        return None
    newest = select(func.max(messages.c.position)).where(messages.c.conversation_id == conversation_id)
    last = (await connection.execute(newest)).scalar() or 0
    end = last if before is None else min(before - 1, last)
    start = max(end - limit, 0)  # positions are 1, 2, 3 … without a gap
    page = await list_messages(
        connection, conversation_id, limit=max(end - start, 1), cursor=BY_POSITION.encode((start,))
    )
    shown = page.items if end > start else []
    has_earlier = start > 0 and len(shown) == end - start  # older ones may be purged
    return Timeline(
        conversation=conversation,
        messages=shown,
        earlier=start + 1 if has_earlier else None,
        actions=await _actions_beside(
            connection, conversation_id, shown, has_earlier=has_earlier, is_newest=end == last
        ),
        writers=await _writers_of(connection, shown),
        later=await list_waiting(connection, conversation_id),
        planned=await list_planned(connection, conversation_id, waiting=True),
        last_position=last,
    )


async def _actions_beside(
    connection: AsyncConnection,
    conversation_id: str,
    shown: list[MessageView],
    *,
    has_earlier: bool,
    is_newest: bool,
) -> list[ActionView]:
    query = select(actions).where(actions.c.conversation_id == conversation_id)
    # By their ids, which tell the time, the others are not even looked at.
    if has_earlier:
        first = shown[0].created_at
        query = query.where(actions.c.at >= first, actions.c.id >= first_id(first - _CLOCKS_DIFFER))
    if not is_newest and shown:
        last = shown[-1].created_at
        query = query.where(actions.c.at <= last, actions.c.id < first_id(last + _CLOCKS_DIFFER))
    rows = (await connection.execute(query.order_by(actions.c.id.desc()).limit(_ACTIONS))).all()
    return [action_view(row) for row in reversed(rows)]


async def _writers_of(connection: AsyncConnection, shown: list[MessageView]) -> dict[str, str]:
    """An action of who writes bears the message's id, one of who sends it again the id of the old message."""
    done = {
        each.id: ("resend", each.resend_of) if each.resend_of else ("reply", each.id)
        for each in shown
        if each.direction == "outbound" and each.rule is None
    }
    if not done:
        return {}
    query = select(actions.c.action, actions.c.message_id, actions.c.by).where(
        actions.c.message_id.in_([message_id for _, message_id in done.values()]),
        actions.c.action.in_(("reply", "resend")),
    )
    by = {(row.action, row.message_id): row.by for row in await connection.execute(query)}
    return {key: by[each] for key, each in done.items() if each in by}
