"""Posts the messages that rules forward to an address, and tries again what did not go through."""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import structlog
from msgspec import Struct
from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import Clock, utc_now
from bot.measures import Measures
from bot.sending.backoff import wait_before_try
from bot.sending.limits import USUAL_FORWARDING, ForwardingLimits
from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.duties import Duties
from bot.storage.inbox_tables import tries
from bot.storage.readers import Readers
from bot.storage.task_tables import forwards
from bot.storage.writer import StorageUnavailable, Writer
from bot.supervisor import Supervisor

log = structlog.get_logger(__name__)


class Posted(Struct, frozen=True, kw_only=True):
    """How one try to post ended; no reason means that it was taken."""

    reason: str | None = None
    is_final: bool = False
    retry_after: float | None = None


class Poster(Protocol):
    """Posts a CloudEvent; `bot.wire.forward_client` is the real one."""

    async def post(self, url: str, body: bytes) -> Posted:
        """Never raises for what the network or the other side does."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Waiting(Struct, frozen=True, kw_only=True):
    """A forward that is due."""

    id: str
    message_id: str
    url: str
    body: str
    attempts: int
    created_at: datetime


async def due_forwards(connection: AsyncConnection, now: datetime, limit: int) -> list[Waiting]:
    """The oldest forwards that may be tried now."""
    query = (
        select(*(forwards.c[name] for name in Waiting.__struct_fields__))
        .where(
            forwards.c.status == "queued",
            or_(forwards.c.next_try_at.is_(None), forwards.c.next_try_at <= now),
        )
        .order_by(forwards.c.id)
        .limit(limit)
    )
    return [Waiting(**row) for row in (await connection.execute(query)).mappings()]


class Forwarder:
    """Posts what is queued, and tries again what did not go through."""

    def __init__(
        self,
        readers: Readers,
        writer: Writer,
        poster: Poster,
        *,
        limits: ForwardingLimits = USUAL_FORWARDING,
        clock: Clock = utc_now,
        measures: Measures | None = None,
        duties: Duties | None = None,
    ) -> None:
        """`duties`: what this replica may do; without them it is the only one."""
        self._measures = measures or Measures()
        self._limits = limits
        self._clock = clock
        self._readers = readers
        self._tries = writer.batch(_record_tries)
        self._poster = poster
        self._wake = asyncio.Event()
        self._duty = (duties or Duties()).duty("forwards", self._wake.set)
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False

    def start(self, supervisor: Supervisor | None = None) -> None:
        """Take up what an earlier run left queued, and wait for more."""
        self._task = (supervisor or Supervisor()).watch("forwarder", self._run)

    async def stop(self, patience: float = 10.0) -> None:
        """Begin no more posts and wait for those that run; what is not recorded by then is posted again later."""
        self._is_stopping = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=patience)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """Look for what is due, after a commit."""
        self._wake.set()

    async def _run(self) -> None:
        while not self._is_stopping:
            self._wake.clear()
            with suppress(*DATABASE_ERRORS, StorageUnavailable):  # each is logged where it is raised
                due = await self._due() if self._duty.is_ours else []
                if due:
                    tries = await asyncio.gather(*(self._try(forward) for forward in due))
                    await self._tries.submit(tries)
                    for forward, each in zip(due, tries, strict=True):
                        self._measures.forwards.add(urlsplit(forward.url).hostname or "", each["new_status"])
                    continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.look_again):
                    await self._wake.wait()

    async def _due(self) -> list[Waiting]:
        async with self._readers.reading() as connection:
            return await due_forwards(connection, self._clock(), self._limits.posts)

    async def _try(self, forward: Waiting) -> dict[str, Any]:
        posted = await self._poster.post(forward.url, forward.body.encode())
        now = self._clock()
        row = {"key": forward.id, "new_error": posted.reason, "new_next": None, "new_updated": now,
            "message": forward.message_id, "attempt": forward.attempts + 1}  # fmt: skip
        if posted.reason is None:
            return row | {"new_status": "delivered"}
        wait = wait_before_try(forward.attempts + 1, posted.retry_after, backoff=self._limits.backoff)
        if posted.is_final or now + wait - forward.created_at > self._limits.give_up_after:
            log.error(
                "A message could not be forwarded",
                action="forward_failed",
                url=forward.url,
                reason=posted.reason,
            )
            return row | {"new_status": "failed"}
        log.warning(
            "A message is forwarded again later",
            action="forward_delayed",
            url=forward.url,
            reason=posted.reason,
        )
        return row | {"new_status": "queued", "new_next": now + wait}


async def _record_tries(connection: AsyncConnection, made: list[dict[str, Any]]) -> list[None]:
    of_forwards = ("key", "new_error", "new_next", "new_updated", "new_status")
    await connection.execute(_RECORD_TRY, [{name: each[name] for name in of_forwards} for each in made])
    failed = [
        {
            "message_id": each["message"], "forward_id": each["key"], "attempt": each["attempt"],
            "at": each["new_updated"], "reason": each["new_error"],
        }
        for each in made
        if each["new_error"] is not None
    ]  # fmt: skip
    if failed:
        await connection.execute(insert(tries), failed)
    return [None] * len(made)


_RECORD_TRY = (
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
