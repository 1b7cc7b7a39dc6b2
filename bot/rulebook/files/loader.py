"""Rule files become a book, or findings that say why not."""

import hashlib
import os
import stat
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import msgspec

from bot.rulebook.book import Book
from bot.rulebook.book_wide import BookWide
from bot.rulebook.collector import without_collection
from bot.rulebook.files.ask import names_saved
from bot.rulebook.files.book_wide import gather_hours, spoken_languages
from bot.rulebook.files.code_file import code_pools
from bot.rulebook.files.lookup import ROW
from bot.rulebook.files.rule_file import RuleFile, read_file
from bot.rulebook.files.tables import LARGEST_TABLE, TableFiles, is_csv
from bot.rulebook.files.yaml_tree import LARGEST_FILE
from bot.rulebook.findings import Finding, Report, has_error
from bot.rulebook.index import Index
from bot.rulebook.patterns import WrongPattern
from bot.rulebook.rules import Rule
from bot.rulebook.sender_numbers import OurNumber
from bot.rulebook.source import START, SourcePlace
from bot.rulebook.templates import ALWAYS

_KEPT_FROM_READERS = "A secret is for the headers of fetch alone, where nobody reads it; leave it out here."


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What reading rule files gave."""

    #: None when a finding is an error.
    book: Book | None
    findings: tuple[Finding, ...]
    #: The files as they were read, by name.
    texts: Mapping[str, str] = {}
    #: The CSV files that are named as tables.
    tables: frozenset[str] = frozenset()


class FilesRead(msgspec.Struct, frozen=True, kw_only=True):
    """The rule files as they are on the disk."""

    #: Those that could be read, by name.
    texts: Mapping[str, str]
    #: About those that could not.
    findings: tuple[Finding, ...]


def load_folder(path: Path) -> Loaded:
    """Read the `*.yaml` files of a folder in file-name order, or one file."""
    return load_files(read_files(path))


def load_files(files: FilesRead) -> Loaded:
    """Make a book of files that have been read."""
    unread = {finding.file for finding in files.findings if is_csv(finding.file)}
    loaded = load_texts(files.texts, unread)
    known = [each for each in files.findings if each.file not in unread or each.file in loaded.tables]
    findings = tuple(sorted([*known, *loaded.findings]))
    book = None if has_error(findings) else loaded.book
    return Loaded(book=book, findings=findings, texts=files.texts, tables=loaded.tables)


def read_files(path: Path) -> FilesRead:
    """The texts of the rule files of a folder, in file-name order, or of one file."""
    report = Report(str(path))
    texts: dict[str, str] = {}
    findings: list[Finding] = []
    try:
        # A link is followed once: a release that is switched meanwhile is read as a whole or not at all.
        files = _with_tables(path) if path.is_file() else sorted(path.resolve().iterdir())
    except FileNotFoundError:
        report.add("E109", START, f"The folder {path} does not exist; make it, or name another in BOT_RULES.")
        return FilesRead(texts={}, findings=tuple(report.findings))
    except OSError as error:
        report.add("E108", START, f"The folder {path} cannot be read: {error.strerror}.")
        return FilesRead(texts={}, findings=tuple(report.findings))
    for each in files:
        if each.name.startswith("."):
            continue
        about = Report(each.name)
        if each.suffix == ".yaml" or each == path or is_csv(each.name):
            text = _read(each, about)
            if text is not None:
                texts[each.name] = text
        elif each.suffix.lower() in {".yml", ".yaml"}:
            about.add("W112", START, f"{each.name} is not read: the names of rule files end in .yaml.")
        findings += about.findings
    if all(map(is_csv, texts)) and not has_error(each for each in findings if not is_csv(each.file)):
        report.add(
            "E110", START, f"The folder {path} has no rule file; put one there whose name ends in .yaml."
        )
        findings += report.findings
    return FilesRead(texts=texts, findings=tuple(findings))


def _with_tables(path: Path) -> list[Path]:
    """A single rule file, and the CSV files beside it that it may name."""
    try:
        text = path.read_text("utf-8", "replace")
    except OSError:
        return [path]
    if "tables" not in text and ".csv" not in text:
        return [path]
    beside = sorted(path.resolve().parent.iterdir())
    return [path, *(each for each in beside if is_csv(each.name) and each.name in text)]


def load_texts(texts: Mapping[str, str], unread: Collection[str] = ()) -> Loaded:
    """Read rule files and tables that are in memory: name to text; `unread` are tables that could not be read."""
    with without_collection():
        return msgspec.structs.replace(_load(texts, unread), texts=texts)


def _load(texts: Mapping[str, str], unread: Collection[str]) -> Loaded:
    reports = {name: Report(name) for name in sorted(texts)}
    book_wide = BookWide()
    tables = TableFiles(texts, reports, unread)
    files = [
        read_file(name, texts[name], report, book_wide, tables)
        for name, report in reports.items()
        if not is_csv(name)
    ]
    gather_hours(files, reports, book_wide)
    book_wide.languages = tuple(dict.fromkeys(code for file in files for code in file.languages))
    codes = [rule for file in files for rule in file.rules if rule.code]
    pools = code_pools(codes, texts, reports, unread)
    tables.used |= {rule.code.pool for rule in codes if rule.code and rule.code.file}
    tables.report_unused()
    _refuse_same_names(files, reports)
    _refuse_unknown_names(files, reports)
    _refuse_tests_of_unknown_rules(files, reports)
    numbers = _gather_numbers(files, reports)
    book = None
    if not any(has_error(report.findings) for report in reports.values()):
        rules = tuple(rule for file in files for rule in file.rules if rule.enabled)
        try:
            index = Index(rules)
        except WrongPattern as error:
            last = next(rule for rule in reversed(rules) for key in rule.keys if key.pattern)
            reports[last.file].add(error.code, SourcePlace(last.line, 1), f"Here {error}.")
        else:
            book = Book(
                version=_version(texts),
                files=tuple(name for name in reports if not is_csv(name) or name in tables.used),
                rules=rules,
                canned=tuple(text for file in files for text in file.canned),
                disabled=tuple(rule for file in files for rule in file.rules if not rule.enabled),
                tables=tables.tables,
                numbers=numbers,
                index=index,
                asks={rule.name: rule for rule in rules if rule.ask},
                fetches={rule.name: rule for rule in rules if rule.fetch},
                helps=tuple(rule for rule in rules if rule.help),
                tests=tuple(test for file in files for test in file.tests),
                code_pools=pools,
                book_wide=book_wide,
                languages=book_wide.languages,
                spoken=spoken_languages(rules, numbers, book_wide.languages),
                answered_countries={number: ours.answer for number, ours in numbers.items() if ours.answer},
                number_languages={number: ours.language for number, ours in numbers.items() if ours.language},
            )
    findings = sorted(finding for report in reports.values() for finding in report.findings)
    return Loaded(book=book, findings=tuple(findings), tables=frozenset(tables.used))


def _read(path: Path, report: Report) -> str | None:
    """A file's text, or None and a finding."""
    most = LARGEST_TABLE if is_csv(path.name) else LARGEST_FILE
    try:
        raw = _first_bytes(path, most + 1)
    except OSError as error:
        report.add("E108", START, f"{path.name} cannot be read: {error.strerror}.")
        return None
    if raw is None:
        report.add(
            "E108", START, f"{path.name} cannot be read: it is a folder, a pipe or a device, and no file."
        )
        return None
    if len(raw) > most:
        report.add("E103", START, f"{path.name} has more than {most:,} bytes. Split it up.")
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        place = SourcePlace(before.count("\n") + 1, len(before) - before.rfind("\n"))
        byte = f"0x{raw[error.start]:02X}"
        how = "it as CSV UTF-8 in your spreadsheet" if is_csv(path.name) else "the file as UTF-8"
        report.add("E101", place, f"{path.name} is not UTF-8: here stands the byte {byte}. Save {how}.")
        return None


def _first_bytes(path: Path, most: int) -> bytes | None:
    """The beginning of a file; None where there is something else, of which a pipe would keep its reader for ever."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(descriptor)


def _refuse_same_names(files: Sequence[RuleFile], reports: Mapping[str, Report]) -> None:
    """A name is unique in the book; within a file, reading has seen to it."""
    canned: dict[str, Rule] = {}
    for text in (text for file in files for text in file.canned):
        given = canned.setdefault(text.name, text)
        if given is not text:
            message = (
                f'The name "{text.name}" is already that of a canned text in {given.file}, line {given.line}.'
            )
            reports[text.file].add("E301", text.place, message)
    seen: dict[str, tuple[str, SourcePlace]] = {}
    for file in files:
        for name, place in file.places.items():
            if name in seen:
                first, where = seen[name]
                there = f"{first}, line {where.line}"
                reports[file.name].add(
                    "E301", place, f'The name "{name}" is already that of a rule in {there}.'
                )
            else:
                seen[name] = (file.name, place)


def _refuse_unknown_names(files: Sequence[RuleFile], reports: Mapping[str, Report]) -> None:
    """What any rule of the book saves, every template may use."""
    if any(finding.code.startswith("E1") for report in reports.values() for finding in report.findings):
        return  # a file that could not be read may be the one that defines them
    saved = {name for file in files for rule in file.rules for name, _ in rule.saves}
    saved.update(name for file in files for rule in file.rules if rule.ask for name in names_saved(rule.ask))
    saved.update(rule.code.save for file in files for rule in file.rules if rule.code)
    for file in files:
        known = sorted(ALWAYS | {name for rule in file.rules[:1] for name in rule.values} | saved)
        for name, place in file.uses:
            if name not in saved and not name.startswith("hours."):
                if name == "secret":
                    reports[file.name].add("E336", place, _KEPT_FROM_READERS)
                    continue
                hint = (
                    reports[file.name].did_you_mean(name, known)
                    or " Give it under values, as a named group, or by set."
                )
                if name == ROW:
                    hint = " Only a rule with when: {table: ...} has the row that was matched."
                reports[file.name].add("E306", place, f'Nothing defines the name "{name}".{hint}')


def _refuse_tests_of_unknown_rules(files: Sequence[RuleFile], reports: Mapping[str, Report]) -> None:
    known = {rule.name for file in files for rule in file.rules}
    for file in files:
        for turn in (turn for test in file.tests for turn in test.turns):
            if turn.rule is not None and turn.rule not in known and turn.rule_place:
                report = reports[file.name]
                message = f'There is no rule "{turn.rule}".{report.did_you_mean(turn.rule, known)}'
                report.add("E313", turn.rule_place, message)


def _gather_numbers(files: Sequence[RuleFile], reports: Mapping[str, Report]) -> dict[str, OurNumber]:
    """All numbers; two files may name the same one, but not say different things about it."""
    described: dict[str, tuple[OurNumber, str]] = {}
    for file in files:
        for number, place in file.described.items():
            ours = file.numbers[number]
            if number in described and described[number][0] != ours:
                other = described[number][1]
                reports[file.name].add(
                    "E310", place, f"{number} is described differently in {other}; say it once."
                )
            described.setdefault(number, (ours, file.name))
    named = {number: ours for file in files for number, ours in file.numbers.items()}
    return named | {number: ours for number, (ours, _) in described.items()}


def _version(texts: Mapping[str, str]) -> str:
    digest = hashlib.sha256()
    for name, text in sorted(texts.items()):
        for part in (name, text):
            raw = part.encode("utf-8", "replace")
            digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()[:12]
