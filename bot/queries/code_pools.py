"""How many codes are left of each list."""

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.rulebook.book import Book
from bot.storage.answer_tables import codes_given

_AT_ONCE = 500


class CodesLeft(Struct, frozen=True, kw_only=True):
    """Of a list, how many codes nobody has."""

    pool: str
    left: int
    total: int


async def codes_left(connection: AsyncConnection, book: Book) -> list[CodesLeft]:
    """The lists of a book."""
    found = []
    for pool in book.code_pools.values():
        given, total = 0, len(pool.codes)
        for start in range(0, total, _AT_ONCE):
            some = pool.codes[start : start + _AT_ONCE]
            query = select(func.count()).where(codes_given.c.pool == pool.name, codes_given.c.code.in_(some))
            given += (await connection.execute(query)).scalar_one()
        if total:
            found.append(CodesLeft(pool=pool.name, left=total - given, total=total))
    return found
