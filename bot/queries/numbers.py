"""Our numbers: what each may send, and what it has sent today."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.rulebook.sender_numbers import OurNumber, messages_per_minute
from bot.sending.day_limit import day_limit, read_use
from bot.storage.sql import status_is
from bot.storage.tables import messages


class NumberView(Struct, frozen=True, kw_only=True):
    """A number that the rule files name."""

    number: str
    kind: str
    per_minute: int | None
    per_day: int | None
    #: The beginnings of the numbers that it answers; empty: all.
    answer: tuple[str, ...]
    #: Replies that wait to be sent.
    queued: int
    #: Of a number with `per_day`: what has left today, and what may, with what a person added.
    used: int | UnsetType = UNSET
    allowed: int | UnsetType = UNSET
    #: Whether its replies wait until a person lets them go or the day ends.
    is_held: bool = False


async def read_numbers(
    connection: AsyncConnection, numbers: Mapping[str, OurNumber], now: datetime, reply_ttl: timedelta
) -> list[NumberView]:
    """Each number that the book names."""
    query = (
        select(messages.c.number, func.count().label("waiting"))
        .where(status_is("queued"))
        .group_by(messages.c.number)
    )
    queued = {row.number: row.waiting for row in await connection.execute(query)}
    views = []
    for number, ours in numbers.items():
        limit = day_limit(numbers, number)
        use = None if limit is None else await read_use(connection, number, limit, now, reply_ttl)
        views.append(
            NumberView(
                number=number,
                kind=ours.kind,
                per_minute=messages_per_minute(numbers, number),
                per_day=ours.per_day,
                answer=ours.answer,
                queued=queued.get(number, 0),
                used=UNSET if use is None else use.used,
                allowed=UNSET if use is None else use.allowed,
                is_held=use is not None and use.is_reached,
            )
        )
    return views
