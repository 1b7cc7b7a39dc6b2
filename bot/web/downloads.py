"""Downloads: files of any length, read from the database a part at a time while they are sent.

A download holds one part in memory, and no connection of the database between two parts. All downloads together read
over one connection: however many there are, pages and events find the others free.
"""

from asyncio import Semaphore
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakSet

from litestar.exceptions import HTTPException

from bot.storage.database import DatabaseConnection
from bot.storage.readers import Readers

#: Downloads at once: of one person, or of all who share a token; and of all.
MOST_OF_ONE_PERSON, MOST_OF_ALL = 5, 40
#: Seconds after which whoever was refused may ask again.
_AGAIN: Final = 10


class TooManyDownloads(HTTPException):
    """Somebody, or everybody together, downloads as much at once as may be; answered 429 with `Retry-After`."""

    def __init__(self, whose: str) -> None:
        super().__init__(
            detail=f"{whose} Wait until one of them has ended, then try again.",
            status_code=429,
            headers={"Retry-After": f"{_AGAIN}"},
        )


class Download(AsyncIterator[bytes]):
    """The parts of a file on its way to somebody."""

    def __init__(self, whose: str, parts: AsyncIterator[bytes]) -> None:
        self.whose = whose
        self._parts = parts
        self.is_over = False

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._parts)
        except BaseException:  # its end, an error, or a client that has gone
            self.is_over = True
            raise


class Downloads:
    """The downloads that run, and what they read with."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._turn = Semaphore(1)
        #: Those that somebody still sends: an answer that is dropped before its end lets go of its own.
        self._running: WeakSet[Download] = WeakSet()

    def begin(self, whose: str, parts: AsyncIterator[bytes]) -> Download:
        """The same parts, counted as a download of `whose` until their end; raises `TooManyDownloads`."""
        running = [each for each in self._running if not each.is_over]
        if sum(each.whose == whose for each in running) >= MOST_OF_ONE_PERSON:
            raise TooManyDownloads(f"{MOST_OF_ONE_PERSON} downloads of yours are under way.")
        if len(running) >= MOST_OF_ALL:
            raise TooManyDownloads(f"{MOST_OF_ALL} downloads are under way.")
        download = Download(whose, parts)
        self._running.add(download)
        return download

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[DatabaseConnection]:
        """Read a part, when it is this download's turn. Raises as `bot.storage.database.Database.reading` does."""
        async with self._turn, self._readers.reading() as connection:
            yield connection
