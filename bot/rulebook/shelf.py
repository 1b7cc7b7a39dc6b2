"""The rule book in force: the last good one, whatever happens to the files."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import structlog
from watchfiles import awatch

from bot.rulebook.background import give_way, in_background
from bot.rulebook.book import Book
from bot.rulebook.findings import Finding, has_error
from bot.rulebook.loading import Loaded, load_folder, load_texts

#: Milliseconds in which further changes to the files still belong to the same save.
_SETTLING = 100

log = structlog.get_logger(__name__)


class NoGoodBook(Exception):
    """The rule files have errors and there is no earlier book to go on with; `findings` says which."""

    def __init__(self, folder: Path, findings: tuple[Finding, ...]) -> None:
        errors = "\n".join(str(finding) for finding in findings if finding.level == "error")
        super().__init__(f"The rule files in {folder} have errors; mend them, then start again.\n{errors}")
        self.findings = findings


async def _nothing() -> None:
    pass


class Shelf:
    """Holds the book that decides. A saved file takes effect as a whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._book: Book | None = None
        self._newest = Loaded(book=None, findings=())
        self._task: asyncio.Task[None] | None = None
        #: Awaited after another book has come into force.
        self.on_change: Callable[[], Awaitable[None]] = _nothing

    def open(self) -> None:
        """Read the files; raises `NoGoodBook`."""
        self._newest = load_folder(self.folder)
        if self._newest.book is None:
            raise NoGoodBook(self.folder, self._newest.findings)
        self._book = self._newest.book

    def fall_back(self, texts: Mapping[str, str]) -> bool:
        """After `open` has failed, go on with an earlier book; False when it is no good either."""
        self._book = load_texts(texts).book
        return self._book is not None

    @property
    def texts(self) -> Mapping[str, str]:
        """The files as they were read last, by name."""
        return self._newest.texts

    def book(self) -> Book:
        """The book in force. Only after `open`."""
        if self._book is None:
            raise RuntimeError("the shelf has not been opened")
        return self._book

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The errors in the files as they are now; empty when the book in force is the newest."""
        return tuple(finding for finding in self._newest.findings if finding.level == "error")

    def start(self) -> None:
        """Follow the files from now on."""
        self._task = asyncio.create_task(self._follow(), name="rules")

    async def stop(self) -> None:
        """Follow the files no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def reload(self) -> None:
        """Read the files again, off the event loop, and put a good book in force."""
        with _collector_at_rest():
            loaded = await in_background(load_folder, self.folder)
        self._newest = loaded
        if loaded.book is None or has_error(loaded.findings):
            for finding in self.errors:
                log.error("The rules were not taken; the book before stays in force", finding=str(finding))
            return
        if loaded.book.version == self.book().version:
            return
        old = [self.book()]
        before = old[0].version
        self._book = loaded.book
        await in_background(_let_go, old)
        await self.on_change()
        log.info(
            "The rules took effect", book=loaded.book.version, before=before, rules=len(loaded.book.rules)
        )

    async def _follow(self) -> None:
        while True:
            try:
                async for _ in awatch(self.folder, debounce=_SETTLING, step=_SETTLING // 2, recursive=False):
                    await self.reload()
            except (OSError, RuntimeError) as error:
                # The folder may be replaced as a whole, as a deployment does it: look for it again.
                log.warning("The folder of rules can't be followed; it is looked for again", cause=str(error))
                await asyncio.sleep(1)
                await self.reload()


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Keep what a book is made of out of the collector's sight for good.

    It lives until the next one; walking half a million new objects at once holds the event loop up for 80 ms.
    """
    is_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if is_on:
            gc.enable()


def _let_go(old: list[Book]) -> None:
    """Take a book apart rule by rule: 10,000 of them freed at once hold the event loop up for 40 ms."""
    rules = list(old.pop().rules)
    while rules:
        rules.pop()
        give_way()
