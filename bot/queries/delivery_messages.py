"""The messages behind the figures of delivery: those of a state, a code, a country, a number or a rule."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.queries.delivery_counts import country_of
from bot.queries.traffic import failure_name, within
from bot.storage.pages import Order, Page
from bot.storage.sql import direction_is, status_is
from bot.storage.tables import conversations, messages

MessageState = Literal["delivered", "failed", "unconfirmed", "queued", "sent", "suppressed", "waiting"]
MESSAGE_STATES: Final[tuple[MessageState, ...]] = (
    "delivered", "failed", "unconfirmed", "queued", "sent", "suppressed", "waiting",
)  # fmt: skip

_NEWEST_FIRST: Final = Order(messages.c.id, newest_first=True)
#: Rows that are read at once, and that a request looks at.
_AT_ONCE, _LOOKED_AT = 500, 5_000
_PREFIX: Final = 5


class DeliveryFilter(Struct, frozen=True, kw_only=True):
    """Which outbound messages; None means any, an empty text those without."""

    since: datetime
    until: datetime
    #: `waiting`: queued or sent.
    state: MessageState | None = None
    #: Azure's code, or the words of a failure where there is none.
    code: str | None = None
    country: str | None = None
    number: str | None = None
    rule: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """What the database can tell of it."""
        wanted = [within(self.since, self.until), direction_is("outbound")]
        if self.state == "waiting":
            wanted.append(messages.c.status.in_(("queued", "sent")))
        elif self.state is not None:
            wanted.append(status_is(self.state))
        elif self.code is not None:
            wanted.append(messages.c.status.in_(("failed", "unconfirmed")))
        if self.number is not None:
            wanted.append(messages.c.number == self.number)
        if self.rule is not None:
            wanted.append(messages.c.rule == self.rule if self.rule else messages.c.rule.is_(None))
        if self.country:
            wanted.append(conversations.c.peer.startswith("+"))
        return wanted

    def holds(self, row: Any) -> bool:
        """What it can't: of which country a number is, and what code a failure has."""
        if self.country is not None and country_of(row.peer[:_PREFIX]) != self.country:
            return False
        return self.code is None or failure_name(row.status_details, row.failure_code) == self.code


class DeliveryMessage(Struct, frozen=True, kw_only=True):
    """An outbound message, as the list shows it."""

    id: str
    conversation_id: str
    number: str
    peer: str
    text: str
    rule: str | None
    status: str
    status_details: str | None
    failure_code: str | None
    opted_out: bool
    created_at: datetime
    updated_at: datetime


async def list_delivery_messages(
    connection: AsyncConnection, wanted: DeliveryFilter, *, limit: int, cursor: str | None
) -> Page[DeliveryMessage]:
    """The messages, newest first; a page may be short and yet have a next one. Raises `WrongCursor`."""
    end = None if cursor is None else _NEWEST_FIRST.decode(cursor)
    items: list[DeliveryMessage] = []
    for _ in range(_LOOKED_AT // _AT_ONCE):
        query = _SELECT.where(*wanted.conditions()).order_by(messages.c.id.desc()).limit(_AT_ONCE)
        if end is not None:
            query = query.where(_NEWEST_FIRST.behind(end))
        rows = (await connection.execute(query)).all()
        for row in rows:
            end = (row.id,)
            if wanted.holds(row):
                items.append(_view(row))
                if len(items) == limit:
                    return Page(items=items, next=_NEWEST_FIRST.encode(end))
        if len(rows) < _AT_ONCE:
            return Page(items=items, next=None)
    return Page(items=items, next=None if end is None else _NEWEST_FIRST.encode(end))


async def every_delivery_message(
    connection: AsyncConnection, wanted: DeliveryFilter
) -> AsyncIterator[list[DeliveryMessage]]:
    """All of them, some at a time."""
    cursor: str | None = None
    while True:
        page = await list_delivery_messages(connection, wanted, limit=_AT_ONCE, cursor=cursor)
        yield page.items
        cursor = page.next
        if cursor is None:
            return


_SELECT = select(
    messages.c.id, messages.c.conversation_id, conversations.c.number, conversations.c.peer, messages.c.text,
    messages.c.rule, messages.c.status, messages.c.status_details, messages.c.failure_code, conversations.c.opted_out,
    messages.c.created_at, messages.c.updated_at,
).join(conversations, conversations.c.id == messages.c.conversation_id)  # fmt: skip


def _view(row: Any) -> DeliveryMessage:
    return DeliveryMessage(**{name: getattr(row, name) for name in DeliveryMessage.__struct_fields__})
