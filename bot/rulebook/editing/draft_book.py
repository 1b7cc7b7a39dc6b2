"""The book that a draft would make, for the few people who test it before it is saved for everybody."""

from collections.abc import Mapping

import msgspec

from bot.rulebook.book import Book
from bot.rulebook.code_pools import CodePool


class DraftBook(msgspec.Struct, frozen=True, kw_only=True):
    """The whole book with a draft in the place of one of its files."""

    book: Book
    #: The name of that file.
    file: str


#: By the testers' numbers.
Testers = Mapping[str, DraftBook]


def nobody() -> Testers:
    """No tester."""
    return {}


def book_for(peer: str, book: Book, testers: Testers) -> tuple[Book, str | None]:
    """The book that answers a peer, and the file of which it has a draft; None: it is the book in force."""
    tested = testers.get(peer) if testers else None
    return (book, None) if tested is None else (tested.book, tested.file)


def all_pools(book: Book, testers: Testers) -> Mapping[str, CodePool]:
    """What gives codes, by name, in any of the books; a list that is in force counts as it is there."""
    if not testers:
        return book.code_pools
    drafted = {name: pool for each in testers.values() for name, pool in each.book.code_pools.items()}
    return drafted | book.code_pools
