"""Drafts that are live for testers' phones alone; the book in force answers everybody else, and who tests a bad one."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext, suppress
from datetime import UTC, datetime

import structlog
from msgspec import Struct
from msgspec.structs import replace

from bot.clock import is_set_within
from bot.rulebook.background import TookTooLong, in_background, within
from bot.rulebook.collector import frozen_afterwards
from bot.rulebook.editing.draft_book import DraftBook, Testers
from bot.rulebook.editing.folder import etag_of
from bot.rulebook.editing.live_book import LiveBook
from bot.rulebook.editing.save import RuleFiles
from bot.rulebook.files.loader import FilesRead, Loaded
from bot.rulebook.findings import has_error
from bot.rulebook.lint.check import LONGEST_CHECK, check_files
from bot.storage.database import Database
from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.draft_testers import DraftTester, NamedTesters, list_testers, name_testers
from bot.storage.rule_drafts import RuleDraft, list_drafts
from bot.storage.writer import Writer
from bot.supervisor import Supervisor

#: Seconds between two looks: another process may have named testers, or changed a draft.
_LOOK_EVERY = 2.0
#: Characters of rules from which on a book is frozen, as those of the editor are.
_LARGE = 200_000

log = structlog.get_logger(__name__)

#: A person and a file, empty for a new one.
_Key = tuple[str, str]


class TestedDraft(Struct, frozen=True, kw_only=True):
    """A draft with its testers."""

    __test__ = False

    person: str
    #: Empty for a new file; and what the file is called then.
    file: str
    name: str
    numbers: tuple[str, ...]
    since: datetime
    #: What answers the testers; None: the book in force does.
    book: DraftBook | None = None
    #: Why, as a sentence.
    why_not: str = ""


def _say_nothing() -> None:
    pass


def _shown(tested: TestedDraft) -> tuple[object, ...]:
    """What pages say of it."""
    return tested.file, tested.name, tested.numbers, tested.why_not


class TestsOther(Exception):
    """A number tests another draft already; the message says so."""

    def __init__(self, numbers: Sequence[str]) -> None:
        which, test = (numbers[0], "tests") if len(numbers) == 1 else (" and ".join(numbers), "test")
        super().__init__(f"{which} {test} another draft already: take it out there first.")


class TestedDrafts:
    """Knows which draft answers whom, in this process; the database keeps who tests what."""

    __test__ = False

    def __init__(self, database: Database, writer: Writer, shelf: LiveBook, files: RuleFiles) -> None:
        self._database = database
        self._naming = writer.batch(name_testers)
        self._shelf = shelf
        self._files = files
        self._tested: dict[_Key, TestedDraft] = {}
        #: The files that each book was made of.
        self._made_of: dict[_Key, FilesRead] = {}
        self._testers: Testers = {}
        self._looking = asyncio.Lock()
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        #: Called when other phones test a draft, or it answers them no more or again.
        self.on_change: Callable[[], None] = _say_nothing

    def testers(self) -> Testers:
        """The books that answer testers, by number; empty when nobody tests a good draft."""
        return self._testers

    def all(self) -> list[TestedDraft]:
        """The drafts that have testers."""
        return list(self._tested.values())

    def of(self, person: str, file: str) -> TestedDraft | None:
        """The one of a person and a file."""
        return self._tested.get((person, file))

    def tested_by(self, number: str) -> TestedDraft | None:
        """The one that a number tests."""
        return next((each for each in self._tested.values() if number in each.numbers), None)

    async def start(self, supervisor: Supervisor) -> None:
        """Learn who tests what, before the first text comes; follow it from now on."""
        with suppress(*DATABASE_ERRORS):
            await self.look()
        self._task = supervisor.watch("testers of drafts", self._follow)

    async def stop(self) -> None:
        """Follow it no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """Something has changed: look soon."""
        self._woken.set()

    async def name(self, person: str, file: str, numbers: Sequence[str]) -> None:
        """Have these phones alone test a draft; in force when this returns.

        Raises `TestsOther` and `bot.storage.writer.StorageUnavailable`.
        """
        named = NamedTesters(person=person, file=file, numbers=tuple(numbers), at=datetime.now(UTC))
        (others,) = await self._naming.submit([named])
        await self.look()
        if others:
            raise TestsOther(others)

    async def look(self) -> None:
        """Read who tests what, and make the books of drafts that have changed; raises what a reading does."""
        async with self._looking:
            async with self._database.reading() as connection:
                testers = await list_testers(connection)
                people = {each.person for each in testers}
                drafts = await list_drafts(connection, people) if people else []
            by_key: dict[_Key, list[DraftTester]] = {}
            for each in testers:
                by_key.setdefault((each.person, each.file), []).append(each)
            tested = {key: await self._made(key, some, drafts) for key, some in by_key.items()}
            for gone in self._made_of.keys() - tested.keys():
                del self._made_of[gone]
            self._tell(tested)
            before, self._tested = self._tested, tested
            self._testers = {
                number: each.book
                for each in tested.values()
                if each.book is not None
                for number in each.numbers
            }
        if [_shown(each) for each in before.values()] != [_shown(each) for each in tested.values()]:
            self.on_change()

    async def _made(
        self, key: _Key, testers: Sequence[DraftTester], drafts: Sequence[RuleDraft]
    ) -> TestedDraft:
        own = [each for each in drafts if (each.person, each.file) == key]
        files = self._shelf.files
        live = _live(own, files.texts)
        tested = TestedDraft(
            person=key[0],
            file=key[1],
            name=(live or own[0]).name or key[1] if own else key[1],
            numbers=tuple(each.number for each in testers),
            since=min(each.since for each in testers),
        )
        if live is None:
            why = (
                "the file was saved meanwhile; bring the draft up to date"
                if own
                else "there is no draft any more"
            )
        elif not tested.name:
            why = "the new file has no name yet"
        elif live.file == "" and tested.name in files.texts:
            why = f"there is a file {tested.name} already"
        else:
            return await self._with_book(
                key, tested, self._files.folder.with_text(files, tested.name, live.text)
            )
        self._made_of.pop(key, None)
        return replace(tested, why_not=why)

    async def _with_book(self, key: _Key, tested: TestedDraft, files: FilesRead) -> TestedDraft:
        before = self._tested.get(key)
        if before is not None and self._made_of.get(key) == files:
            return replace(tested, book=before.book, why_not=before.why_not)
        is_large = sum(map(len, files.texts.values())) > _LARGE
        with frozen_afterwards() if is_large else nullcontext():
            try:
                loaded = await in_background(_check, files, self._files.secrets)
            except TookTooLong:
                loaded = None
        self._made_of[key] = files
        if loaded is None:
            return replace(tested, why_not="the templates have too much to do, so the check was given up")
        if loaded.book is None or has_error(loaded.findings):
            first = next(each for each in loaded.findings if each.level == "error")
            return replace(tested, why_not=f"the rules would have an error: {first}")
        return replace(tested, book=DraftBook(book=loaded.book, file=tested.name))

    def _tell(self, tested: Mapping[_Key, TestedDraft]) -> None:
        """Log what has come or ended, without anybody's number."""
        for key, each in tested.items():
            before = self._tested.get(key)
            if (before is not None and before.book is not None) == (each.book is not None):
                continue
            if each.book is not None:
                log.info(
                    "A draft is live for testers",
                    action="draft_live",
                    file=each.name,
                    testers=len(each.numbers),
                    book=each.book.book.version,
                )
            elif before is not None:
                self._tell_ended(each, each.why_not)
        for key in self._tested.keys() - tested.keys():
            if self._tested[key].book is not None:
                self._tell_ended(
                    self._tested[key],
                    "it was saved, discarded or ended, or whose it is may change rules no more",
                )

    @staticmethod
    def _tell_ended(each: TestedDraft, cause: str) -> None:
        log.info("A draft is live for testers no more", action="draft_not_live", file=each.name, cause=cause)

    async def _follow(self) -> None:
        while True:
            await is_set_within(self._woken, _LOOK_EVERY)
            self._woken.clear()
            with suppress(*DATABASE_ERRORS):
                await self.look()


def _check(files: FilesRead, secrets: Collection[str] | None) -> Loaded:
    with within(LONGEST_CHECK):
        return check_files(files, secrets, None)


def _live(drafts: Sequence[RuleDraft], texts: Mapping[str, str]) -> RuleDraft | None:
    """The draft that began from the text that is saved now."""
    for each in drafts:
        saved = texts.get(each.file) if each.file else None
        if each.base_etag == ("" if saved is None else etag_of(saved)):
            return each
    return None
