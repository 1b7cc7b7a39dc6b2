"""Gathers what the files of a book share: named hours with their closed days, and languages."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from msgspec.structs import replace

from bot.rulebook.book_wide import BookWide
from bot.rulebook.files.rule_file import RuleFile
from bot.rulebook.findings import Report
from bot.rulebook.rules import Choice, Rule
from bot.rulebook.sender_numbers import OurNumber
from bot.rulebook.source import SourcePlace


def gather_hours(files: Sequence[RuleFile], reports: Mapping[str, Report], book_wide: BookWide) -> None:
    """Hand the hours of all files to their rules, and report names that none, or two, are called by.

    The closed days of a file close its own hours; those of a file without hours close all of the book.
    """
    everywhere = tuple(each for file in files if not file.hours for each in file.closures)
    book_wide.closures = {file.name: file.closures for file in files if file.closures}
    book_wide.hours_used = {name for file in files for name, _ in _hours_used(file)}
    for file in files:
        closures = tuple(sorted((*file.closures, *everywhere), key=lambda closure: closure.hours is None))
        for each in file.hours:
            first = book_wide.hours.get(each.name)
            if first is not None:
                there = f"{first.file}, line {first.place.line}"
                message = f'The hours "{each.name}" already stand in {there}; give them once.'
                reports[file.name].add("E334", each.place, message)
                continue
            book_wide.hours[each.name] = replace(each, closures=closures)
    if any(finding.code.startswith("E1") for report in reports.values() for finding in report.findings):
        return  # a file that could not be read may be the one that names them
    for file in files:
        for name, place in _hours_used(file):
            if name not in book_wide.hours:
                known = ", ".join(islice(book_wide.hours, 20))
                near = reports[file.name].did_you_mean(name, book_wide.hours)
                hint = near or (f" There are: {known}." if known else "")
                mend = hint or f' Give them at the top of a file: hours: {{{name}: "Mon-Fri 9:00-17:00"}}.'
                reports[file.name].add("E333", place, f'No file gives the hours "{name}".{mend}')


def _hours_used(file: RuleFile) -> Iterator[tuple[str, SourcePlace]]:
    for name, place in file.uses:
        if name.startswith("hours."):
            yield name.removeprefix("hours."), place


def all_choices(rule: Rule) -> Iterator[Choice]:
    """Everything that a rule says, its line in `{{ help }}` among it."""
    yield from replies_of(rule)
    yield from questions_of(rule)
    if rule.help:
        yield rule.help


def replies_of(rule: Rule) -> Iterator[Choice]:
    """What ends the matter: the reply, what is said in its place, and what is said later."""
    yield from rule.reply
    yield from rule.missing
    if rule.code:
        yield from rule.code.missing
    if rule.fetch:
        yield from rule.fetch.missing
        yield from rule.fetch.otherwise
    for later in rule.later:
        yield from later.reply
    if rule.handover:
        yield from rule.handover.back_reply


def questions_of(rule: Rule) -> Iterator[Choice]:
    """What is said while questions run, the word that they are cancelled among it."""
    if rule.ask:
        for question in rule.ask.questions:
            yield question.question
            if question.otherwise:
                yield question.otherwise
        yield from rule.ask.cancelled


def spoken_languages(
    rules: Sequence[Rule], numbers: Mapping[str, OurNumber], named: Sequence[str]
) -> tuple[str, ...]:
    """The languages of a book, those that are named first: of its texts, keywords and numbers."""
    found = dict.fromkeys(named)
    for rule in rules:
        if rule.plain is not None:
            continue
        found |= dict.fromkeys(key.language for key in rule.keys if key.language)
        found |= dict.fromkeys(code for choice in all_choices(rule) for code in choice.by_language)
        if rule.language:
            found[rule.language] = None
    found |= dict.fromkeys(ours.language for ours in numbers.values() if ours.language)
    return tuple(found)
