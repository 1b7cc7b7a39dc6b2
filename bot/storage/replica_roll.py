"""The roll of replicas: each enters itself every few seconds, and reads who else is there."""

import asyncio
import os
import socket
from uuid import uuid4

from bot.clock import Clock, is_set_within, utc_now
from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.notices import Notices
from bot.storage.readers import SharedReaders
from bot.storage.replicas import Replica, ReplicaRoll, enter_replicas, leave_replicas, list_replicas
from bot.storage.writer import StorageUnavailable, Writer
from bot.supervisor import Supervisor

#: The kind of notice that says that a replica has come, has gone, or has another rule book in force.
ROLL = "replicas"
#: Seconds between entries.
_EVERY = 5.0


class SharedReplicaRoll(ReplicaRoll):
    """Enters this replica every few seconds, and reads the others."""

    def __init__(
        self, readers: SharedReaders, writer: Writer, notices: Notices, clock: Clock = utc_now
    ) -> None:
        self.id = str(uuid4())
        self._readers = readers
        self._entries = writer.batch(enter_replicas)
        self._leaves = writer.batch(leave_replicas)
        self._notices = notices
        self._clock = clock
        self._started_at = self._book_since = clock()
        self._book = ""
        self._others: list[Replica] = []
        self._wake = asyncio.Event()
        self._is_news = True
        self._task: asyncio.Task[None] | None = None
        notices.on(ROLL, lambda _names: self._wake.set())

    def others(self) -> list[Replica]:
        """The other replicas that are there."""
        return self._others

    def note_book(self, version: str) -> None:
        """This replica has that rule book in force."""
        if version != self._book:
            self._book, self._book_since = version, self._clock()
            self._is_news = True
            self._wake.set()

    def start(self, supervisor: Supervisor) -> None:
        """Begin to be on it."""
        self._task = supervisor.watch("replicas", self._run)

    async def stop(self) -> None:
        """Leave it, unless the database does not let it."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self._leaves.submit([self.id])
        except (StorageUnavailable, *DATABASE_ERRORS):  # the others miss it soon
            return
        self._notices.tell(ROLL)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            is_news, self._is_news = self._is_news, False
            try:
                await self._entries.submit([self._entry()])
                async with self._readers.reading() as connection:
                    there = await list_replicas(connection, self._clock())
                self._others = [each for each in there if each.id != self.id]
            except (StorageUnavailable, *DATABASE_ERRORS):  # the database says so itself
                self._is_news = self._is_news or is_news
            else:
                if is_news:
                    self._notices.tell(ROLL)
            await is_set_within(self._wake, _EVERY)

    def _entry(self) -> Replica:
        return Replica(
            id=self.id,
            place=f"{socket.gethostname()}, process {os.getpid()}"[:255],
            book=self._book,
            book_since=self._book_since,
            started_at=self._started_at,
            seen_at=self._clock(),
        )


def roll_on(readers: SharedReaders, writer: Writer, notices: Notices, clock: Clock) -> ReplicaRoll:
    """The roll of the replicas on this database."""
    return ReplicaRoll() if readers.is_sqlite else SharedReplicaRoll(readers, writer, notices, clock)
