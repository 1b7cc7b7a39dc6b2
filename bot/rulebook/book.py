"""A rule book that has been read and compiled."""

import msgspec

from bot.rulebook.background import give_way
from bot.rulebook.files.tests import RuleTest
from bot.rulebook.findings import Finding
from bot.rulebook.index import Index
from bot.rulebook.rules import Rule
from bot.rulebook.sender_numbers import OurNumber

__all__ = [
    "Book",
    "BookSummary",
    "Finding",
    "OurNumber",
    "Rule",
    "RuleSummary",
    "free_incrementally",
    "summarise",
]


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """All rules in force, compiled."""

    #: 12 hexadecimal characters of a digest over the names and texts of the files.
    version: str
    files: tuple[str, ...]
    rules: tuple[Rule, ...]
    #: Our numbers, as far as the files say something about them.
    numbers: dict[str, OurNumber]
    index: Index
    #: The rules that ask, by name.
    asks: dict[str, Rule] = {}
    #: The rules with a line in `{{ help }}`.
    helps: tuple[Rule, ...] = ()
    tests: tuple[RuleTest, ...] = ()


def free_incrementally(books: list[Book | None]) -> None:
    """Take books apart rule by rule, to be done in the background; nobody else may hold them.

    10,000 rules freed at once hold the event loop up for 40 ms.
    """
    while books:
        book = books.pop()
        rules = list(book.rules) if book else []
        del book
        while rules:
            rules.pop()
            give_way()


class RuleSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A rule, and where it stands."""

    name: str
    file: str
    line: int
    when: str


class BookSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What `GET /api/rules` shows."""

    version: str
    files: tuple[str, ...]
    rules: tuple[RuleSummary, ...]


def summarise(book: Book) -> BookSummary:
    """The book in force, without its workings."""
    rules = [
        RuleSummary(name=each.name, file=each.file, line=each.line, when=each.when) for each in book.rules
    ]
    return BookSummary(version=book.version, files=book.files, rules=tuple(rules))
