"""Pages of a listing: the one place where a list is cut into pages and where a cursor is read.

A cursor comes from outside, so nothing in it may reach the database unchecked: what it may hold follows from the
types of the columns by which the list is sorted. A list can't forget the check, as it has no other way to a page.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import ColumnElement, Integer, Row, Select, literal, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.columns import Id, Number, UtcTime

Item = TypeVar("Item")

#: Where a page ends: the values of the columns by which the list is sorted.
Key = tuple[Any, ...]

#: By type of column, what a cursor may hold for it.
_AN_ID = Annotated[str, Meta(pattern=r"^[0-9a-f-]{36}\Z")]
_A_MOMENT = Annotated[datetime, Meta(tz=True)]
#: A phone number or the name of a sender; PostgreSQL takes no NUL.
_A_NUMBER = Annotated[str, Meta(max_length=64, pattern=r"^[^\x00]*\Z")]
_A_POSITION = Annotated[int, Meta(ge=0, lt=2**31)]


class WrongCursor(ValueError):
    """A cursor that did not come from this listing."""

    def __init__(self) -> None:
        super().__init__(
            "The cursor is not one that this list gave: leave it out to start from the beginning."
        )


class Page(Struct, Generic[Item], frozen=True, kw_only=True):
    """A stretch of a listing."""

    items: list[Item]
    #: Give it as `cursor` for the stretch after this one; None at the end.
    next: str | None


class Order:
    """What a list is sorted by, and so what its cursors hold."""

    def __init__(
        self, *columns: ColumnElement[Any], newest_first: bool = False, keys: tuple[str, ...] = ()
    ) -> None:
        """`keys`: the names under which rows have the columns, where these are not the columns' own."""
        self._columns = columns
        self._newest_first = newest_first
        self._keys = keys or tuple(str(getattr(column, "key", "")) for column in columns)
        self._shape: Any = tuple[*map(_shape_of, columns)]  # type: ignore[misc]  # made at run time

    @property
    def clauses(self) -> tuple[ColumnElement[Any], ...]:
        """For `order_by`."""
        return tuple(column.desc() if self._newest_first else column for column in self._columns)

    def behind(self, key: Key) -> ColumnElement[bool]:
        """The rows that come after the one with this key."""
        place, end = self._place, self._literal(key)
        return place < end if self._newest_first else place > end

    def up_to(self, key: Key) -> ColumnElement[bool]:
        """The rows that come before the one with this key, and that one."""
        place, end = self._place, self._literal(key)
        return place >= end if self._newest_first else place <= end

    def key_of(self, row: Any) -> Key:
        """The place of a row in the list."""
        return tuple(getattr(row, name) for name in self._keys)

    def encode(self, key: Key) -> str:
        """The cursor for the place in the list just behind `key`."""
        return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")

    def decode(self, cursor: str) -> Key:
        """The key in a cursor; raises `WrongCursor` when it can't be one of this list."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            key: Key = msgspec.json.decode(raw, type=self._shape)
            # Near the ends of the calendar a time has no counterpart in UTC.
            return tuple(part.astimezone(UTC) if isinstance(part, datetime) else part for part in key)
        except (binascii.Error, msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
            raise WrongCursor from None

    @property
    def _place(self) -> ColumnElement[Any]:
        return self._columns[0] if len(self._columns) == 1 else tuple_(*self._columns)

    def _literal(self, key: Key) -> ColumnElement[Any]:
        parts = [literal(part, column.type) for part, column in zip(key, self._columns, strict=True)]
        return parts[0] if len(parts) == 1 else tuple_(*parts)


class Stretch(Struct, frozen=True, kw_only=True):
    """The rows of one page, and where the next one begins."""

    rows: Sequence[Row[Any]]
    #: Cursor of the next page; None at the end.
    next: str | None
    #: All that was wanted down to the floor is shown; the list may go on behind it.
    ended_at_floor: bool = False


async def read_stretch(
    connection: AsyncConnection,
    query: Select[Any],
    order: Order,
    *,
    limit: int,
    end: Key | None,
    floor: Key | None = None,
) -> Stretch:
    """The rows of `query` behind `end`, `limit` at most.

    Nothing behind `floor` is looked at: then the page may be short, even empty, and yet have a next one.
    """
    query = query.order_by(*order.clauses).limit(limit + 1)
    if end is not None:
        query = query.where(order.behind(end))
    if floor is not None:
        query = query.where(order.up_to(floor))
    rows = (await connection.execute(query)).all()
    shown = rows[:limit]
    has_more = len(rows) > limit
    following = order.key_of(shown[-1]) if has_more else floor
    return Stretch(
        rows=shown,
        next=None if following is None else order.encode(following),
        ended_at_floor=floor is not None and not has_more,
    )


async def read_page(
    connection: AsyncConnection,
    query: Select[Any],
    order: Order,
    view: Callable[[Row[Any]], Item],
    *,
    limit: int,
    cursor: str | None,
) -> Page[Item]:
    """A page of `query`, each row as `view` shows it. Raises `WrongCursor`."""
    end = None if cursor is None else order.decode(cursor)
    stretch = await read_stretch(connection, query, order, limit=limit, end=end)
    return Page(items=[view(row) for row in stretch.rows], next=stretch.next)


def _shape_of(column: ColumnElement[Any]) -> Any:
    kind = column.type
    if isinstance(kind, UtcTime):
        return _A_MOMENT
    if isinstance(kind, Integer):
        return _A_POSITION
    if kind is Id:
        return _AN_ID
    if kind is Number:
        return _A_NUMBER
    raise TypeError(f"A list can't be sorted by {column}: nothing says what a cursor may hold of {kind!r}.")


async def whole_listing(page: Callable[[str | None], Awaitable[Page[Item]]]) -> list[Item]:
    """Every item of a listing; `page` is given a cursor."""
    items: list[Item] = []
    cursor = None
    while True:
        found = await page(cursor)
        items += found.items
        cursor = found.next
        if cursor is None:
            return items
