"""What no test of a rule book touches: keywords, the edges of hours and dates, languages, and choices of questions.

A keyword is touched where the rule took a message that has it; an edge of hours where a test hears something that the
rule listens for at that minute or in the one before; an edge of dates, or a closed day, on that day; a language where
the rule answered in it; a choice where it was the answer.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Literal

import msgspec

from bot.rulebook.book import Book
from bot.rulebook.decision import ConversationState, Decision, HeardMessage
from bot.rulebook.editing.rule_blocks import rules_of
from bot.rulebook.editing.source_tree import CannotSplice, SourceNode, parse
from bot.rulebook.expectations import OneOf, YesNo
from bot.rulebook.hours import Dates, Hours
from bot.rulebook.named_hours import NamedHours
from bot.rulebook.rules import Question, Rule
from bot.rulebook.simulate.loop_guard import USUAL_CAPS, Caps
from bot.rulebook.simulate.test_runner import Outcomes, run_tests
from bot.rulebook.splices import Lines
from bot.text.looks import look_of
from bot.text.words import split_words

_A_DAY = 24 * 60
_WEEK = 7 * _A_DAY
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Untouched(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a rule book that no test touches."""

    file: str
    line: int
    kind: Literal["keyword", "hours", "dates", "closed", "language", "choice"]
    #: The rule's name, or that of the hours.
    rule: str
    what: str


#: What is touched: the kind, the rule or the hours, and which of it.
_Part = tuple[str, str, str]


def untouched(
    book: Book, texts: Mapping[str, str], caps: Caps = USUAL_CAPS
) -> tuple[Outcomes, tuple[Untouched, ...]]:
    """Run every test; what they don't touch, in the order of the files. `texts` are the files, by name."""
    watch = _Watch(book)
    outcomes = run_tests(book, caps, watch.see)
    lines = _ConditionLines(texts)
    missed: dict[_Part, Untouched] = {}
    for part, each in _parts(book, lines):
        if part not in watch.touched:
            missed.setdefault(part, each)
    return outcomes, tuple(sorted(missed.values(), key=lambda each: (each.file, each.line)))


def _parts(book: Book, lines: "_ConditionLines") -> Iterator[tuple[_Part, Untouched]]:
    for rule in book.rules:
        yield from _keywords(rule)
        yield from _conditions(rule, lines)
        yield from _languages(rule)
        yield from _choices(rule)
    for hours in book.book_wide.hours.values():
        yield from _named(hours)


def _keywords(rule: Rule) -> Iterator[tuple[_Part, Untouched]]:
    for key in rule.keys:
        what = "anything" if key.kind == "anything" else f'{key.kind} "{key.text}"'
        yield (
            ("keyword", rule.name, f"{key.kind} {key.text}"),
            Untouched(file=rule.file, line=key.place.line, kind="keyword", rule=rule.name, what=what),
        )


def _conditions(rule: Rule, lines: "_ConditionLines") -> Iterator[tuple[_Part, Untouched]]:
    if rule.only is None:
        return
    for each in rule.only.hours:
        for minute, what in _edges(each).items():
            yield (
                ("hours", rule.name, what),
                Untouched(
                    file=rule.file,
                    line=lines.find(rule, "hours"),
                    kind="hours",
                    rule=rule.name,
                    what=f"{each.text}: {_clock(minute)}",
                ),
            )
    for dates in rule.only.dates:
        for what in _ends(dates):
            yield (
                ("dates", rule.name, what),
                Untouched(
                    file=rule.file,
                    line=lines.find(rule, "dates"),
                    kind="dates",
                    rule=rule.name,
                    what=what,
                ),
            )


def _languages(rule: Rule) -> Iterator[tuple[_Part, Untouched]]:
    for choice in rule.reply:
        for code, spoken in choice.by_language.items():
            line = spoken.texts[0].place.line if spoken.texts else rule.line
            yield (
                ("language", rule.name, code),
                Untouched(file=rule.file, line=line, kind="language", rule=rule.name, what=code),
            )


def _choices(rule: Rule) -> Iterator[tuple[_Part, Untouched]]:
    for question in rule.ask.questions if rule.ask else ():
        for value in _values(question):
            yield (
                ("choice", rule.name, f"{question.save} {value}"),
                Untouched(
                    file=rule.file,
                    line=question.place.line,
                    kind="choice",
                    rule=rule.name,
                    what=f"{question.save}: {value}",
                ),
            )


def _values(question: Question) -> tuple[str, ...]:
    if isinstance(question.expect, OneOf):
        return tuple(name for name, _ in question.expect.choices)
    return ("yes", "no") if isinstance(question.expect, YesNo) else ()


def _named(hours: NamedHours) -> Iterator[tuple[_Part, Untouched]]:
    for each in hours.hours:
        for minute, what in _edges(each).items():
            yield (
                ("named", hours.name, what),
                Untouched(
                    file=hours.file,
                    line=hours.place.line,
                    kind="hours",
                    rule=hours.name,
                    what=f"{each.text}: {_clock(minute)}",
                ),
            )
    for closure in hours.closures:
        yield (
            ("closed", hours.name, closure.text),
            Untouched(
                file=hours.file,
                line=closure.place.line,
                kind="closed",
                rule=hours.name,
                what=closure.text,
            ),
        )


def _edges(hours: Hours) -> dict[int, str]:
    """The times of the day at which it opens or closes, on any day, each with its name as a part."""
    starts = {start % _WEEK for start, _ in hours.blocks}
    ends = {end % _WEEK for _, end in hours.blocks}
    # Where one block goes over into the next, nothing opens or closes.
    return {edge % _A_DAY: f"{hours.text} {edge % _A_DAY}" for edge in sorted(starts ^ ends)}


def _touched_edges(hours: Hours, local: datetime) -> Iterator[str]:
    now = local.weekday() * _A_DAY + local.hour * 60 + local.minute
    edges = _edges(hours)
    for edge in {edge % _WEEK for block in hours.blocks for edge in block}:
        if edge % _A_DAY in edges and (edge - now) % _WEEK in {0, 1}:
            yield edges[edge % _A_DAY]


def _clock(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02}"


def _ends(dates: Dates) -> dict[str, date]:
    form = "%m-%d" if dates.yearly else "%Y-%m-%d"
    return {f"{day:{form}}": day for day in (dates.first, dates.last)}


class _Watch:
    """Notes what each turn of the tests touches."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.touched: set[_Part] = set()

    def see(self, heard: HeardMessage, before: ConversationState, now: datetime, decision: Decision) -> None:
        """One turn."""
        words = split_words(heard.text)
        entries = self._book.index.candidates(words, heard.text, look_of(heard.text, words))
        listening = [self._book.index.entries[each] for each in entries]
        rules = {rule.name: rule for rule, _ in listening}
        if decision.key is not None and decision.rule is not None:
            self.touched.add(("keyword", decision.rule, f"{decision.key.kind} {decision.key.text}"))
        for rule, key in listening:
            if rule.name == decision.rule:
                self.touched.add(("keyword", rule.name, f"{key.kind} {key.text}"))
        for rule in rules.values():
            self._see_conditions(rule, now)
        answering = next((each for each in self._book.rules if each.name == decision.rule), None)
        if answering is not None:
            self._see_language(answering, decision)
            self._see_choice(answering, heard, before, now, decision)

    def _see_conditions(self, rule: Rule, now: datetime) -> None:
        if rule.only is None:
            return
        local = now.astimezone(rule.zone)
        for each in rule.only.hours:
            self.touched |= {("hours", rule.name, what) for what in _touched_edges(each, local)}
        for dates in rule.only.dates:
            for what, day in _ends(dates).items():
                today = local.date().replace(year=day.year) if dates.yearly else local.date()
                if today == day:
                    self.touched.add(("dates", rule.name, what))
        for name in (*rule.only.open, *rule.only.closed):
            self._see_named(self._book.book_wide.hours[name], now)

    def _see_named(self, hours: NamedHours, now: datetime) -> None:
        local = now.astimezone(hours.zone)
        for each in hours.hours:
            self.touched |= {("named", hours.name, what) for what in _touched_edges(each, local)}
        for closure in hours.closures:
            if closure.reason(local.date()):
                self.touched.add(("closed", hours.name, closure.text))

    def _see_language(self, rule: Rule, decision: Decision) -> None:
        usual = rule.languages[0] if rule.languages else self._book.book_wide.usual_language
        for choice in rule.reply:
            if choice.by_language and (decision.replies or decision.withheld):
                spoken = choice.spoken(decision.after.language or usual, usual)
                self.touched |= {
                    ("language", rule.name, code)
                    for code, each in choice.by_language.items()
                    if each.texts == spoken.texts
                }

    def _see_choice(
        self,
        rule: Rule,
        heard: HeardMessage,
        before: ConversationState,
        now: datetime,
        decision: Decision,
    ) -> None:
        flow = before.flow
        if flow is None or rule.ask is None or decision.key is None or decision.key.kind != "answer":
            return
        question = rule.ask.question(flow.awaits)
        today = now.astimezone(rule.zone).date()
        answer = question.expect.take(heard.text, split_words(heard.text), today) if question else None
        if question and answer is not None:
            self.touched.add(("choice", rule.name, f"{question.save} {answer.value}"))


class _ConditionLines:
    """Finds the line of a key of a rule's `only`."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._files: dict[str, tuple[Lines, dict[str, SourceNode]]] = {}

    def find(self, rule: Rule, key: str) -> int:
        """The line, or that of the rule where it can't be told."""
        if rule.file not in self._files:
            self._files[rule.file] = self._read(rule.file)
        lines, conditions = self._files[rule.file]
        only = conditions.get(rule.name)
        for each, value in only.pairs if only is not None else ():
            if each.value == key:
                return lines.place(value.start)[0]
        return rule.line

    def _read(self, file: str) -> tuple[Lines, dict[str, SourceNode]]:
        text = self._texts.get(file, "")
        try:
            rules = rules_of(parse(text))
        except CannotSplice:
            rules = None
        found: dict[str, SourceNode] = {}
        for item in rules.items if rules is not None else ():
            name, only = item.find("name"), item.find("only")
            if name is not None and only is not None:
                found[name.value] = only
        return Lines(text), found
