"""Rule files are saved one at a time: checked with the whole book, written as one step, and in force at once."""

import asyncio
from collections.abc import Collection, Sequence

import msgspec

from bot.rulebook.background import TookTooLong, in_background, within
from bot.rulebook.book import free_incrementally
from bot.rulebook.collector import frozen_afterwards
from bot.rulebook.editing.folder import CannotWrite, FolderRefuses, RuleFolder, etag_of
from bot.rulebook.editing.live_book import Author, LiveBook, Overtaken
from bot.rulebook.files.loader import FilesRead, Loaded
from bot.rulebook.findings import Finding, has_error
from bot.rulebook.lint.check import LONGEST_CHECK, check_files
from bot.rulebook.simulate.loop_guard import USUAL_CAPS, Caps
from bot.rulebook.simulate.test_runner import BoundedRun

#: How often a save begins anew because other files changed on the disk while it was checked.
_MOST_TRIES = 5


class HasErrors(Exception):
    """The book would have errors with this text; nothing was changed. `findings` says which, and warnings too."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        first = next(each for each in findings if each.level == "error")
        more = sum(each.level == "error" for each in findings) - 1
        others = f" And {more} more." if more else ""
        super().__init__(f"The rules would have an error, so nothing was saved. {first}{others}")
        self.findings = findings


class TooSlowToSave(CannotWrite):
    """The check of the book was given up: nobody else could save meanwhile. Nothing was changed."""

    def __init__(self) -> None:
        super().__init__(
            "Nothing was saved: the check was given up, for it takes too long. The templates of the rules have too much"
            " to do. Make them plainer.",
        )


class _Moved(Exception):
    """Another file has changed on the disk since the book was checked."""


class FileText(msgspec.Struct, frozen=True, kw_only=True):
    """A rule file as it is now."""

    name: str
    text: str
    etag: str


class TestCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the book's tests pass; those that were not run, of which a finding tells, are in neither."""

    passed: int
    failed: int


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """What a save answers."""

    file: str
    #: The version of the book that is now in force.
    version: str
    #: Warnings and notes about the whole book.
    findings: tuple[Finding, ...]
    tests: TestCount


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to come into the place of a file; see `RuleFiles.save`."""

    name: str
    text: str | None
    expected: Collection[str] | None


class RuleFiles:
    """The rule files of the book in force, for people to read and to save."""

    def __init__(
        self, shelf: LiveBook, caps: Caps = USUAL_CAPS, secrets: Collection[str] | None = None
    ) -> None:
        #: The names of the secrets that rules may use; None where nobody knows.
        self.secrets = secrets
        self.folder = RuleFolder(shelf.folder)
        #: The loop guard's, as the tests of the files meet it.
        self.caps = caps
        self._shelf = shelf
        self._saving = asyncio.Lock()

    async def read(self, name: str) -> FileText:
        """A file; raises `bot.rulebook.editing.folder.NoSuchFile` or `Unreadable`."""
        text = await in_background(self.folder.text, name)
        return FileText(name=name, text=text, etag=etag_of(text))

    async def save(
        self, name: str, text: str | None, expected: Collection[str] | None, *, who: str, how: str
    ) -> Saved:
        """Put a text in the place of a file, or with None remove it; in force when this returns.

        `expected` is the entity tags of which the file must have one, None for a file that must be new.
        Raises `HasErrors`, and `Changed`, `CannotWrite` and `WrongName` of `bot.rulebook.editing.folder`; then nothing
        is changed.
        """
        return await self.save_all([FileChange(name=name, text=text, expected=expected)], who=who, how=how)

    async def save_all(self, changes: Sequence[FileChange], *, who: str, how: str) -> Saved:
        """The same for several files at once: checked together, and in force together."""
        for each in changes:
            self.folder.check_name(each.name)
        author = Author(file=changes[0].name, also=tuple(each.name for each in changes[1:]), who=who, how=how)
        async with self._saving:
            for _ in range(_MOST_TRIES):
                try:
                    return await self._save(changes, author)
                except _Moved:
                    continue
                except Overtaken:
                    await self._shelf.catch_up()
        raise FolderRefuses(self.folder.path, "other files there change all the time")

    async def _save(self, changes: Sequence[FileChange], author: Author) -> Saved:
        before = await in_background(self.folder.files)
        for each in changes:
            self.folder.check_unchanged(before, each.name, each.expected)
        after = self._changed(before, changes)
        with frozen_afterwards():
            try:
                loaded, tests = await in_background(_check, after, self.caps, self.secrets)
            except TookTooLong:
                raise TooSlowToSave from None
        if loaded.book is None or has_error(loaded.findings):
            findings, refused = loaded.findings, [loaded.book]
            del loaded
            await in_background(free_incrementally, refused)
            raise HasErrors(findings)

        def check() -> None:
            now = self.folder.files()
            # First: with the new texts in their places it would not show that the files themselves have changed.
            for each in changes:
                self.folder.check_unchanged(now, each.name, each.expected)
            if self._changed(now, changes) != after:
                raise _Moved

        def write() -> None:
            check()
            for each in changes:
                self.folder.write(each.name, each.text, each.expected)

        await self._shelf.save(after, loaded, write, author, check)
        return Saved(file=author.file, version=loaded.book.version, findings=loaded.findings, tests=tests)

    def _changed(self, files: FilesRead, changes: Sequence[FileChange]) -> FilesRead:
        for each in changes:
            files = self.folder.with_text(files, each.name, each.text)
        return files


def _check(files: FilesRead, caps: Caps, secrets: Collection[str] | None) -> tuple[Loaded, TestCount]:
    run = BoundedRun(caps)
    with within(LONGEST_CHECK):
        loaded = check_files(files, secrets, run)
    if run.outcomes is None:
        return loaded, TestCount(passed=0, failed=0)
    return loaded, TestCount(passed=run.outcomes.passed, failed=run.outcomes.failed)
