"""`bot db`: the database's schema."""

import asyncio

import rich_click as click

from bot.cli.database_access import unusable_database
from bot.cli.errors import CommandFailed
from bot.settings import load, read_environment
from bot.storage.database import DATABASE_ERRORS, Database, DatabaseUnavailable
from bot.storage.database_errors import is_locked
from bot.storage.schema import SCHEMA_ERRORS

#: How often an SQLite file that somebody else writes is tried again, after two seconds each.
_TRIES = 30


def upgrade() -> None:
    """Bring the database's schema up to this version of the bot."""

    async def run() -> tuple[str | None, str | None]:
        database = Database(load(read_environment()).database_url)
        try:
            return await _upgrade(database), await database.revision()
        except SCHEMA_ERRORS as error:
            raise CommandFailed(str(error)) from None
        except DATABASE_ERRORS as error:
            raise unusable_database(error, database.path, "upgraded") from None
        finally:
            await database.close()

    before, after = asyncio.run(run())
    if before == after:
        click.echo(f"The schema is up to date, at revision {after}.")
    else:
        click.echo(f"Upgraded the schema from {before or 'nothing'} to revision {after}.")


async def _upgrade(database: Database) -> str | None:
    """Upgrade, and wait for another upgrade as PostgreSQL does; the revision before."""
    for _ in range(_TRIES):
        try:
            return await database.upgrade()
        except DatabaseUnavailable as error:  # SQLite has waited for a while
            if not is_locked(error):
                raise
    return await database.upgrade()
