"""Where the rules live: in a folder, or in the database with a mirror of it here."""

from contextlib import AsyncExitStack
from functools import partial

from bot.rulebook.editing.live_book import BookChange, LiveBook
from bot.settings import Settings
from bot.storage.database import Database
from bot.storage.notices import Notices
from bot.storage.rule_history import RuleHistory
from bot.storage.rule_store import RuleStore, new_mirror, remove_mirror
from bot.storage.writer import Writer
from bot.supervisor import Supervisor


class RulePart:
    """The book in force, its history, and what it follows: its files, or what the database has."""

    def __init__(self, settings: Settings, database: Database, writer: Writer, notices: Notices) -> None:
        is_stored = settings.has_stored_rules
        self.live_book = LiveBook(new_mirror() if is_stored else settings.rules)
        self._store = RuleStore(database, writer, self.live_book, notices) if is_stored else None
        self._history = RuleHistory(database, writer, self.live_book, is_stored=is_stored)

    async def open(self, running: AsyncExitStack) -> None:
        """Read the rules; runs before the writer does.

        Raises `bot.rulebook.editing.live_book.NoGoodBook` and `bot.storage.rule_store.NoRulesStored`.
        """
        if self._store is not None:
            running.callback(partial(remove_mirror, self.live_book.folder))
            await self._store.open()
        await self._history.open_rules()

    def start(self, supervisor: Supervisor, running: AsyncExitStack) -> None:
        """Follow them from now on, until `running` ends."""
        if self._store is None:
            self.live_book.start(supervisor)
            running.push_async_callback(self.live_book.stop)
        else:
            self._store.start(supervisor)
            running.push_async_callback(self._store.stop)

    async def store(self, change: BookChange) -> None:
        """Store a book that took effect, and the edits that made it."""
        await self._history.store(change)
