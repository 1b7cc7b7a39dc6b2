"""What the forwarder posts: a queue of rows in the database, and how its tries are recorded."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from msgspec import Struct
from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.inbox_tables import tries as failed_tries
from bot.storage.task_tables import forwards


class Posted(Struct, frozen=True, kw_only=True):
    """How one try to post ended; no reason means that it was taken."""

    reason: str | None = None
    is_final: bool = False
    retry_after: float | None = None


class Waiting(Struct, frozen=True, kw_only=True):
    """Something that is due to be posted."""

    #: The row's primary key.
    id: Any
    url: str
    body: str
    attempts: int
    #: Since when it waits: it is given up so long after this.
    created_at: datetime
    #: What the receiver knows a repeat by.
    event_id: str = ""
    #: The message that a rule forwards.
    message_id: str = ""
    #: The newest tries that failed.
    tries: Sequence[dict[str, Any]] = ()


class Tried(Struct, frozen=True, kw_only=True):
    """How a try ended, and what becomes of the row."""

    waiting: Waiting
    status: str
    now: datetime
    error: str | None = None
    next_try_at: datetime | None = None
    #: Milliseconds that the try took.
    ms: int = 0


class PostQueue(Protocol):
    """Rows that are to be posted."""

    #: What the log says of one that is given up, and of one that is tried again.
    failed_line: str
    delayed_line: str
    #: Whether all go to one receiver: while that takes nothing, it is asked with one of them at a time.
    has_one_receiver: bool
    #: Whether an answer that says no for good ends it, or is tried again like any other.
    gives_up_at_refusal: bool

    async def due(self, connection: AsyncConnection, now: datetime, limit: int) -> list[Waiting]:
        """The oldest that may be tried now."""
        ...

    async def record(self, connection: AsyncConnection, tries: list[Tried]) -> list[None]:
        """Work for `bot.storage.writer`."""
        ...

    async def give_up(self, connection: AsyncConnection, now: datetime, after: timedelta) -> int:
        """Mark as failed what has waited for longer than `after`; how many."""
        ...

    async def hurry(self, connection: AsyncConnection) -> None:
        """Let no row wait for its next try any more: the one receiver takes posts again."""
        ...


class RuleForwards:
    """The messages that rules forward, each to its own address."""

    failed_line = "A message could not be forwarded"
    delayed_line = "A message is forwarded again later"
    has_one_receiver = False
    gives_up_at_refusal = True

    async def due(self, connection: AsyncConnection, now: datetime, limit: int) -> list[Waiting]:
        """The oldest forwards that may be tried now."""
        query = (
            select(
                forwards.c.id, forwards.c.message_id, forwards.c.url, forwards.c.body, forwards.c.attempts,
                forwards.c.created_at,
            )
            .where(
                forwards.c.status == "queued",
                or_(forwards.c.next_try_at.is_(None), forwards.c.next_try_at <= now),
            )
            .order_by(forwards.c.id)
            .limit(limit)
        )  # fmt: skip
        return [Waiting(**row) for row in (await connection.execute(query)).mappings()]

    async def record(self, connection: AsyncConnection, tries: list[Tried]) -> list[None]:
        """Each row as its try has left it, and each try that failed, for whoever reads the conversation."""
        rows = [
            {
                "key": each.waiting.id, "new_status": each.status, "new_error": each.error,
                "new_next": each.next_try_at, "new_updated": each.now,
            }
            for each in tries
        ]  # fmt: skip
        await connection.execute(_RECORD_FORWARD, rows)
        failed = [
            {
                "message_id": each.waiting.message_id, "forward_id": each.waiting.id,
                "attempt": each.waiting.attempts + 1, "at": each.now, "reason": each.error,
            }
            for each in tries
            if each.error is not None
        ]  # fmt: skip
        if failed:
            await connection.execute(insert(failed_tries), failed)
        return [None] * len(tries)

    async def give_up(self, connection: AsyncConnection, now: datetime, after: timedelta) -> int:  # noqa: ARG002
        """A forward is given up when its own try fails."""
        return 0

    async def hurry(self, connection: AsyncConnection) -> None:
        """There is no one receiver."""


_RECORD_FORWARD = (
    update(forwards)
    .where(forwards.c.id == bindparam("key"))
    .values(
        status=bindparam("new_status"),
        attempts=forwards.c.attempts + 1,
        last_error=bindparam("new_error"),
        next_try_at=bindparam("new_next"),
        updated_at=bindparam("new_updated"),
    )
)
