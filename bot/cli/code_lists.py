"""Lists of codes that run out, for `bot rules check`, where the database of the settings can be read."""

import asyncio
from collections.abc import Sequence

from bot.queries.code_pools import CodesLeft, codes_left
from bot.rulebook.book import Book
from bot.rulebook.findings import Finding, Report
from bot.settings import WrongSetting, load, read_environment
from bot.storage.database import DATABASE_ERRORS, Database
from bot.storage.schema import SCHEMA_ERRORS

#: A check must not wait for a server that is not there.
_SECONDS = 3


def find_low_lists(book: Book) -> tuple[Finding, ...]:
    """A finding for each list of which fewer than a tenth are left; none where nobody can know."""
    if not any(pool.codes for pool in book.code_pools.values()):
        return ()
    try:
        left = asyncio.run(_ask(book))
    except (*DATABASE_ERRORS, *SCHEMA_ERRORS, WrongSetting, OSError, TimeoutError):
        return ()
    return low_lists(book, left)


def low_lists(book: Book, left: Sequence[CodesLeft]) -> tuple[Finding, ...]:
    """A finding at the first rule of each list of which fewer than a tenth are left."""
    reports = {rule.file: Report(rule.file) for rule in book.rules}
    for each in left:
        rule = next(rule for rule in book.rules if rule.code and rule.code.pool == each.pool)
        if rule.code and book.code_pools[each.pool].is_low(each.left):
            message = (
                f"Of the codes of {each.pool} {each.left:,} of {each.total:,} are left; add some to the file."
            )
            reports[rule.file].add("W446", rule.code.place, message)
    return tuple(finding for report in reports.values() for finding in report.findings)


async def _ask(book: Book) -> list[CodesLeft]:
    database = Database(load(read_environment()).database_url)
    try:
        if database.path is not None and not database.path.exists():
            return []
        async with asyncio.timeout(_SECONDS):
            await database.check_schema()
            async with database.reading() as connection:
                return await codes_left(connection, book)
    finally:
        await database.close()
