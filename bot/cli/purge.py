"""`bot db purge`: removes what is older than an age."""

import asyncio
from datetime import timedelta

import rich_click as click

from bot.cli.backup import Tell, progress_bar
from bot.cli.errors import CommandFailed
from bot.cli.output import print_json
from bot.cli.upkeep_database import writing_database
from bot.conversation.erasure_marks import ErasureMarks
from bot.operator.purge import Purger, count_old
from bot.operator.purge_steps import Keep
from bot.rulebook.collector import settle_after_start
from bot.settings import Settings, load, read_environment
from bot.storage.wal_truncation import LogCutter
from bot.supervisor import Supervisor
from bot.text.durations import WrongDuration, parse_duration


def purge(older_than: str, *, as_json: bool) -> None:
    """Remove what is older than an age."""
    try:
        age = parse_duration(older_than)
    except WrongDuration as error:
        raise CommandFailed(f"--older-than: {error}") from None
    settings = load(read_environment())
    with progress_bar("removed") as tell:
        gone = asyncio.run(_purge(settings, age, tell))
    if as_json:
        print_json(gone)
        return
    for name, rows in gone.items():
        if rows:
            click.echo(f"{rows:>9,}  {name}")
    if not any(gone.values()):
        click.echo(f"Nothing is older than {older_than}, or all of it is still needed.")


async def _purge(settings: Settings, age: timedelta, tell: Tell) -> dict[str, int]:
    keys = [key.reveal() for key in settings.erasure_keys]
    async with writing_database(settings.database_url) as (database, writer, is_alone):
        async with database.reading() as connection:
            whole = await count_old(connection, age)
        done = 0

        def note(_name: str, rows: int) -> None:
            nonlocal done
            done += rows
            tell(done, max(whole, done))

        purger = Purger(database, writer, ErasureMarks(keys), is_alone=is_alone)
        cutter = LogCutter(database)
        cutter.start(Supervisor())
        settle_after_start()  # a collection of all that is there would hold the writer up
        try:
            return await purger.run(Keep.everything(age), note)
        finally:
            await cutter.stop()
