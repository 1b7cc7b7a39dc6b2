"""Looks for what is allowed in a rule book and does not do what its author means: `bot rules check`."""

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from bot.rulebook.book import Book
from bot.rulebook.collector import without_collection
from bot.rulebook.files.loader import (
    FilesRead,
    Loaded,
    load_files,
    load_folder,
    load_texts,
)
from bot.rulebook.findings import Finding, Report
from bot.rulebook.lint.cost import find_costly_replies
from bot.rulebook.lint.opt_out import find_opt_out_faults
from bot.rulebook.lint.silent import find_silent_mistakes
from bot.rulebook.lint.unreachable import find_unreachable, untested
from bot.rulebook.mends.explanation import explained
from bot.rulebook.simulate.test_runner import run_tests


def check(book: Book) -> tuple[Finding, ...]:
    """What a book's author should know; an error does not keep the book from being used."""
    reports = {file: Report(file) for file in book.files}
    with without_collection():
        find_unreachable(book, reports)
        find_opt_out_faults(book, reports)
        find_costly_replies(book, reports)
        for rule, sentence in untested(book, run_tests(book).rules):
            reports[rule.file].add("I416", rule.place, sentence)
    return tuple(sorted(finding for report in reports.values() for finding in report.findings))


def check_folder(path: Path) -> Loaded:
    """Read a folder of rule files and check what they say, too; the book is there unless reading failed."""
    return _checked(load_folder(path))


def check_files(files: FilesRead) -> Loaded:
    """The same for the files of a folder that have been read."""
    return _checked(load_files(files))


def check_texts(texts: Mapping[str, str]) -> Loaded:
    """The same for rule files in memory: name to text."""
    return _checked(load_texts(texts))


def _checked(loaded: Loaded) -> Loaded:
    if loaded.book is None:
        return explained(loaded)
    reports = {file: Report(file) for file in loaded.book.files}
    find_silent_mistakes(loaded.texts, reports)
    silent = [each for report in reports.values() for each in report.findings]
    return explained(
        replace(loaded, findings=tuple(sorted([*loaded.findings, *check(loaded.book), *silent])))
    )
