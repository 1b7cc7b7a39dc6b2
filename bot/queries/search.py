"""Conversations by what was said in them: a text, a rule that answered, or that none did.

There is no index over texts and rules, as each message that comes would have to be put into it: messages are looked at
from the newest back, a bounded number a request, and the answer says how far back that was and where to go on.
"""

import re
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Text, cast, false, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.queries.conversations import (
    LONGEST_WAIT_FIRST,
    NEWEST_FIRST,
    URGENT_FIRST,
    ConversationPage,
    conversation_views,
    list_conversations,
)
from bot.queries.filters import ConversationFilter, conditions_for
from bot.storage.pages import Key, Order, WrongCursor, read_stretch
from bot.storage.tables import conversations, messages
from bot.text.numbers import digits_typed
from bot.text.storable import make_storable

#: Messages that one request looks at: 20 to 30 ms (`benchmarks/console.py`).
LOOKED_AT = 30_000


class Search(ConversationFilter, frozen=True, kw_only=True):
    """Which conversations to find; None means any."""

    #: What a person typed: a number or part of one, or else part of a text.
    typed: str | None = None
    #: A rule that one of the messages met.
    rule: str | None = None
    #: A message met no rule, or none but these, which take anything.
    unmatched: Collection[str] | None = None


class Hit(Struct, frozen=True, kw_only=True):
    """The newest message of a conversation that is what was looked for."""

    message_id: str
    text: str
    at: datetime


class FoundBySearch(ConversationPage, frozen=True, kw_only=True):
    """A stretch of a listing; by conversation id the message for which it was found, if there is one."""

    hits: dict[str, Hit]


_BY_MESSAGE = Order(messages.c.id, newest_first=True, keys=("hit_id",))


#: What a message must fulfil, told of `messages` or of an alias of it.
_Match = Callable[[Any], ColumnElement[bool]]


async def find_conversations(
    connection: AsyncConnection,
    wanted: Search,
    *,
    limit: int,
    cursor: str | None,
    counted: bool = True,
    longest_wait_first: bool = False,
) -> FoundBySearch:
    """Conversations, newest first; those found by a message in the order of these. Raises `WrongCursor`.

    `longest_wait_first` is for `waiting`, where what was handed over urgently comes before the rest, and `unanswered`.
    """
    typed = make_storable(wanted.typed).strip() if wanted.typed else ""
    digits = digits_typed(typed)
    text = _says(typed, connection.dialect.name)
    matches = _matches(wanted)
    if typed and not digits:
        matches.append(text)
    if matches or (digits and cursor is not None and _is_by_message(cursor)):
        # Digits that are no number's may be an order's.
        return await _by_messages(
            connection, wanted, matches or [text], limit=limit, cursor=cursor, counted=counted
        )
    order = NEWEST_FIRST
    if longest_wait_first and (wanted.waiting or wanted.unanswered):
        order = URGENT_FIRST if wanted.waiting else LONGEST_WAIT_FIRST
    found = await list_conversations(
        connection,
        replace(wanted, digits=digits or wanted.digits),
        limit=limit,
        cursor=cursor,
        counted=counted,
        order=order,
    )
    if digits and not found.items and found.next is None and cursor is None:
        return await _by_messages(connection, wanted, [text], limit=limit, cursor=None, counted=counted)
    return FoundBySearch(items=found.items, next=found.next, searched_back_to=found.searched_back_to, hits={})


def meets_no_rule(catch_alls: Collection[str]) -> _Match:
    """An inbound message that met no rule, or none but these, and that nothing else kept from an answer."""

    def matches(message: Any) -> ColumnElement[bool]:
        no_rule = or_(message.rule.is_(None), message.rule.in_(catch_alls) if catch_alls else false())
        return _is_inbound(message) & no_rule & is_unguarded(message.decision)

    return matches


def is_unguarded(decision: ColumnElement[Any]) -> ColumnElement[bool]:
    """Of `messages.decision`: nothing held the answer back, such as an opt-out or a person who has taken over."""
    return ~cast(decision, Text).contains('"guard":')


async def _by_messages(
    connection: AsyncConnection,
    wanted: Search,
    matches: Collection[_Match],
    *,
    limit: int,
    cursor: str | None,
    counted: bool,
) -> FoundBySearch:
    end = None if cursor is None else _BY_MESSAGE.decode(cursor)
    conditions = await conditions_for(connection, wanted)
    # Where conversations are filtered, too, each message that matches costs a look at its own.
    floor = await _floor(connection, end, LOOKED_AT // 2 if conditions.all else LOOKED_AT)
    message, later = messages.c, messages.alias("later")
    newer = (
        select(later.c.id)
        .where(
            later.c.conversation_id == message.conversation_id,
            later.c.position > message.position,
            *(match(later.c) for match in matches),
        )
        .exists()
    )
    query = (
        select(
            conversations,
            message.id.label("hit_id"),
            message.text.label("hit_text"),
            message.created_at.label("hit_at"),
        )
        .join_from(messages, conversations, conversations.c.id == message.conversation_id)
        .where(*(match(message) for match in matches), *conditions.all, ~newer)
    )
    found = await read_stretch(
        connection, query, _BY_MESSAGE, limit=limit, end=end, floor=None if floor is None else (floor.id,)
    )
    return FoundBySearch(
        items=await conversation_views(connection, found.rows, counted=counted),
        next=found.next,
        searched_back_to=floor.created_at if floor is not None and found.ended_at_floor else None,
        hits={row.id: Hit(message_id=row.hit_id, text=row.hit_text, at=row.hit_at) for row in found.rows},
    )


async def _floor(connection: AsyncConnection, end: Key | None, looked_at: int) -> Any:
    """The last message that a request looks at; None when it may look at all that are left."""
    ids = select(messages.c.id).order_by(messages.c.id.desc())
    if end is not None:
        ids = ids.where(_BY_MESSAGE.behind(end))
    the_id = ids.limit(1).offset(looked_at - 1).scalar_subquery()
    query = select(messages.c.id, messages.c.created_at).where(messages.c.id == the_id)
    return (await connection.execute(query)).first()


def _matches(wanted: Search) -> list[_Match]:
    matches: list[_Match] = []
    if wanted.rule is not None:
        rule = wanted.rule
        matches.append(lambda message: _is_inbound(message) & (message.rule == rule))
    if wanted.unmatched is not None:
        matches.append(meets_no_rule(wanted.unmatched))
    return matches


def _says(text: str, dialect: str) -> _Match:
    on_sqlite = dialect == "sqlite"
    # Its LIKE tells upper from lower case outside ASCII; PostgreSQL's ILIKE doesn't.
    written_so = {text, text.lower(), text.upper(), text.capitalize()}
    patterns = sorted(written_so) if on_sqlite and not text.isascii() else [text]
    escaped = [re.sub(r"([/%_])", r"/\1", pattern) for pattern in patterns]

    def matches(message: Any) -> ColumnElement[bool]:
        like = message.text.like if on_sqlite else message.text.ilike
        return or_(*(like(f"%{pattern}%", escape="/") for pattern in escaped))

    return matches


def _is_inbound(message: Any) -> ColumnElement[bool]:
    return message.direction == literal_column("'inbound'")  # type: ignore[no-any-return]  # of a column


def _is_by_message(cursor: str) -> bool:
    try:
        _BY_MESSAGE.decode(cursor)
    except WrongCursor:
        return False
    return True
