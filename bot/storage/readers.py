"""What a part is handed that only reads the database; `bot.storage.database.Database` is the real one.

Who may write is a type: the writer, the traffic counter and the start of the service hold the `Database`, everybody
else a `Readers`.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection


class Readers(Protocol):
    """Transactions that see one state of the database and change nothing."""

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Begin one; raises `bot.storage.database_errors.DatabaseUnavailable` when the database can't be read."""
        ...

    def asking(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """The same for one question, or several that need not see the same state."""
        ...


class Lookers(Protocol):
    """Reads over a connection that no page and no export takes."""

    def looking(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Begin a short transaction; raises as `Readers.reading` does."""
        ...


class LockSessions(Protocol):
    """Sessions that hold PostgreSQL's advisory locks; with SQLite one process has the file for itself."""

    is_sqlite: bool

    def session(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A session without a transaction: what it holds is free when it ends."""
        ...


class OrderedReaders(Readers, Protocol):
    """Reads, and may order of SQLite what is no part of a transaction."""

    is_sqlite: bool

    async def order(self, statement: str, *, beside: bool = False) -> Sequence[tuple[object, ...]]:
        """What it answers; `beside`: over a connection that is not the writer's."""
        ...


class SharedReaders(OrderedReaders, LockSessions, Protocol):
    """Both: for a part that reads, and shows other processes that it lives."""
