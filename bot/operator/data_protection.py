"""Keeping and erasing, as one part of the service: marks, the daily purge, and the erasure of people."""

from collections.abc import Callable, Collection

from bot.clock import TRUSTED, Clock, ClockTrust, utc_now
from bot.conversation.erasure_marks import ErasureMarks
from bot.conversation.restored import Doubt
from bot.operator.erasure import Eraser, Scrub
from bot.operator.purge import Purger
from bot.operator.purge_steps import Keep
from bot.operator.retention import Retention
from bot.settings import Settings
from bot.storage.duties import Duties
from bot.storage.readers import SharedReaders
from bot.storage.writer import Writer
from bot.supervisor import Supervisor
from bot.text.numbers import forget_numbers


def keep_of(settings: Settings) -> Keep:
    """For how long things are kept."""
    return Keep(
        messages=settings.keep_messages,
        answers=settings.keep_answers,
        rejected=settings.keep_rejected,
        values=settings.keep_values,
    )


class DataProtection:
    """What keeps personal data no longer than it is wanted."""

    def __init__(
        self,
        readers: SharedReaders,
        writer: Writer,
        settings: Settings,
        scrub: Scrub,
        on_erased: Callable[[Collection[str]], None],
        clock: Clock = utc_now,
        duties: Duties | None = None,
        trust: ClockTrust = TRUSTED,
    ) -> None:
        """`duties`: what this replica may do; without them it is the only one.

        `on_erased` is called with the ids of conversations that are gone, as are those that `tell` is given.
        """
        self._readers = readers
        self._on_erased = [on_erased]
        self.marks = ErasureMarks([key.reveal() for key in settings.erasure_keys])
        self.doubt = Doubt()
        is_alone = readers.is_sqlite  # SQLite is for one process
        # PostgreSQL runs what removes old rows beside what takes events, so that no message waits for it.
        self._own_writer = None if readers.is_sqlite else writer.beside()
        self.purger = Purger(readers, self._own_writer or writer, self.marks, is_alone=is_alone, clock=clock)
        self.eraser = Eraser(
            readers,
            writer,
            self.marks,
            announce=Purger(readers, writer, self.marks, is_alone=is_alone, clock=clock).announce,
            scrub=scrub,
            on_erased=self._let_go,
            clock=clock,
        )
        duty = (duties or Duties()).duty("retention")
        self._retention = Retention(self.purger.run, keep_of(settings), duty=duty, trust=trust)

    async def start(self, supervisor: Supervisor) -> None:
        """Learn whether the database came from a backup; purge daily from now on."""
        async with self._readers.reading() as connection:
            await self.doubt.read(connection)
        if self._own_writer is not None:
            self._own_writer.start(supervisor, "retention's writer")
        self._retention.start(supervisor)

    async def stop(self) -> None:
        """Purge no more."""
        await self._retention.stop()
        if self._own_writer is not None:
            self._own_writer.stop_retrying()
            await self._own_writer.stop()

    def tell(self, on_erased: Callable[[Collection[str]], None]) -> None:
        """Call this, too, when somebody is erased."""
        self._on_erased.append(on_erased)

    def _let_go(self, conversation_ids: Collection[str]) -> None:
        """Hold nothing in memory of who was erased."""
        forget_numbers()
        for on_erased in self._on_erased:
            on_erased(conversation_ids)
