"""Finds replies that cost more than they seem to, and replies that would start a talk with another bot."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from bot.rulebook.background import give_way
from bot.rulebook.book import Book
from bot.rulebook.day_names import hours_in
from bot.rulebook.expectations import USUAL_TEXT, Matching
from bot.rulebook.files.book_wide import questions_of, replies_of
from bot.rulebook.findings import Report
from bot.rulebook.lint.tables import longest_row, rows_of
from bot.rulebook.liquid_limits import LOOP
from bot.rulebook.rules import Rule
from bot.rulebook.simulate.rendering import LONGEST_REPLY
from bot.rulebook.source import Scalar, place_in
from bot.rulebook.templates import Template, WrongTemplate
from bot.text.languages import in_language
from bot.text.looks import look_of
from bot.text.segments import measure
from bot.text.twins import find_strays
from bot.text.words import split_words

#: What has no bound of its own is taken to be as long as a message of one segment.
_FREE = "x" * USUAL_TEXT
#: Characters of the answer to HELP that are looked at: more than a message can have.
_LONGEST_HELP = LONGEST_REPLY + 200
#: Templates with loops that are written out.
_MOST_LOOPS = 1_000
#: Rules that are looked at, of those that would answer one reply, and of those that would answer any.
_MOST_ANSWERERS = 100
_MOST_ANSWERERS_IN_ALL = 10_000_000
_SOME_TIME = datetime(2026, 9, 30, 23, 59, 59, tzinfo=UTC)


def find_costly_replies(book: Book, reports: Mapping[str, Report]) -> None:
    """Report replies of too many segments, stray characters, and replies that the book would answer itself."""
    worst, loops = _Worst(book), _Loops(book)
    for rule in (*book.rules, *book.disabled, *book.canned):
        give_way()
        report = reports[rule.file]
        for template, text, is_reply, language in _templates(rule):
            longest = worst.written(template, rule, language).strip()  # as it is sent
            _check_size(rule, template, text, longest, report)
            if not longest.isascii():
                _check_strays(template, text, longest, report)
            if is_reply and rule.keys:
                loops.check(rule, text, longest, report)


def _templates(rule: Rule) -> Iterator[tuple[Template, Scalar, bool, str | None]]:
    """Everything that the rule may say, whether it ends the matter or waits for an answer, and in which language."""
    for choices, is_reply in ((replies_of(rule), True), (questions_of(rule), False)):
        for choice in choices:
            for language, spoken in choice.variants():
                for template, text in zip(spoken.templates, spoken.texts, strict=True):
                    yield template, text, is_reply, language


class _Worst:
    """What templates write at most."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._helps: dict[str | None, str] = {}
        self._written: dict[tuple[str, str, str], str] = {}
        self._left = _MOST_LOOPS
        self._saved: dict[str, str] = {}
        rules = (*book.rules, *book.disabled)
        for rule in rules:
            if rule.ask:
                for question in rule.ask.questions:
                    self._save(question.save, question.expect.longest())
                    if isinstance(question.expect, Matching):
                        for group in question.expect.pattern.groups:
                            self._save(group, question.expect.pattern.longest(group) or _FREE)
        for rule in rules:
            if rule.code:
                pool = book.code_pools[rule.code.pool]
                self._save(rule.code.save, max((pool.sample() or "", *pool.codes), key=len))
        for rule in rules:
            for name, template in rule.saves:
                self._save(name, self.written(template, rule, None))

    def _save(self, name: str, value: str) -> None:
        if len(value) >= len(self._saved.get(name, "")):
            self._saved[name] = value

    def _help(self, language: str | None) -> str:
        """The longest answer to HELP, in a language."""
        if language not in self._helps:
            lines = (
                template.constant
                for rule in self._book.helps
                if rule.help
                for template in rule.help.spoken(language, self._book.book_wide.usual_language).templates
            )
            self._helps[language] = "\n".join(dict.fromkeys(line for line in lines if line))[:_LONGEST_HELP]
        return self._helps[language]

    def written(self, template: Template, rule: Rule, language: str | None) -> str:
        """The longest text that a template writes in a language, as far as it can be known."""
        if template.constant is not None:
            return template.constant
        names = {name: self._value(name, rule, language) for name in template.names}
        if not LOOP.search(template.source):
            return _longest_of(template, rule, names)
        # A loop can cost as much as a thousand replies: the same one is written once, and at most _MOST_LOOPS are.
        same = template.source, rule.file, repr(names)
        known = self._written.get(same)
        if known is None:
            if not self._left:
                return ""
            self._left -= 1
            known = self._written[same] = _longest_of(template, rule, names)
        return known

    def _value(self, name: str, rule: Rule, language: str | None) -> object:
        if name in rule.values_by_language:
            given = rule.values_by_language[name]
            known = in_language(given, language) if language else None
            return known or max(given.values(), key=len, default="")
        if name == "hours" and rule.writes_hours:
            hours = self._book.book_wide.hours
            return {each.name: hours_in(each.text, language) for each in hours.values()}
        if name == "language":
            return language or "en"
        if name in {"from", "to"}:
            return "+15555550101234"
        if name == "rule":
            return rule.name
        if name == "now":
            return _SOME_TIME
        if name == "help":
            return self._help(language)
        if name == "words":
            return _FREE.split()
        if rows := rows_of(rule, name):
            return longest_row(rows)
        groups = [
            key.pattern.longest(name) or _FREE
            for key in rule.keys
            if key.pattern and name in key.pattern.groups
        ]
        return max(groups, key=len) if groups else self._saved.get(name, _FREE)


def _longest_of(template: Template, rule: Rule, names: Mapping[str, object]) -> str:
    texts = [_write(template, {**rule.values, "now": _SOME_TIME, **names})]
    if "{%" in template.source:  # the other branch of an if
        texts.append(_write(template, {**rule.values, "now": _SOME_TIME}))
    return max(texts, key=len)


def _write(template: Template, names: Mapping[str, object]) -> str:
    try:
        return template.write(names)
    except WrongTemplate:
        return ""


def _check_size(rule: Rule, template: Template, text: Scalar, longest: str, report: Report) -> None:
    if len(longest) <= 70:
        return
    if len(longest) > LONGEST_REPLY and template.constant is not None:
        message = (
            f"This has {len(longest):,} characters, and a message has at most {LONGEST_REPLY:,}; split it up."
        )
        report.add("E411", text.place, message)
        return
    size = measure(longest)
    if size.segments > rule.max_segments:
        most = "" if template.constant is not None else "up to "
        message = (
            f"This costs {most}{size.segments} segments ({size.encoding}, {len(longest):,} characters), and"
            f" max_segments is {rule.max_segments}."
        )
        report.add("W410", text.place, message)


def _check_strays(template: Template, text: Scalar, longest: str, report: Report) -> None:
    """A text that is UCS-2 for want of plain letters; where an emoji or a script needs it, nothing is said."""
    strays = find_strays(longest)
    if not strays or any(each.twin is None for each in strays):
        return
    plain = "".join(twin if (twin := _plain(each)) is not None else each for each in longest)
    before, after = measure(longest), measure(plain)
    first = strays[0]
    at = template.source.find(first.character)
    twin = f'write "{first.twin}"' if first.twin else "leave it out"
    more = len({each.character for each in strays}) - 1
    others = f" and {more} more" if more else ""
    if before.segments == after.segments:
        counts = "where a segment holds 70 characters instead of 160"
    else:
        counts = f"{before.segments} segments instead of {after.segments}"
    message = f"{first.label}{others} makes this UCS-2, {counts}; {twin} for GSM-7."
    # The character itself stays as it is: "ê" is not to be shown as "Ê".
    message = f"A{message[1:]}" if message.startswith("a ") and first.label.startswith("a ") else message
    report.add("W412", place_in(text, max(at, 0)), message)


def _plain(character: str) -> str | None:
    strays = find_strays(character)
    return strays[0].twin if strays else None


class _Loops:
    """Another bot that echoes, or talks as this one does, would get an answer to a reply, and so on."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._answerers: dict[str, list[int]] = {}
        #: Rules that may still be looked at.
        self._left = _MOST_ANSWERERS_IN_ALL

    def check(self, rule: Rule, text: Scalar, longest: str, report: Report) -> None:
        """Report a reply that the book would answer itself."""
        for entry in self._those_of(longest):
            other, key = self._book.index.entries[entry]
            if key.kind == "anything" or not (other.reply or other.ask or other.fetch):
                continue
            if rule.numbers and other.numbers and rule.numbers.isdisjoint(other.numbers):
                continue
            message = f'Rule "{other.name}" ({other.file}, line {other.line}) would answer this reply by {key.label}:'
            report.add(
                "W414", text.place, f"{message} two bots could go on for ever; begin it with other words."
            )
            return

    def _those_of(self, reply: str) -> list[int]:
        known = self._answerers.get(reply)
        if known is None:
            if self._left <= 0:
                return []
            found = self._book.index.candidates(split_words(reply), reply, look_of(reply))
            self._left -= len(found)
            known = self._answerers[reply] = found[:_MOST_ANSWERERS]
        return known
