"""What is posted to addresses of others, and the queue of what rules forward: rows in the database."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Column, ColumnElement, Select, bindparam, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.inbox_tables import tries as failed_tries
from bot.storage.sql import status_is
from bot.storage.task_tables import forwards
from bot.text.hosts import destination_of

#: Rows that are given up, or get their destinations, in one transaction.
_AT_ONCE = 5_000
NOT_ASKED = "It did not answer others, and was not asked before the time was over."

#: No pause before the next try is as long (Retry-After counts for an hour at most): a time farther away was set by a
#: clock that was ahead, and nothing waits for it.
NO_PAUSE = timedelta(hours=2)


def may_be_tried(next_try_at: Column[datetime], now: datetime) -> ColumnElement[bool]:
    """Whether a row's pause is over."""
    return or_(next_try_at.is_(None), next_try_at <= now, next_try_at > now + NO_PAUSE)


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


class WaitingForward(Waiting, frozen=True, kw_only=True):
    """A message that is due to be forwarded."""

    destination: str
    #: When it was to be tried.
    next_try_at: datetime


class Tried(Struct, frozen=True, kw_only=True):
    """How a try ended, and what becomes of the row."""

    waiting: Waiting
    status: str
    now: datetime
    error: str | None = None
    next_try_at: datetime | None = None
    #: Milliseconds that the try took.
    ms: int = 0


class Placed(Struct, frozen=True, kw_only=True):
    """A forward that another version of the bot has queued, and where it goes."""

    id: str
    destination: str


class GivenUp(Struct, frozen=True, kw_only=True):
    """A forward that waited too long for a destination that does not answer."""

    id: str
    url: str


async def own_tries(
    connection: AsyncConnection, rows: Select[tuple[Any, str, int, datetime]], tries: Sequence[Tried]
) -> list[Tried]:
    """Those of the tries by which their rows still stand; they are locked until the transaction ends.

    `rows` selects `id`, `status`, `attempts` and `since` of a queue. A process that stood still may bring the end of
    a try after another one has made the next, and delivered it. What was given up meanwhile may still have arrived.
    """
    row_id = rows.selected_columns[0]
    query = rows.where(row_id.in_({each.waiting.id for each in tries})).order_by(row_id).with_for_update()
    standing = {row.id: row for row in await connection.execute(query)}
    own = []
    for each in tries:
        row = standing.get(each.waiting.id)
        if row is None or (row.attempts, row.since) != (each.waiting.attempts, each.waiting.created_at):
            continue
        if row.status == "queued" or (row.status, each.status) == ("failed", "delivered"):
            own.append(each)
            del standing[each.waiting.id]  # of two ends of one try the first one counts
    return own


class RuleForwards:
    """The messages that rules forward, each to its own address."""

    failed_line = "A message could not be forwarded"
    delayed_line = "A message is forwarded again later"
    gives_up_at_refusal = True

    async def destinations(self, connection: AsyncConnection, now: datetime | None = None) -> list[str]:
        """Where something is due, in the order of the alphabet; without a time, where anything is queued.

        One step in the index for each destination that has anything queued, however much that is.
        """
        first = select(func.min(forwards.c.destination).label("name")).where(_is_queued)
        found = first.cte("destinations", recursive=True)
        other = forwards.alias("other")
        after = select(func.min(other.c.destination)).where(
            status_is("queued", other.c.status), other.c.destination > found.c.name
        )
        found = found.union_all(select(after.scalar_subquery()).where(found.c.name.is_not(None)))
        query = select(found.c.name).where(found.c.name.is_not(None))
        if now is not None:
            query = query.where(
                exists().where(
                    _is_queued,
                    forwards.c.destination == found.c.name,
                    may_be_tried(forwards.c.next_try_at, now),
                )
            )
        return list((await connection.execute(query)).scalars())

    async def due(
        self,
        connection: AsyncConnection,
        now: datetime,
        destination: str,
        limit: int,
        *,
        is_down: bool = False,
    ) -> list[WaitingForward]:
        """The forwards that may be tried now at a destination, those first that have been due for longest.

        While it is down, those first that have been tried least: one that will always fail must not be what decides
        whether the others are tried.
        """
        query = (
            select(*_READ)
            .where(
                _is_queued,
                forwards.c.destination == destination,
                may_be_tried(forwards.c.next_try_at, now),
            )
            .order_by(*([forwards.c.attempts] if is_down else []), forwards.c.next_try_at, forwards.c.id)
            .limit(limit)
        )
        return [WaitingForward(**row) for row in (await connection.execute(query)).mappings()]

    async def unplaced(self, connection: AsyncConnection) -> list[Placed]:
        """What the version before this one has queued, which knew no destinations."""
        query = (
            select(forwards.c.id, forwards.c.url)
            .where(_is_queued, forwards.c.destination.is_(None))
            .limit(_AT_ONCE)
        )
        return [
            Placed(id=row.id, destination=destination_of(row.url)) for row in await connection.execute(query)
        ]

    async def place(self, connection: AsyncConnection, placed: list[Placed]) -> list[None]:
        """Work for `bot.storage.writer`: note where they go, and that they have been due from their beginning."""
        rows = [{"key": each.id, "new_destination": each.destination} for each in placed]
        await connection.execute(_PLACE_FORWARD, rows)
        return [None] * len(placed)

    async def record(self, connection: AsyncConnection, tries: list[Tried]) -> list[None]:
        """Work for `bot.storage.writer`: each row as its try has left it, and each try that failed, for people.

        What was erased while its post ran, or has been tried by another process since, is left as it is.
        """
        count = len(tries)
        tries = await own_tries(connection, _STANDS, tries)
        if not tries:
            return [None] * count
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
        return [None] * count

    async def give_up(
        self, connection: AsyncConnection, now: datetime, after: timedelta, destinations: Collection[str]
    ) -> list[GivenUp]:
        """Mark as failed what has waited for longer than `after` for destinations that do not answer."""
        query = (
            select(forwards.c.id, forwards.c.url)
            .where(_is_queued, forwards.c.destination.in_(destinations), forwards.c.created_at < now - after)
            .limit(_AT_ONCE)
        )
        ended = [GivenUp(id=row.id, url=row.url) for row in await connection.execute(query)]
        if ended:
            rows = [{"key": each.id, "new_updated": now} for each in ended]
            await connection.execute(_GIVE_UP_FORWARD, rows)
        return ended


_is_queued = status_is("queued", forwards.c.status)

_READ = (
    forwards.c.id, forwards.c.message_id, forwards.c.url, forwards.c.destination, forwards.c.body,
    forwards.c.attempts, forwards.c.created_at, forwards.c.next_try_at,
)  # fmt: skip
_STANDS = select(forwards.c.id, forwards.c.status, forwards.c.attempts, forwards.c.created_at.label("since"))
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
_PLACE_FORWARD = (
    update(forwards)
    .where(forwards.c.id == bindparam("key"))
    .values(
        destination=bindparam("new_destination"),
        next_try_at=func.coalesce(forwards.c.next_try_at, forwards.c.created_at),
    )
)
_GIVE_UP_FORWARD = (
    update(forwards)
    .where(forwards.c.id == bindparam("key"))
    .values(
        status="failed",
        last_error=func.coalesce(forwards.c.last_error, NOT_ASKED),
        next_try_at=None,
        updated_at=bindparam("new_updated"),
    )
)
