"""Rules that live in the database, for replicas that each have a disk of their own (`BOT_RULES=database:`).

A private folder mirrors the newest stored book, so that whatever reads rule files finds them as usual. A save is first
made in the database, where one of two that come at once is the first; then in the mirror.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import is_set_within
from bot.rulebook.editing.live_book import LiveBook, Overtaken
from bot.rulebook.files.loader import Loaded
from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.notices import Notices
from bot.storage.readers import Readers
from bot.storage.rule_books import KeptBook, find_book, find_last_book, keep_books
from bot.storage.tables import rule_books
from bot.storage.writer import StorageUnavailable, Writer
from bot.supervisor import Supervisor

#: The kind of notice that says that another book was stored.
RULES = "rules"
#: Seconds between looks for one that no notice announced.
_LOOK_EVERY = 5.0
#: The advisory lock of whoever stores a book.
_LOCK = 0x626F745F72756C65

log = structlog.get_logger(__name__)


class NoRulesStored(Exception):
    """The rules are to be in the database, and there are none yet."""

    def __init__(self) -> None:
        super().__init__(
            "BOT_RULES=database: says that the rules are in the database, and there are none yet: run"
            " `bot rules push DIR` with a folder of rule files."
        )


class BookSwap(Struct, frozen=True, kw_only=True):
    """A book that is to come into the place of the one that has this version; None: of whatever is there."""

    expected: str | None
    book: KeptBook


class RuleStore:
    """Keeps a mirror of the newest stored book, and has the live book follow it."""

    def __init__(self, readers: Readers, writer: Writer, live_book: LiveBook, notices: Notices) -> None:
        self._readers = readers
        self._swaps = writer.batch(swap_books)
        self._live_book = live_book
        self._notices = notices
        #: The version that the mirror shows.
        self._version = ""
        #: The version that the mirror showed before the newest save.
        self._before = ""
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        #: Held from the look at the newest version until its book is in force.
        self._catching_up = asyncio.Lock()
        live_book.before_write = self._store
        live_book.write_failed = self._take_back
        live_book.catch_up = self.catch_up
        notices.on(RULES, lambda _names: self._wake.set())

    async def open(self) -> None:
        """Make the mirror; raises `NoRulesStored`, and one of `DATABASE_ERRORS`."""
        async with self._readers.reading() as connection:
            newest = await find_last_book(connection)
        if newest is None:
            raise NoRulesStored
        await asyncio.to_thread(mirror, self._live_book.folder, newest.texts)
        self._version = newest.version

    def start(self, supervisor: Supervisor) -> None:
        """Follow what other replicas store from now on."""
        self._task = supervisor.watch("rules in the database", self._follow)

    async def stop(self) -> None:
        """Follow no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def catch_up(self) -> None:
        """Put the newest stored book in force; may raise one of `DATABASE_ERRORS`."""
        async with self._catching_up:
            async with self._readers.reading() as connection:
                if await find_last_version(connection) == self._version:
                    return
            await self._live_book.replace(self._read)

    async def _read(self) -> None:
        async with self._readers.reading() as connection:
            newest = await find_last_book(connection)
        if newest is not None:
            await asyncio.to_thread(mirror, self._live_book.folder, newest.texts)
            self._version = newest.version

    async def _store(self, loaded: Loaded) -> None:
        """Store what is about to be written into the mirror; raises `Overtaken` and `StorageUnavailable`."""
        if loaded.book is None:
            return
        book = KeptBook(version=loaded.book.version, texts=loaded.texts)
        (is_stored,) = await self._swaps.submit([BookSwap(expected=self._version, book=book)])
        if not is_stored:
            raise Overtaken
        self._before, self._version = self._version, book.version
        self._notices.tell(RULES)

    async def _take_back(self) -> None:
        """Store the book from before a save that did not reach the mirror, unless another one has come upon it.

        Whatever comes of that, the mirror shows nothing that is known, so the newest stored book is read into it.
        """
        stored, self._version = self._version, ""
        self._wake.set()
        try:
            async with self._readers.reading() as connection:
                before = await find_book(connection, self._before)
            if before is not None:
                await self._swaps.submit([BookSwap(expected=stored, book=before)])
                self._notices.tell(RULES)
        except (StorageUnavailable, *DATABASE_ERRORS):
            log.warning(
                "A save that failed could not be taken back: the book is in the database and comes into force",
                action="rules_not_taken_back",
                book=stored,
            )

    async def _follow(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self.catch_up()
            except DATABASE_ERRORS:  # the database says so itself
                log.debug("The rules in the database could not be read", action="rules_not_read")
            await is_set_within(self._wake, _LOOK_EVERY)


def new_mirror() -> Path:
    """A private folder for a mirror."""
    return Path(tempfile.mkdtemp(prefix="bot-rules-"))


def remove_mirror(folder: Path) -> None:
    """The service has ended."""
    shutil.rmtree(folder, ignore_errors=True)


def mirror(folder: Path, texts: Mapping[str, str]) -> None:
    """Have just these files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        if file.name not in texts:
            file.unlink()
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode())


async def find_last_version(connection: AsyncConnection) -> str | None:
    """The version of the book that was stored last."""
    query = select(rule_books.c.version).order_by(rule_books.c.in_force_since.desc()).limit(1)
    return (await connection.execute(query)).scalar()


async def swap_books(connection: AsyncConnection, swaps: list[BookSwap]) -> list[bool]:
    """Work for the writer: store each book unless another one than expected is the newest; whether it was stored."""
    if connection.dialect.name != "sqlite":
        await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    done = []
    for swap in swaps:
        newest = select(rule_books.c.version, rule_books.c.in_force_since)
        last = (
            await connection.execute(newest.order_by(rule_books.c.in_force_since.desc()).limit(1))
        ).first()
        is_due = swap.expected is None or last is None or last.version == swap.expected
        if is_due:
            # Newer than the last, by whatever clock that one was stored.
            after = last.in_force_since + timedelta(milliseconds=1) if last else datetime.now(UTC)
            await keep_books(connection, [swap.book], after=after)
        done.append(is_due)
    return done
