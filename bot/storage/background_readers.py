"""Reads for parts that look again and again: together they take few connections, however many of them look at once."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.readers import Readers

#: Looks at the same time. At a start all look at once, and each connection to PostgreSQL is a process of its own there.
_AT_ONCE = 2


class BackgroundReaders:
    """The same reads as those of `readers`, in turn: who looks waits for others who look, and for nobody else."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """As `Readers.reading`."""
        return self._in_turn(self._readers.reading())

    def asking(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """As `Readers.asking`."""
        return self._in_turn(self._readers.asking())

    @asynccontextmanager
    async def _in_turn(
        self, transaction: AbstractAsyncContextManager[AsyncConnection]
    ) -> AsyncGenerator[AsyncConnection]:
        async with self._turns, transaction as connection:
            yield connection
