"""`bot db copy`: from SQLite to PostgreSQL."""

import asyncio

import rich_click as click

from bot.cli.backup import progress_bar
from bot.cli.database_access import require_database
from bot.cli.errors import CommandFailed
from bot.cli.output import counted, print_json
from bot.database_address import read_database_url
from bot.settings import load, read_environment
from bot.storage.copy import CannotCopy, Tell, copy_database
from bot.storage.database import DATABASE_ERRORS, Database, DatabaseInUse, cause_of
from bot.storage.schema import SCHEMA_ERRORS


def copy(to: str, *, as_json: bool) -> None:
    """Copy the database that the settings name to another one."""
    source, target = Database(load(read_environment()).database_url), Database(read_database_url("--to", to))
    if source.path is None or target.is_sqlite:
        raise CommandFailed(
            "`bot db copy` goes from SQLite, which BOT_DATABASE_URL names, to PostgreSQL, which --to names."
        )
    require_database(source)
    try:
        with progress_bar("Copying") as tell:
            counts = asyncio.run(_copied(source, target, tell))
    except DatabaseInUse:
        raise CommandFailed(
            f"A bot is using {source.path}: stop it first, so that the copy has all of it."
        ) from None
    except (CannotCopy, *SCHEMA_ERRORS) as error:
        raise CommandFailed(str(error)) from None
    except DATABASE_ERRORS as error:
        raise CommandFailed(
            f"The copy stopped: {cause_of(error)}. The same command goes on where it stopped."
        ) from None
    if as_json:
        print_json({"rows": counts})
        return
    rows, tables = counted(sum(counts.values()), "row"), counted(len(counts), "table")
    click.echo(f"Copied {rows} of {tables}; both databases have the same.")
    click.echo("Set BOT_DATABASE_URL to the new one, and don't start a bot on the old one again.")


async def _copied(source: Database, target: Database, tell: Tell) -> dict[str, int]:
    try:
        source.claim()
        await source.upgrade()
        if await target.revision() is None:
            await target.upgrade()
        await target.check_schema()
        return await copy_database(source, target, tell)
    finally:
        await target.close()
        await source.close()
