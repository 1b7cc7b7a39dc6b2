"""Each try of a send or a forward that did not go through, and what became of a message's forwards."""

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.inbox_tables import tries
from bot.storage.task_tables import forwards


class TryView(Struct, frozen=True, kw_only=True):
    """A try that did not go through."""

    #: 1, 2, 3 …
    attempt: int
    at: datetime
    reason: str


class ForwardView(Struct, frozen=True, kw_only=True):
    """A forward of an inbound message."""

    url: str
    #: `queued`, `delivered` or `failed`.
    status: str
    #: The tries that did not go through, the first one first.
    tries: list[TryView]
    #: When it was taken or given up; or when it was last tried.
    updated_at: datetime
    #: When it is tried again; None for what is not, or has not been tried yet.
    next_try_at: datetime | None


class Tries(Struct, frozen=True, kw_only=True):
    """What was tried for some messages, by the message's id."""

    sends: dict[str, list[TryView]]
    forwards: dict[str, list[ForwardView]]


async def tries_of(connection: AsyncConnection, inbound: Collection[str], outbound: Collection[str]) -> Tries:
    """The forwards of inbound messages and the tries of outbound ones."""
    sends: dict[str, list[TryView]] = {}
    of_forward: dict[str, list[TryView]] = {}
    found: dict[str, list[ForwardView]] = {}
    posted = []
    if inbound:
        query = select(forwards).where(forwards.c.message_id.in_(inbound)).order_by(forwards.c.id)
        posted = list(await connection.execute(query))
    wanted = [*outbound, *{row.message_id for row in posted}]
    if wanted:
        failed = select(tries).where(tries.c.message_id.in_(wanted)).order_by(tries.c.id)
        for row in await connection.execute(failed):
            kept = sends.setdefault(row.message_id, [])
            if row.forward_id is not None:
                kept = of_forward.setdefault(row.forward_id, [])
            kept.append(TryView(attempt=row.attempt, at=row.at, reason=row.reason))
    for row in posted:
        view = ForwardView(
            url=row.url,
            status=row.status,
            tries=of_forward.get(row.id, []),
            updated_at=row.updated_at,
            next_try_at=row.next_try_at if row.status == "queued" and row.attempts else None,
        )
        found.setdefault(row.message_id, []).append(view)
    return Tries(sends=sends, forwards=found)
