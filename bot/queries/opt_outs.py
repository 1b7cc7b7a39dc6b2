"""Who has opted out: in their conversations, and by lists that were brought along."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Row, Select, and_, func, literal, null, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.columns import Id
from bot.storage.consent_tables import consent_changes, imported_opt_outs
from bot.storage.pages import Key, Order, Page, read_stretch
from bot.storage.tables import conversations

OptOutSource = Literal["message", "carrier", "person", "import"]

_ON_A_PAGE_OF_AN_EXPORT = 5_000
_BY_NUMBER = Order(conversations.c.peer, conversations.c.number)
_LISTED_BY_NUMBER = Order(imported_opt_outs.c.peer, imported_opt_outs.c.number)


class OptOutView(Struct, frozen=True, kw_only=True):
    """Somebody who has opted out, as the API and the command line show it."""

    peer: str
    #: The number of ours that may not text them; None: none may.
    number: str | None
    #: When they said so, by their own time; None where a version before this one did not note it.
    at: datetime | None
    #: Whose word it is; None where a version before this one did not note it.
    source: OptOutSource | None
    #: What they wrote, or the reason that was given.
    words: str | None
    #: None: there is none yet.
    conversation_id: str | None


async def list_opt_outs(
    connection: AsyncConnection, digits: str | None = None, *, limit: int, cursor: str | None
) -> Page[OptOutView]:
    """Those who have opted out, by number; `digits` are part of it, `+` before them when they are its beginning.

    Raises `bot.storage.pages.WrongCursor`.
    """
    end = _BY_NUMBER.decode(cursor) if cursor else None
    rows = _rows(digits, behind=end, most=limit + 1).subquery()
    order = Order(rows.c.peer, rows.c.number)
    stretch = await read_stretch(connection, select(rows), order, limit=limit, end=end)
    said = await _last_said(connection, [row.conversation_id for row in stretch.rows if row.conversation_id])
    return Page(items=[_view(row, said.get(row.conversation_id)) for row in stretch.rows], next=stretch.next)


async def every_opt_out(
    reading: Callable[[], AbstractAsyncContextManager[AsyncConnection]],
) -> AsyncIterator[list[OptOutView]]:
    """All of them, some at a time."""
    cursor: str | None = None
    while True:
        async with reading() as connection:
            page = await list_opt_outs(connection, limit=_ON_A_PAGE_OF_AN_EXPORT, cursor=cursor)
        yield page.items
        cursor = page.next
        if cursor is None:
            return


async def count_opt_outs(connection: AsyncConnection) -> int:
    """How many there are."""
    return int(
        (await connection.execute(select(func.count()).select_from(_rows(None).subquery()))).scalar_one()
    )


def _rows(digits: str | None, *, behind: Key | None = None, most: int | None = None) -> Any:
    """Those of the conversations and those of the lists; of each the first `most` behind a number, in order."""
    table, listed = conversations.c, imported_opt_outs.c
    said = select(
        table.peer, table.number, table.consent_at.label("at"), null().label("reason"),
        table.id.label("conversation_id"),
    ).where(table.opted_out)  # fmt: skip
    # Where a conversation knows it itself, the list says nothing more; a list for every number still holds for others.
    # A value, not EXISTS: of that PostgreSQL makes a join, for which it reads all conversations before the page.
    known = (
        select(table.id)
        .where(
            table.peer == listed.peer,
            or_(table.number == listed.number, and_(listed.number == "", table.opted_out)),
        )
        .limit(1)
        .scalar_subquery()
    )
    brought = select(
        listed.peer, listed.number, listed.at, listed.reason, literal(None, Id).label("conversation_id")
    ).where(known.is_(None))
    parts = (
        (_with(said, table.peer, digits), _BY_NUMBER),
        (_with(brought, listed.peer, digits), _LISTED_BY_NUMBER),
    )
    # Each is cut by itself: sorted together, all of both would be read for every page.
    return union_all(*(_first(query, order, behind, most) for query, order in parts))


def _first(query: Select[Any], order: Order, behind: Key | None, most: int | None) -> Select[Any]:
    if most is None:
        return query
    if behind is not None:
        query = query.where(order.behind(behind))
    return select(query.order_by(*order.clauses).limit(most).subquery())


def _with(query: Select[Any], peer: Any, digits: str | None) -> Select[Any]:
    if digits is None:
        return query
    if digits.startswith("+"):
        return query.where(peer >= digits, peer < digits + "z", peer.startswith(digits))
    return query.where(peer.contains(digits))


async def _last_said(connection: AsyncConnection, ids: list[str]) -> dict[str, Any]:
    """By conversation, the newest opt-out that was noted."""
    query = (
        select(consent_changes.c.conversation_id, consent_changes.c.source, consent_changes.c.words)
        .where(consent_changes.c.conversation_id.in_(ids), consent_changes.c.opted_out)
        .order_by(consent_changes.c.id)
    )
    return {row.conversation_id: row for row in await connection.execute(query)} if ids else {}


def _view(row: Row[Any], said: Any) -> OptOutView:
    is_listed = row.conversation_id is None
    return OptOutView(
        peer=row.peer,
        number=row.number or None,
        at=row.at,
        source="import" if is_listed else None if said is None else said.source,
        words=row.reason if is_listed else None if said is None else said.words,
        conversation_id=row.conversation_id,
    )
