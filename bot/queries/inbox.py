"""What a person sees beside the conversations themselves: how many are where, what is unread, who is there."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.queries.filters import ConversationFilter, conditions_for
from bot.storage.inbox_tables import presences, reads, reply_drafts
from bot.storage.sql import direction_is
from bot.storage.tables import conversations, incidents, messages

#: Counting ends here: a person is told that there are more.
COUNTED_TO: Final = 999
#: Who has not been heard of for so long has gone; a page tells of itself every 20 s.
GONE_AFTER: Final = timedelta(seconds=50)
#: Who has not typed for so long writes no more.
_TYPING: Final = timedelta(seconds=8)


class InboxCounts(Struct, frozen=True, kw_only=True):
    """How many conversations each filter finds; `COUNTED_TO` and one for what has more."""

    mine: int
    waiting: int
    unanswered: int
    failed: int
    suppressed: int
    unconfirmed: int
    snoozed: int
    handed_over: int
    opted_out: int
    loop: int
    repeats: int
    may_be_opt_out: int


class OtherPerson(Struct, frozen=True, kw_only=True):
    """Somebody else who has the same conversation open."""

    name: str
    is_typing: bool


#: What each count counts.
FILTERS: Final[dict[str, ConversationFilter]] = {
    "waiting": ConversationFilter(waiting=True),
    "unanswered": ConversationFilter(unanswered=True),
    "failed": ConversationFilter(delivery="failed"),
    "suppressed": ConversationFilter(delivery="suppressed"),
    "unconfirmed": ConversationFilter(delivery="unconfirmed"),
    "snoozed": ConversationFilter(snoozed=True),
    "handed_over": ConversationFilter(handed_over=True),
    "opted_out": ConversationFilter(opted_out=True),
    "loop": ConversationFilter(incident="loop"),
    "repeats": ConversationFilter(incident="repeats"),
    "may_be_opt_out": ConversationFilter(incident="opt-out"),
}


async def count_inbox(connection: AsyncConnection, name: str) -> InboxCounts:
    """Each filter's count, by one trip to the database."""
    filters = {"mine": ConversationFilter(assigned_to=name)} | FILTERS
    counts = []
    for wanted in filters.values():
        if wanted.incident is None:
            conditions = await conditions_for(connection, wanted)
            found = select(conversations.c.id).where(*conditions.all)
        else:  # a conversation has one open incident of a kind at most
            is_open = incidents.c.closed_at.is_(None)
            found = select(incidents.c.conversation_id).where(is_open, incidents.c.kind == wanted.incident)
        within = found.limit(COUNTED_TO + 1).subquery()
        counts.append(select(func.count()).select_from(within).scalar_subquery())
    row = (await connection.execute(select(*counts))).one()
    return InboxCounts(**dict(zip(filters, row, strict=True)))


async def unread_among(
    connection: AsyncConnection, person: str, conversation_ids: Collection[str]
) -> set[str]:
    """Those in which the peer has written since this person looked.

    Where the person has never looked, it is unread while somebody waits there for an answer.
    """
    if not conversation_ids:
        return set()
    position = reads.c.position
    newer = (
        select(messages.c.id)
        .where(
            messages.c.conversation_id == conversations.c.id,
            messages.c.position > func.coalesce(position, 0),
            direction_is("inbound"),
        )
        .exists()
    )
    query = (
        select(conversations.c.id)
        .outerjoin(reads, (reads.c.conversation_id == conversations.c.id) & (reads.c.person == person))
        .where(
            conversations.c.id.in_(conversation_ids),
            or_(
                position < conversations.c.last_position,
                position.is_(None) & conversations.c.unanswered_since.is_not(None),
            ),
            newer,
        )
    )
    return set((await connection.execute(query)).scalars())


async def find_draft(connection: AsyncConnection, person: str, conversation_id: str) -> str:
    """What a person has written there and not sent; empty when there is nothing."""
    table = reply_drafts.c
    query = select(table.text).where(table.person == person, table.conversation_id == conversation_id)
    return (await connection.execute(query)).scalar() or ""


async def drafts_among(
    connection: AsyncConnection, person: str, conversation_ids: Collection[str]
) -> set[str]:
    """Those in which a person has a draft."""
    table = reply_drafts.c
    query = select(table.conversation_id).where(
        table.person == person, table.conversation_id.in_(conversation_ids)
    )
    return set((await connection.execute(query)).scalars())


async def others_in(
    connection: AsyncConnection, person: str, conversation_id: str, now: datetime
) -> list[OtherPerson]:
    """Who else has a conversation open."""
    table = presences.c
    query = select(table.name, table.seen_at, table.is_typing).where(
        table.conversation_id == conversation_id, table.person != person, table.seen_at > now - GONE_AFTER
    )
    return [
        OtherPerson(name=row.name, is_typing=row.is_typing and row.seen_at > now - _TYPING)
        for row in await connection.execute(query.order_by(table.name))
    ]
