"""The replicas that use a PostgreSQL, and which rule book each has in force."""

from datetime import UTC, datetime, timedelta

from msgspec import Struct
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.replica_tables import replicas
from bot.storage.sql import insert_for
from bot.supervisor import Supervisor

#: How long a replica counts as there after its last entry, and how long its row is kept.
_THERE = timedelta(seconds=20)
_KEPT = timedelta(days=1)


class Replica(Struct, frozen=True, kw_only=True):
    """A process that serves, as it says itself."""

    id: str
    #: Its machine and process.
    place: str
    #: The version of the rule book that it has in force, and since when.
    book: str
    book_since: datetime
    started_at: datetime
    seen_at: datetime


class ReplicaRoll:
    """Of a process that is alone: nobody else is on it."""

    def others(self) -> list[Replica]:
        """The other replicas that are there."""
        return []

    def note_book(self, version: str) -> None:
        """This replica has that rule book in force."""

    def start(self, supervisor: Supervisor) -> None:
        """Begin to be on it."""

    async def stop(self) -> None:
        """Leave it."""


def differing(mine: str, others: list[Replica]) -> list[Replica]:
    """The replicas that have another rule book in force."""
    return [each for each in others if each.book != mine]


async def enter_replicas(connection: AsyncConnection, entries: list[Replica]) -> list[None]:
    """Work for the writer: note that these replicas are there, and forget those that were gone long ago."""
    for entry in entries:
        values = {
            "place": entry.place, "book_version": entry.book, "book_since": entry.book_since,
            "started_at": entry.started_at, "seen_at": entry.seen_at,
        }  # fmt: skip
        statement = insert_for(connection, replicas).values(id=entry.id, **values)
        await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
    newest = max(entry.seen_at for entry in entries)
    await connection.execute(delete(replicas).where(replicas.c.seen_at < newest - _KEPT))
    return [None] * len(entries)


async def leave_replicas(connection: AsyncConnection, ids: list[str]) -> list[None]:
    """Work for the writer: these replicas have ended."""
    await connection.execute(delete(replicas).where(replicas.c.id.in_(ids)))
    return [None] * len(ids)


async def list_replicas(connection: AsyncConnection, now: datetime) -> list[Replica]:
    """The replicas that are there, the oldest first."""
    query = (
        select(replicas)
        .where(replicas.c.seen_at > now - _THERE)
        .order_by(replicas.c.started_at, replicas.c.id)
    )
    return [
        Replica(
            id=row.id,
            place=row.place,
            book=row.book_version,
            book_since=row.book_since.astimezone(UTC),
            started_at=row.started_at.astimezone(UTC),
            seen_at=row.seen_at.astimezone(UTC),
        )
        for row in await connection.execute(query)
    ]
