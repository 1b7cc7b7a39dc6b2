"""Stores each rule book that takes effect, so that a mistake in the files can't keep the bot from starting."""

import structlog

from bot.rulebook.background import in_background
from bot.rulebook.editing.live_book import BookChange, LiveBook, NoGoodBook
from bot.storage.database import Database
from bot.storage.rule_books import KeptBook, find_last_book, keep_books
from bot.storage.rule_edits import edits_between, edits_in, keep_edits
from bot.storage.writer import StorageUnavailable, Writer

log = structlog.get_logger(__name__)


class RuleHistory:
    """Opens the rules at the start, and stores what changes later."""

    def __init__(
        self, database: Database, writer: Writer, live_book: LiveBook, *, is_stored: bool = False
    ) -> None:
        """`is_stored`: the rules live in the database, where `bot.storage.rule_store` has put each book."""
        self._is_stored = is_stored
        self._database = database
        self._books = writer.batch(keep_books)
        self._edits = writer.batch(keep_edits)
        self._live_book = live_book

    async def open_rules(self) -> None:
        """Read the rule files; with errors in them the last stored book takes effect.

        Raises `bot.rulebook.editing.live_book.NoGoodBook` when there is none. Runs before the writer does.
        """
        async with self._database.reading() as connection:
            last = await find_last_book(connection)
        try:
            self._live_book.open()
        except NoGoodBook as error:
            if last is None or not self._live_book.fall_back(last.texts):
                raise
            log.warning(
                "The last good rule book is in force",
                action="rules_fell_back",
                book=last.version,
                cause=str(error),
            )
            return
        if self._is_stored:
            return
        version, texts = self._live_book.book().version, self._live_book.texts
        edits = edits_between(last.texts, texts, version) if last else []
        async with self._database.writing() as connection:
            await keep_books(connection, [KeptBook(version=version, texts=texts)])
            if edits:
                await keep_edits(connection, edits)

    async def store(self, change: BookChange) -> None:
        """Store a book that took effect, and the edits that made it."""
        if self._is_stored and change.author is None:  # another process has stored both
            return
        try:
            if not self._is_stored:
                await self._books.submit([KeptBook(version=change.version, texts=change.texts)])
            # Of a table of 100,000 rows it takes too long for the event loop.
            await self._edits.submit(await in_background(edits_in, change))
        except StorageUnavailable as error:
            log.warning(
                "The rule book in force could not be stored for the next start",
                action="rules_not_stored",
                cause=str(error),
            )
