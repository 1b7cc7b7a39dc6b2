"""What several replicas on one PostgreSQL divide their work by."""

import itertools
import time
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from typing import Final

from bot.clock import Clock
from bot.storage.commits import CommitNotifier
from bot.storage.database import Database
from bot.storage.duties import USUAL_DUTIES, DutyLimits, duties_on
from bot.storage.notices import notices_on
from bot.storage.replica_roll import roll_on
from bot.storage.writer import Writer
from bot.supervisor import Supervisor
from bot.web.console.live import Live
from bot.web.guesses import Guesses

#: The kinds of notices beside those of `bot.sending`: topics that pages show, and work for who has the duty.
TOPICS: Final = "topics"
FORWARDS: Final = "forwards"
FETCHES: Final = "fetches"
#: Addresses that showed a wrong token, each with a number that makes two guesses two.
GUESSES: Final = "guesses"


class ReplicaPart:
    """Duties, notices between replicas, and their roll; on SQLite there is nobody to divide with."""

    def __init__(
        self, database: Database, writer: Writer, clock: Clock, limits: DutyLimits = USUAL_DUTIES
    ) -> None:
        self.is_shared = not database.is_sqlite
        self.duties = duties_on(database, limits)
        self.notices = notices_on(database)
        self.roll = roll_on(database, writer, self.notices, clock)
        writer.has_company = self.roll.others

    def start(self, supervisor: Supervisor, running: AsyncExitStack, book: str) -> None:
        """Begin, with this rule book in force; all end with `running`, after what was started later."""
        self.notices.start(supervisor)
        running.push_async_callback(self.notices.stop)
        self.duties.start(supervisor)
        running.push_async_callback(self.duties.stop)
        self.roll.note_book(book)
        self.roll.start(supervisor)
        running.push_async_callback(self.roll.stop)

    def waking(self, kind: str, wake: Callable[[], None]) -> Callable[[], None]:
        """`wake`, for this replica and for the one that has the duty; also called when another one says so."""
        self.notices.on(kind, lambda _names: wake())

        def wake_all() -> None:
            wake()
            self.notices.tell(kind)

        return wake_all

    def announce(self, news: CommitNotifier, live: Live) -> None:
        """Have what commits change shown on open pages, of this replica and of the others."""

        def tell(topics: set[str] | None) -> None:
            live.announce(topics)
            if topics:
                self.notices.tell(TOPICS, topics)

        self.notices.on(TOPICS, live.announce)
        news.on_commit = tell if self.is_shared else live.announce
        news.is_heard = lambda: self.is_shared or live.is_awaited

    def count_together(self, guesses: Guesses) -> Guesses:
        """Have all replicas count the wrong tokens of an address as one; the same guesses."""
        numbers = itertools.count()

        def hear(told: Collection[str] | None) -> None:
            for each in told or ():  # so many that they can't be named come from many addresses
                guesses.hear(each.rpartition(" ")[0], time.monotonic())

        guesses.on_guess = lambda address: self.notices.tell(GUESSES, [f"{address} {next(numbers)}"])
        self.notices.on(GUESSES, hear)
        return guesses
