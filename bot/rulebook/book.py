"""A rule book that has been read and compiled."""

import msgspec
from msgspec import field

from bot.rulebook.background import give_way
from bot.rulebook.book_wide import BookWide
from bot.rulebook.code_pools import CodePool
from bot.rulebook.data_table import DataTable
from bot.rulebook.index import Index
from bot.rulebook.rule_test import RuleTest
from bot.rulebook.rules import Rule
from bot.rulebook.sender_numbers import OurNumber


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
    #: The rules that fetch, by name.
    fetches: dict[str, Rule] = {}
    #: The rules with a line in `{{ help }}`.
    helps: tuple[Rule, ...] = ()
    tests: tuple[RuleTest, ...] = ()
    #: What gives codes, by name.
    code_pools: dict[str, CodePool] = {}
    #: What its files share: named hours, languages.
    book_wide: BookWide = field(default_factory=BookWide)
    #: In which the texts of the book are, the default first.
    languages: tuple[str, ...] = ()
    #: These, and others that some of its texts or keywords are in.
    spoken: tuple[str, ...] = ()
    #: The language in which the conversations of a number begin.
    number_languages: dict[str, str] = {}
    #: The countries that a number answers, of those that do not answer all.
    answered_countries: dict[str, tuple[str, ...]] = {}
    #: The rules that were read, and that no message reaches: `enabled: false`.
    disabled: tuple[Rule, ...] = ()
    #: What people send by hand, each a rule without keys.
    canned: tuple[Rule, ...] = ()
    tables: tuple[DataTable, ...] = ()


def free_incrementally(books: list[Book | None]) -> None:
    """Take books apart rule by rule, to be done in the background; nobody else may hold them.

    10,000 rules freed at once hold the event loop up for 40 ms.
    """
    while books:
        book = books.pop()
        if book is None:
            continue
        rules, tables, index = list(book.rules), book.tables, book.index
        del book
        index.release()
        for table in tables:
            table.release()
        while rules:
            rules.pop()
            give_way()
