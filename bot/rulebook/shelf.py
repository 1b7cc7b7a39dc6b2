"""The rule book in force: the last good one, whatever happens to the files."""

from pathlib import Path

from bot.rulebook.book import Book
from bot.rulebook.findings import Finding
from bot.rulebook.loading import Loaded, load_folder


class NoGoodBook(Exception):
    """The rule files have errors and there is no earlier book to go on with; `findings` says which."""

    def __init__(self, folder: Path, findings: tuple[Finding, ...]) -> None:
        errors = "\n".join(str(finding) for finding in findings if finding.level == "error")
        super().__init__(f"The rule files in {folder} have errors; mend them, then start again.\n{errors}")
        self.findings = findings


class Shelf:
    """Holds the book that decides."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._book: Book | None = None
        self._newest = Loaded(book=None, findings=())

    def open(self) -> None:
        """Read the files; raises `NoGoodBook`."""
        self._newest = load_folder(self.folder)
        if self._newest.book is None:
            raise NoGoodBook(self.folder, self._newest.findings)
        self._book = self._newest.book

    def book(self) -> Book:
        """The book in force. Only after `open`."""
        if self._book is None:
            raise RuntimeError("the shelf has not been opened")
        return self._book

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The errors in the files as they are now; empty when the book in force is the newest."""
        return tuple(finding for finding in self._newest.findings if finding.level == "error")
