"""The rule book in force: the last good one, whatever happens to the files."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import structlog
from watchfiles import awatch

from bot.outage import Outage
from bot.rulebook.background import in_background
from bot.rulebook.book import Book, free_incrementally
from bot.rulebook.collector import frozen_afterwards
from bot.rulebook.editing.folder import FolderState, look_at
from bot.rulebook.files.loader import FilesRead, Loaded, load_texts, read_files
from bot.rulebook.findings import Finding, has_error
from bot.rulebook.mends.explanation import load_explained
from bot.supervisor import Supervisor

#: Milliseconds in which further changes to the files still belong to the same save.
_SETTLING = 100
#: Seconds between two looks at the files; of a large folder a look may take long, and then it is rarer.
_LOOK_EVERY = 0.3
#: Seconds after a change in which the files are read at each look: the clock of a network share may be coarse.
_UNSETTLED = 2.5

log = structlog.get_logger(__name__)


class NoGoodBook(Exception):
    """The rule files have errors and there is no earlier book to go on with; `findings` says which."""

    def __init__(self, folder: Path, findings: tuple[Finding, ...]) -> None:
        errors = "\n".join(str(finding) for finding in findings if finding.level == "error")
        super().__init__(f"The rule files in {folder} have errors; mend them, then start again.\n{errors}")
        self.findings = findings


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """Who saved a rule file through the bot."""

    file: str
    #: The other files that were saved with it.
    also: tuple[str, ...] = ()
    who: str
    #: Where they did: `api`, `console`, or `restore` for an older text that was put back.
    how: str


class BookChange(msgspec.Struct, frozen=True, kw_only=True):
    """A book that has come into force in the place of another."""

    version: str
    #: Its files, by name, and those of the book before it.
    texts: Mapping[str, str]
    before: Mapping[str, str]
    #: All other changes were made on the disk.
    author: Author | None


class Overtaken(Exception):
    """Another process has changed the rules since they were read."""


async def _nothing(_taken: object) -> None:
    pass


async def _nothing_more() -> None:
    pass


def _say_nothing() -> None:
    pass


class LiveBook:
    """Holds the book that decides. A saved file takes effect as a whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._book: Book | None = None
        self._texts: Mapping[str, str] = {}
        self._files: FilesRead | None = None
        self._newest = Loaded(book=None, findings=())
        self._tasks: list[asyncio.Task[None]] = []
        #: When looks at the files began that have not ended yet.
        self._looking: dict[object, float] = {}
        #: Set when the folder, or a parent, has become a link to another place.
        self._leads_elsewhere = asyncio.Event()
        self._changing = asyncio.Lock()
        self._outage = Outage(
            "The folder of rules can't be followed; it is looked for again",
            "The folder of rules is followed again",
            action="rules_not_followed",
        )
        #: Awaited after another book has come into force.
        self.on_change: Callable[[BookChange], Awaitable[None]] = _nothing
        #: Awaited before a save changes the files; it raises `Overtaken` where what they were is no longer true.
        self.before_write: Callable[[Loaded], Awaitable[None]] = _nothing
        #: Awaited when the files could not be changed after all that: takes back what `before_write` has done.
        self.write_failed: Callable[[], Awaitable[None]] = _nothing_more
        #: Awaited after `Overtaken`: reads what the other process has made of the rules.
        self.catch_up: Callable[[], Awaitable[None]] = _nothing_more
        #: Called after the files have changed, whatever came of it.
        self.on_read: Callable[[], None] = _say_nothing

    def open(self) -> None:
        """Read the files; raises `NoGoodBook`."""
        self._files = read_files(self.folder)
        self._newest = load_explained(self._files)
        if self._newest.book is None:
            raise NoGoodBook(self.folder, self._newest.findings)
        self._book = self._newest.book
        self._texts = self._newest.texts

    def fall_back(self, texts: Mapping[str, str]) -> bool:
        """After `open` has failed, go on with an earlier book; False when it is no good either."""
        self._book = load_texts(texts).book
        self._texts = texts
        return self._book is not None

    @property
    def texts(self) -> Mapping[str, str]:
        """The files of the book in force, by name."""
        return self._texts

    def book(self) -> Book:
        """The book in force. Only after `open`."""
        if self._book is None:
            raise RuntimeError("the shelf has not been opened")
        return self._book

    @property
    def files(self) -> FilesRead:
        """The files as they were on the disk when they were read last."""
        return self._files or FilesRead(texts=self._texts, findings=())

    @property
    def waits_for(self) -> float:
        """Seconds since a look at the files began that has not ended: a share that hangs answers nobody."""
        return max((time.monotonic() - since for since in self._looking.values()), default=0.0)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The errors in the files as they are now; empty when the book in force is the newest."""
        return tuple(finding for finding in self._newest.findings if finding.level == "error")

    def start(self, supervisor: Supervisor | None = None) -> None:
        """Follow the files from now on."""
        supervisor = supervisor or Supervisor()
        self._tasks = [
            supervisor.watch("rules", self._follow),
            supervisor.watch("rules, looked at", self._look),
        ]

    async def stop(self) -> None:
        """Follow the files no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def reload(self) -> None:
        """Read the files again, off the event loop, and put a good book in force."""
        async with self._changing:
            with self._is_looked_at():
                files = await in_background(read_files, self.folder)
            if files == self._files:
                return
            with frozen_afterwards():
                loaded = await in_background(load_explained, files)
            self._files = files
            await self._take(loaded, None)
            self.on_read()

    async def replace(self, change: Callable[[], Awaitable[None]]) -> None:
        """Have `change` write the files, and put what they make in force: nothing in between is read or saved."""
        async with self._changing:
            await change()
        await self.reload()

    async def save(
        self,
        files: FilesRead,
        loaded: Loaded,
        write: Callable[[], None],
        author: Author,
        check: Callable[[], None] = _say_nothing,
    ) -> None:
        """Have `write` change the files on the disk, and put what was `loaded` from them in force.

        `files` is how they are then. Nothing changes when `check` or `write` raises, or `Overtaken` is raised.
        """
        async with self._changing:
            await asyncio.to_thread(check)
            await self.before_write(loaded)
            try:
                await asyncio.to_thread(write)
            except Exception:
                await self.write_failed()
                raise
            self._files = files
            await self._take(loaded, author)
            self.on_read()

    @contextmanager
    def _is_looked_at(self) -> Iterator[None]:
        look = object()
        self._looking[look] = time.monotonic()
        try:
            yield
        finally:
            del self._looking[look]

    async def _take(self, loaded: Loaded, author: Author | None) -> None:
        self._newest = loaded
        if loaded.book is None or has_error(loaded.findings):
            for finding in self.errors:
                log.error(
                    "The rules have an error; the book before stays in force",
                    action="rules_refused",
                    finding=str(finding),
                )
            return
        before, texts = self.book(), self._texts
        if loaded.book.version == before.version:
            return
        self._book, self._texts = loaded.book, loaded.texts
        log.info(
            "The rules took effect",
            action="rules_took_effect",
            book=loaded.book.version,
            before=before.version,
            rules=len(loaded.book.rules),
        )
        old: list[Book | None] = [before]
        del before
        await in_background(free_incrementally, old)
        await self.on_change(
            BookChange(version=loaded.book.version, texts=loaded.texts, before=texts, author=author)
        )

    async def _follow(self) -> None:
        """Read the files as soon as the system reports a change."""
        await self.reload()  # an earlier run may have ended before it saw the newest change
        is_known = False
        while True:
            self._leads_elsewhere.clear()
            try:
                async for _ in awatch(
                    self.folder,
                    debounce=_SETTLING,
                    step=_SETTLING // 2,
                    recursive=False,
                    stop_event=self._leads_elsewhere,
                ):
                    await self.reload()
            except (OSError, RuntimeError) as error:
                # The folder may be replaced as a whole, as a deployment does it: look for it again.
                if not self.folder.is_dir():
                    self._outage.fail(str(error))
                elif not is_known:
                    log.warning(
                        "The system reports no changes of the rule files; the bot looks for them itself",
                        action="rules_watch_unavailable",
                        cause=str(error),
                    )
                    is_known = True
                await asyncio.sleep(1)

    async def _look(self) -> None:
        """Look for changes that the system does not report: on network shares, and behind links."""
        seen: FolderState | None = None
        changed_at = time.monotonic()
        while True:
            started = time.monotonic()
            with self._is_looked_at():
                state = await in_background(look_at, self.folder)
            took = time.monotonic() - started
            if state != seen:
                changed_at = started
            if seen is not None and state.leads_to != seen.leads_to:
                log.info(
                    "The folder of rules leads elsewhere now",
                    action="rules_folder_moved",
                    folder=state.leads_to,
                )
                self._leads_elsewhere.set()
            seen = state
            if started - changed_at < _UNSETTLED:
                await self.reload()
                if self.folder.is_dir():
                    self._outage.succeed()
            await asyncio.sleep(max(_LOOK_EVERY, took * 20))
