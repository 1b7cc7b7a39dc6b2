"""Looks for what is allowed in a rule book and does not do what its author means: `bot rules check`."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
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
from bot.rulebook.files.tables import is_csv
from bot.rulebook.findings import Finding, Report
from bot.rulebook.lint.cost import find_costly_replies
from bot.rulebook.lint.languages import find_language_faults
from bot.rulebook.lint.named_hours import find_opening_faults
from bot.rulebook.lint.opt_out import find_opt_out_faults
from bot.rulebook.lint.secrets import find_missing_secrets
from bot.rulebook.lint.silent import find_silent_mistakes
from bot.rulebook.lint.unreachable import find_unreachable, untested
from bot.rulebook.mends.explanation import explained
from bot.rulebook.simulate.test_runner import Outcomes, run_tests
from bot.rulebook.source import SourcePlace

#: Seconds of work that the check of a text may take where others wait for it.
LONGEST_CHECK = 60.0
#: Runs the tests of a book, to tell what they do not cover.
RunTests = Callable[[Book], Outcomes]


def check(
    book: Book,
    secrets: Collection[str] | None = None,
    now: datetime | None = None,
    run: RunTests | None = run_tests,
) -> tuple[Finding, ...]:
    """What a book's author should know, at a time or now; an error does not keep the book from being used.

    `run` is how the tests are run; None: they are not, and nothing is said of them.
    """
    reports = {file: Report(file) for file in book.files}
    with without_collection():
        find_unreachable(book, reports)
        find_opt_out_faults(book, reports)
        find_costly_replies(book, reports)
        find_language_faults(book, reports)
        find_opening_faults(book, reports, now or datetime.now(UTC))
        if secrets is not None:
            find_missing_secrets(book, secrets, reports)
        if run is not None:
            _find_test_faults(book, run(book), reports)
    return tuple(sorted(finding for report in reports.values() for finding in report.findings))


def _find_test_faults(book: Book, outcomes: Outcomes, reports: Mapping[str, Report]) -> None:
    if not outcomes.not_run:
        for rule, sentence in untested(book, outcomes.rules):
            reports[rule.file].add("I416", rule.place, sentence)
        return
    first = book.tests[len(outcomes.tests)]
    some = "1 test was" if outcomes.not_run == 1 else f"{outcomes.not_run:,} tests were"
    message = (
        f"From here on {some} not run: all tests together take too long to be run here, where others wait."
        " `bot rules test` runs them all."
    )
    reports[first.file].add("W459", SourcePlace(first.line, 1), message)


def check_folder(path: Path, secrets: Collection[str] | None = None) -> Loaded:
    """Read a folder of rule files and check what they say, too; the book is there unless reading failed.

    `secrets` are the names of those that are set; None where nobody knows.
    """
    return _checked(load_folder(path), secrets)


def check_files(
    files: FilesRead, secrets: Collection[str] | None = None, run: RunTests | None = run_tests
) -> Loaded:
    """The same for the files of a folder that have been read; `run` as for `check`."""
    return _checked(load_files(files), secrets, run)


def check_texts(texts: Mapping[str, str], secrets: Collection[str] | None = None) -> Loaded:
    """The same for rule files in memory: name to text."""
    return _checked(load_texts(texts), secrets)


def _checked(
    loaded: Loaded, secrets: Collection[str] | None = None, run: RunTests | None = run_tests
) -> Loaded:
    if loaded.book is None:
        return explained(loaded)
    rule_files = {name: text for name, text in loaded.texts.items() if not is_csv(name)}
    reports = {file: Report(file) for file in rule_files}
    find_silent_mistakes(rule_files, reports)
    silent = [each for report in reports.values() for each in report.findings]
    findings = [*loaded.findings, *check(loaded.book, secrets, run=run), *silent]
    return explained(replace(loaded, findings=tuple(sorted(findings))))
