"""How `bot db` is called."""

import rich_click as click

from bot.cli.command_body import run_body


@click.group()
def db() -> None:
    """Look after the database."""


@db.command()
def upgrade() -> None:
    """Bring the database's schema up to this version of the bot.

    On SQLite `bot serve` does this itself; on PostgreSQL run it before a new version is started.
    """
    run_body("bot.cli.db:upgrade", {})
