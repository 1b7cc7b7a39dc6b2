"""`bot events resend`: events to their receivers again."""

import asyncio

import rich_click as click

from bot.cli.errors import CommandFailed
from bot.cli.output import counted, print_json
from bot.cli.times import read_since
from bot.cli.upkeep_database import writing_database
from bot.operator.event_resends import EventResends, NoSuchReceiver, ResendRequest
from bot.settings import load, read_environment


def resend(since: str, to: str | None, *, failed_only: bool, as_json: bool) -> None:
    """Queue events again."""
    settings = load(read_environment())
    places = [each.place for each in settings.events_to]
    if not places:
        raise CommandFailed("BOT_EVENTS_TO is unset, so nobody hears events: set it as it is for the bot.")
    if to is not None and to not in places:
        raise CommandFailed(f"--to: {NoSuchReceiver(to, places)}")
    wanted = ResendRequest(since=read_since(since), to=to, failed_only=failed_only)

    async def run() -> int:
        async with writing_database(settings.database_url) as (database, writer, _):
            return await EventResends(database, writer, places).resend(wanted)

    count = asyncio.run(run())
    if as_json:
        print_json({"resent": count})
    elif not count:
        click.echo("There are no such events since then.")
    else:
        click.echo(f"{counted(count, 'event')} sent again, by the same ids, while the bot runs.")
