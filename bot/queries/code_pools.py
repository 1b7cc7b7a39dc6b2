"""How many codes are left of each list."""

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation.codes import taken_codes
from bot.rulebook.book import Book


class CodesLeft(Struct, frozen=True, kw_only=True):
    """Of a list, how many codes nobody has."""

    pool: str
    left: int
    total: int


async def codes_left(connection: AsyncConnection, book: Book) -> list[CodesLeft]:
    """The lists of a book."""
    found = []
    for pool in book.code_pools.values():
        total = len(pool.codes)
        given = len((await taken_codes(connection, pool.name)).intersection(pool.codes)) if total else 0
        if total:
            found.append(CodesLeft(pool=pool.name, left=total - given, total=total))
    return found
