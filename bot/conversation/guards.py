"""No loops: two auto-responders must not text each other for ever, and a stuck phone must not be answered for ever.

Replies to one conversation are counted, whatever their texts. Past the cap the bot is silent there until the
conversation has been quiet for an hour, or a person releases it: two bots that never pause are not started again by
the clock, and a person who comes back later is answered. Identical messages that meet the same rule are counted too:
past their cap that message alone stays unanswered, for as long as it keeps coming as often. What confirms an opt-out
or opt-in is always said. Each silence is an incident (`bot.conversation.incidents`) and stands in the decision. Why so:
docs/decisions/0003-how-a-silence-ends.md.
"""

from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.tables import messages
from bot.rulebook.decision import Decision

if TYPE_CHECKING:
    from bot.conversation.opened import OpenConversation

#: What the caps count in, and how long a silenced conversation must be quiet.
WINDOW = timedelta(hours=1)

TOO_MANY_REPLIES = "too many replies in an hour"
TOO_MANY_REPEATS = "the same message too often in an hour"
LOOKS_LIKE_A_LOOP = "it looks like another auto-responder"


class Caps(Struct, frozen=True, kw_only=True):
    """How much one conversation gets in an hour."""

    replies: int
    repeats: int


class Guarded(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the guards remember of a conversation; of nearly all of them, nothing."""

    #: Too many replies were sent.
    is_silent: bool = False
    #: When a person released it, POSIX seconds: what was said until then no longer counts.
    released: float = 0.0


SILENCED = Guarded(is_silent=True)


class Recent:
    """What was said in a conversation in the last hour."""

    __slots__ = ("heard", "is_silent", "replies")

    def __init__(self, *, is_silent: bool = False) -> None:
        self.is_silent = is_silent
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
    if recent.is_silent:
        return _silent(decision, TOO_MANY_REPLIES)
    if recent.heard[same] > caps.repeats:
        return _silent(decision, TOO_MANY_REPEATS)
    if recent.replies + len(decision.replies) > caps.replies:
        recent.is_silent = True
        return _silent(decision, TOO_MANY_REPLIES)
    recent.replies += len(decision.replies)
    return decision


def may_be_near(conversation: "OpenConversation", more: int, caps: Caps, now: datetime) -> bool:
    """Whether a conversation has enough messages, with `more` to come, for a cap to matter. Most never have."""
    if conversation.is_new:
        return False
    if conversation.guarded is not None:
        return True
    is_recent = now - conversation.last_message_at < WINDOW
    return is_recent and conversation.last_position + more > min(caps.repeats, caps.replies)


async def recall(
    connection: AsyncConnection, conversations: Collection["OpenConversation"], now: datetime
) -> dict[str, Recent]:
    """What was said in these conversations in the last hour, by conversation id; ends silences that are over."""
    recent: dict[str, Recent] = {}
    usual: list[str] = []
    for conversation in conversations:
        state = conversation.guarded
        if state is not None and _is_over(state, conversation.last_message_at, now):
            state = conversation.guarded = None
        recent[conversation.id] = Recent(is_silent=state is not None and state.is_silent)
        if state is None:
            usual.append(conversation.id)
        else:
            released = datetime.fromtimestamp(state.released, UTC)
            await _count(connection, recent, [conversation.id], max(now - WINDOW, released))
    await _count(connection, recent, usual, now - WINDOW)
    return recent


async def _count(
    connection: AsyncConnection, recent: dict[str, Recent], conversation_ids: list[str], since: datetime
) -> None:
    """Add what was said since then."""
    if not conversation_ids:
        return
    query = (
        select(
            messages.c.conversation_id, messages.c.direction, messages.c.text, messages.c.rule, func.count()
        )
        .where(
            messages.c.conversation_id.in_(conversation_ids),
            messages.c.created_at > since,
            messages.c.status != "suppressed",
            # What a person wrote is no reply of the bot's.
            or_(messages.c.direction == "inbound", messages.c.rule.is_not(None)),
        )
        .group_by(messages.c.conversation_id, messages.c.direction, messages.c.text, messages.c.rule)
    )
    for conversation_id, direction, text, rule, count in await connection.execute(query):
        if direction == "outbound":
            recent[conversation_id].replies += count
        else:
            recent[conversation_id].heard[text.strip().casefold(), rule] += count


def _is_over(state: Guarded, last_message_at: datetime, now: datetime) -> bool:
    began = (now - WINDOW).timestamp()
    return last_message_at.timestamp() <= began or (not state.is_silent and state.released <= began)


def _silent(decision: Decision, guard: str) -> Decision:
    return replace(
        decision,
        replies=(),
        withheld=decision.replies,
        silence=guard,
        marks=(*decision.marks, LOOKS_LIKE_A_LOOP),
    )
