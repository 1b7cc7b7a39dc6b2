"""What was asked of other services, as people see it beside the message."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.fetches import FailedTry, fetches_of, read_answer


class FetchView(Struct, frozen=True, kw_only=True):
    """A fetch as the API, the console and the command line show it."""

    method: str
    url: str
    host: str
    #: `queued` (it is being asked), `answered`, `missing`, `failed` or `cancelled`.
    status: str
    #: What came; None where nothing did, or more than is kept.
    answer: Any
    #: Why nothing usable came, or whence the answer is.
    reason: str | None
    http_status: int | None
    #: How long the answer took.
    ms: int | None
    #: The tries that brought nothing.
    tries: list[FailedTry]
    asked_at: datetime
    updated_at: datetime


async def fetch_views(connection: AsyncConnection, message_ids: Collection[str]) -> dict[str, FetchView]:
    """The fetch of each of these inbound messages that has one."""
    found = await fetches_of(connection, message_ids)
    return {key: _view(row) for key, row in found.items()}


def _view(row: Row[Any]) -> FetchView:
    return FetchView(
        method=row.method,
        url=row.url,
        host=row.host,
        status=row.status,
        answer=read_answer(row.answer),
        reason=row.reason,
        http_status=row.http_status,
        ms=row.ms,
        tries=msgspec.convert(row.tries or [], list[FailedTry]),
        asked_at=row.created_at,
        updated_at=row.updated_at,
    )
