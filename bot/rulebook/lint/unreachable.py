"""Finds rules and keywords that no message ever reaches, and names the rule that stands before them."""

import re
from collections.abc import Iterator, Mapping

from bot.rulebook.background import give_way
from bot.rulebook.book import Book
from bot.rulebook.conditions import Only
from bot.rulebook.files.fields import shortened
from bot.rulebook.files.quotes import double_quoted
from bot.rulebook.findings import Report, listed
from bot.rulebook.lint.tables import as_row_key, row_keys
from bot.rulebook.matched_key import KeyKind
from bot.rulebook.rules import Rule, WhenKey
from bot.rulebook.source import SourcePlace
from bot.text.looks import UNWRITTEN
from bot.text.numbers import number_meant, prefix_meant

#: Which kinds of an earlier key take every message that a later one listens for, given that the earlier one takes
#: the later one's words as a message.
_TAKEN_BY: Mapping[KeyKind, frozenset[KeyKind]] = {
    "exact": frozenset({"exact", "keyword", "fuzzy", "contains", "all_words", "anything"}),
    "keyword": frozenset({"keyword", "fuzzy", "contains", "all_words", "anything"}),
    "contains": frozenset({"contains", "all_words", "anything"}),
    "all_words": frozenset({"all_words", "contains", "anything"}),
    "table": frozenset({"anything"}),
    "exact_table": frozenset({"anything"}),
    "fuzzy": frozenset({"fuzzy", "anything"}),
    "looks_like": frozenset({"looks_like", "anything"}),
    "pattern": frozenset({"pattern", "anything"}),
    "anything": frozenset({"anything"}),
}
#: Earlier keys that are looked at for one key.
_MOST_LOOKED_AT = 100
#: Rows of a table of which it is told that an earlier rule takes them.
_MOST_ROWS_TOLD = 20
#: Numbers of a file that are named where a rule is for none of them.
_MOST_NUMBERS_TOLD = 5
_BEGINNING = re.compile(r"\+?\d*")
_NUMBER = re.compile(r"\+?\d[\d ().-]*\d|\+?\d")


def find_unreachable(book: Book, reports: Mapping[str, Report]) -> None:
    """Report rules that can never answer, and keywords that do nothing where they stand."""
    catch_all: list[int] = []
    patterns: dict[str, list[int]] = {}
    entry = 0
    for rule in book.rules:
        give_way()
        report = reports[rule.file]
        takers: list[tuple[WhenKey, Rule, WhenKey] | None] = []
        own: set[object] = set()
        for key in rule.keys:
            if key.table is not None:
                takers.append(_table_taker(book, rule, key, entry, reports))
                entry += 1
                continue
            same = (key.kind, key.rich or key.words or key.text)
            if same in own:
                report.add("W403", key.place, f"The {key.label} is given twice in this rule; once is enough.")
            own.add(same)
            before = _before(book, key, entry, catch_all, patterns)
            takers.append(_taker(book, rule, key, entry, before))
            if key.kind == "anything":
                catch_all.append(entry)
            elif key.pattern:
                patterns.setdefault(key.text, []).append(entry)
            entry += 1
        _report(rule, takers, report)
        if rule.only:
            _report_contradictions(rule, rule.only, report)


def _report_contradictions(rule: Rule, only: Only, report: Report) -> None:
    """Conditions that nothing meets."""
    place = rule.keys[0].place if rule.keys else rule.place
    if len(set(only.open)) == 1 and set(only.open) == set(only.closed):
        message = (
            f'The hours "{only.open[0]}" are never open and closed at once, so this rule can never answer.'
        )
        report.add("E402", place, message)
    if only.tagged and set(only.tagged) <= set(only.not_tagged):
        message = f'Nothing is tagged "{min(only.tagged)}" and not, so this rule can never answer.'
        report.add("E402", place, message)
    _report_numbers(rule, only, place, report)


def _report_numbers(rule: Rule, only: Only, place: SourcePlace, report: Report) -> None:
    """Numbers in conditions that no message comes from, or to."""
    kinds = (("begins with", only.sender, prefix_meant), ("is", only.recipient, number_meant))
    for what, numbers, meant in kinds:
        none = [each for each in numbers if _is_no_number(each)]
        if not none:
            continue
        never = ", so this rule can never answer" if len(none) == len(numbers) else ""
        several = [meant(each) or each for each in _NUMBER.findall(none[0])]
        mend = "numbers are + and digits, such as +33"
        if len(several) > 1:
            mend = f"write a list: [{', '.join(map(double_quoted, several))}]"
        message = f'No number {what} "{shortened(none[0])}"{never}; {mend}.'
        report.add("E402" if never else "W422", place, message)
        if never:
            return
    if rule.numbers and only.recipient and rule.numbers.isdisjoint(only.recipient):
        message = (
            f"This rule can never answer: it is only for messages to {listed(only.recipient)}, and its file serves"
            f" only {listed(sorted(rule.numbers)[:_MOST_NUMBERS_TOLD], 'and')}."
        )
        report.add("E402", place, message)


def _is_no_number(text: str) -> bool:
    """Whether a text is neither a number, or the beginning of one, nor a name that a message can come from."""
    if _BEGINNING.fullmatch(text):
        return False
    return text.startswith("+") or not any(each.isalpha() for each in text)


def _before(
    book: Book, key: WhenKey, entry: int, catch_all: list[int], patterns: Mapping[str, list[int]]
) -> list[int]:
    """The entries before one that may take its messages, first of the book first."""
    if key.words:
        return book.index.matching_words(key.words, entry)
    before = catch_all[:_MOST_LOOKED_AT]
    if key.kind == "anything":
        return before
    same_text = patterns.get(key.text, []) if key.pattern else book.index.looking_like(key.text)
    return sorted(before + same_text[:_MOST_LOOKED_AT])


def _taker(
    book: Book, rule: Rule, key: WhenKey, entry: int, before: list[int]
) -> tuple[WhenKey, Rule, WhenKey] | None:
    """The first earlier rule that takes every message of this key."""
    kinds = _TAKEN_BY[key.kind]
    for each in before[:_MOST_LOOKED_AT]:
        if each >= entry:
            break
        other, whole = book.index.entries[each]
        its = as_row_key(whole, key.words, key.text)
        if (
            its is not None
            and other is not rule
            and its.kind in kinds
            and _takes(its, key)
            and _covers(other, rule)
        ):
            return key, other, whole
    return None


def _table_taker(
    book: Book, rule: Rule, key: WhenKey, entry: int, reports: Mapping[str, Report]
) -> tuple[WhenKey, Rule, WhenKey] | None:
    """An earlier rule that takes messages of a table, where every row is taken; else each such row is reported."""
    takers: list[tuple[WhenKey, Rule, WhenKey]] = []
    rows = 0
    for row in row_keys(key):
        rows += 1
        if taker := _taker(book, rule, row, entry, book.index.matching_words(row.words, entry)):
            takers.append(taker)
    if rows == len(takers):
        return (key, *takers[0][1:]) if takers else None
    report = reports[key.table.file] if key.table is not None else reports[rule.file]
    for row, other, its in takers[:_MOST_ROWS_TOLD]:
        message = (
            f'The key "{row.text}" does nothing for rule "{rule.name}": rule "{other.name}" ({other.file}, line'
            f" {other.line}) {_what(its)} first."
        )
        report.add("W403", row.place, message)
    if len(takers) > _MOST_ROWS_TOLD:
        row = takers[_MOST_ROWS_TOLD][0]
        more = len(takers) - _MOST_ROWS_TOLD
        report.add("W403", row.place, f'Earlier rules take {more:,} more keys from rule "{rule.name}".')
    return None


def _takes(earlier: WhenKey, later: WhenKey) -> bool:
    """Whether nothing in the keys themselves lets a message of the later one pass the earlier one."""
    if earlier.kind == "anything":
        return later.text not in UNWRITTEN or later.kind != "looks_like"  # which no such rule answers
    if earlier.rich and earlier.rich != later.rich:
        return False
    if later.kind in {"pattern", "looks_like"}:
        return earlier.text == later.text
    if later.kind == "fuzzy":
        return earlier.words == later.words
    # In another order, the words of all_words still match, and a phrase of several words does not.
    return not (later.kind == "all_words" and earlier.kind == "contains" and len(earlier.words) > 1)


def _covers(earlier: Rule, later: Rule) -> bool:
    """Whether the conditions of the earlier rule hold whenever those of the later one do."""
    if earlier.numbers and not (later.numbers and later.numbers <= earlier.numbers):
        return False
    return earlier.only is None or earlier.only == later.only


def _report(rule: Rule, takers: list[tuple[WhenKey, Rule, WhenKey] | None], report: Report) -> None:
    found = [each for each in takers if each is not None]
    if not found:
        return
    if len(found) == len(takers):
        key, other, its = found[0]
        names = sorted({f'"{each.name}"' for _, each, _ in found} - {f'"{other.name}"'})
        more = f" and {', '.join(names)}" if names else ""
        message = (
            f'This rule can never answer: rule "{other.name}"{more} {_where(other, rule)} {_what(its)} first.'
        )
        report.add("E402", key.place, message)
        return
    for key, other, its in found:
        message = f'The {key.label} does nothing here: rule "{other.name}" {_where(other, rule)} {_what(its)} first.'
        report.add("W403", key.place, message)


def _where(other: Rule, rule: Rule) -> str:
    return f"(line {other.line})" if other.file == rule.file else f"({other.file}, line {other.line})"


def _what(key: WhenKey) -> str:
    return "takes every message" if key.kind == "anything" else f"takes {key.label}"


def untested(book: Book, answered: Mapping[str, int]) -> Iterator[tuple[Rule, str]]:
    """For each file with rules that no test covers: the first of them, and the sentence."""
    by_file: dict[str, list[Rule]] = {}
    for rule in book.rules:
        if not answered.get(rule.name):
            by_file.setdefault(rule.file, []).append(rule)
    for rules in by_file.values():
        shown = ", ".join(each.name for each in rules[:5]) + (", ..." if len(rules) > 5 else "")
        some = "1 rule" if len(rules) == 1 else f"{len(rules):,} rules"
        yield rules[0], f"No test covers {some} of this file: {shown}."
