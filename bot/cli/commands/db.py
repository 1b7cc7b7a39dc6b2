"""How `bot db` is called."""

from typing import Any

import rich_click as click

from bot.cli.command_body import run_body
from bot.cli.commands.options import as_json_option


@click.group()
def db() -> None:
    """Look after the database."""


@db.command()
def upgrade() -> None:
    """Bring the database's schema up to this version of the bot.

    On SQLite `bot serve` does this itself; on PostgreSQL run it before a new version is started.
    """
    run_body("bot.cli.db:upgrade", {})


@db.command()
@click.argument("file", type=click.Path())
@click.option("--replace", is_flag=True, help="Write over a backup of this name.")
@as_json_option
def backup(**options: Any) -> None:
    """Write a backup to FILE while the bot runs; it is checked before it gets its name.

    It holds everything, people's texts too: only its owner may read the file. On PostgreSQL it is a dump of pg_dump's.
    """
    run_body("bot.cli.backup:backup", options)


@db.command()
@click.argument("file", type=click.Path())
@click.option(
    "--stopped-at",
    metavar="TIME",
    help="When the bot that was lost had surely stopped, as 2026-11-26T12:00:00Z; default: now. What was received"
    " until then is not answered when it comes again, as it may have been.",
)
@click.option(
    "--send-queued",
    is_flag=True,
    help="The bot was stopped before the backup was made and has not run since: send what the backup has queued.",
)
@as_json_option
def restore(**options: Any) -> None:
    """Put a backup in the database's place; the bot must be stopped.

    The backup is checked first, and the database that was there is kept under another name. Replies that may have been
    sent since the backup become `unconfirmed`: nobody gets an SMS twice.
    """
    run_body("bot.cli.backup:restore", options)


@db.command()
@click.option("--older-than", metavar="AGE", required=True, help="As 90d or 12h; what is younger stays.")
@as_json_option
def purge(**options: Any) -> None:
    """Remove what is older than AGE: messages, their history and reports, rejected events, values of silent numbers.

    What is queued, waits for its report or for a person, or belongs to a running flow stays, and so do opt-outs. The
    bot may run: it is never held up for longer than 50 ms. BOT_KEEP_MESSAGES and its like do this daily.
    """
    run_body("bot.cli.purge:purge", options)


@db.command()
@click.option("--to", metavar="URL", required=True, help="As postgresql+asyncpg://USER:PASSWORD@HOST/NAME.")
@as_json_option
def copy(**options: Any) -> None:
    """Copy everything from the SQLite file of BOT_DATABASE_URL to the PostgreSQL at URL; the bot must be stopped.

    The new database is empty or new. A copy that was interrupted goes on with the same command. At the end both are
    read and compared, row by row.
    """
    run_body("bot.cli.db_copy:copy", options)
