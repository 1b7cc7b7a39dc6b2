"""The rule books that have been in force, with their texts: the last one is there when the files are not in order."""

from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec import Struct
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.tables import rule_books


class KeptBook(Struct, frozen=True, kw_only=True):
    """The texts of a rule book, by file name."""

    version: str
    texts: Mapping[str, str]


async def keep_books(
    connection: AsyncConnection, books: list[KeptBook], after: datetime | None = None
) -> list[None]:
    """Note that these books came into force now, in this order; work for `bot.storage.writer`.

    `after`: not before this moment, which another machine's clock may have given.
    """
    for book in books:
        now = datetime.now(UTC)
        since = now if after is None else max(now, after)
        await connection.execute(delete(rule_books).where(rule_books.c.version == book.version))
        row = {"version": book.version, "texts": dict(book.texts), "in_force_since": since}
        await connection.execute(insert(rule_books).values(row))
    return [None] * len(books)


async def find_last_book(connection: AsyncConnection) -> KeptBook | None:
    """The book that came into force last, of those whose texts can be read; None before the first."""
    versions = select(rule_books.c.version).order_by(rule_books.c.in_force_since.desc())
    for version in (await connection.execute(versions)).scalars().all():
        book = await find_book(connection, version)
        if book is not None:
            return book
    return None


async def find_book(connection: AsyncConnection, version: str) -> KeptBook | None:
    """The book of this version; None where it was never in force, or its texts can't be read."""
    query = select(rule_books).where(rule_books.c.version == version)
    row = (await connection.execute(query)).first()
    return KeptBook(version=row.version, texts=row.texts) if row is not None and row.texts else None
