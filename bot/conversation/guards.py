"""No loops: two auto-responders must not text each other for ever, and a stuck phone must not be answered for ever.

Replies to one conversation are counted, whatever their texts, and so are identical messages that meet the same rule.
Past either cap the bot says nothing, and the message's decision tells why. What confirms an opt-out or opt-in is
always said.
"""

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.tables import messages
from bot.rulebook.decision import Decision

if TYPE_CHECKING:
    from bot.conversation.opened import OpenConversation

#: What the caps count in.
WINDOW = timedelta(hours=1)

TOO_MANY_REPLIES = "too many replies in an hour"
TOO_MANY_REPEATS = "the same message too often in an hour"
LOOKS_LIKE_A_LOOP = "it looks like another auto-responder"


class Caps(Struct, frozen=True, kw_only=True):
    """How much one conversation gets in an hour."""

    replies: int
    repeats: int


class Recent:
    """What was said in a conversation in the last hour."""

    __slots__ = ("heard", "replies")

    def __init__(self) -> None:
        self.replies = 0
        #: How often each (text, rule) was heard.
        self.heard: Counter[tuple[str, str | None]] = Counter()


def guarded(decision: Decision, text: str, recent: Recent, caps: Caps) -> Decision:
    """The decision, or the same with its replies held back; counts what it lets through."""
    same = (text.strip().casefold(), decision.rule)
    recent.heard[same] += 1
    if not decision.replies or decision.exempt:
        recent.replies += len(decision.replies)
        return decision
    if recent.heard[same] > caps.repeats:
        return _silent(decision, TOO_MANY_REPEATS)
    if recent.replies + len(decision.replies) > caps.replies:
        return _silent(decision, TOO_MANY_REPLIES)
    recent.replies += len(decision.replies)
    return decision


def may_be_near(conversation: "OpenConversation", more: int, caps: Caps, now: datetime) -> bool:
    """Whether a conversation has enough messages, with `more` to come, for a cap to matter. Most never have."""
    if conversation.is_new:
        return False
    is_recent = now - conversation.last_message_at < WINDOW
    return is_recent and conversation.last_position + more > min(caps.repeats, caps.replies)


async def recall(
    connection: AsyncConnection, conversations: Collection["OpenConversation"], now: datetime
) -> dict[str, Recent]:
    """What was said in these conversations in the last hour, by conversation id."""
    recent = {conversation.id: Recent() for conversation in conversations}
    if not recent:
        return recent
    query = (
        select(
            messages.c.conversation_id, messages.c.direction, messages.c.text, messages.c.rule, func.count()
        )
        .where(
            messages.c.conversation_id.in_(recent),
            messages.c.created_at > now - WINDOW,
            messages.c.status != "suppressed",
        )
        .group_by(messages.c.conversation_id, messages.c.direction, messages.c.text, messages.c.rule)
    )
    for conversation_id, direction, text, rule, count in await connection.execute(query):
        if direction == "outbound":
            recent[conversation_id].replies += count
        else:
            recent[conversation_id].heard[text.strip().casefold(), rule] += count
    return recent


def _silent(decision: Decision, guard: str) -> Decision:
    return replace(
        decision,
        replies=(),
        withheld=decision.replies,
        silence=guard,
        marks=(*decision.marks, LOOKS_LIKE_A_LOOP),
    )
