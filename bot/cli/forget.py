"""`bot forget`: erases a person."""

import asyncio
import math
import sys

import msgspec
import rich_click as click

from bot.cli.api_client import person, tell_bot
from bot.cli.errors import CommandFailed
from bot.cli.output import counted, print_json
from bot.cli.upkeep_database import is_in_use, writing_database
from bot.conversation.erasure_marks import ErasureMarks
from bot.operator.actor import ADMIN, Actor
from bot.operator.erasure import Erased, Eraser
from bot.operator.errors import NoSuchSender
from bot.operator.purge import Purger
from bot.settings import Settings, load, read_environment
from bot.storage.file_scrub import FileScrub
from bot.text.inert import shown_in_terminal
from bot.text.numbers import normalise_number
from bot.text.storable import make_storable


def forget(number: str, url: str | None, *, is_sure: bool, as_json: bool) -> None:
    """Erase a person."""
    peer = normalise_number(make_storable(number))
    if not peer:
        raise CommandFailed("NUMBER is empty: write the number of the person who is to be erased.")
    settings = load(read_environment())
    if not is_sure and sys.stdin.isatty():
        click.confirm(f"Erase all that is kept of {shown_in_terminal(peer)}? It can't be undone", abort=True)
    if url is not None or is_in_use(settings.database_url):
        # In the bot's own process: it holds what it is about to send in memory.
        erased = msgspec.convert(tell_bot("DELETE", "peers", peer, url=url), Erased)
    else:
        erased = asyncio.run(_erase(settings, peer))
    if as_json:
        print_json(erased)
    else:
        _print(erased)


async def _erase(settings: Settings, peer: str) -> Erased:
    marks = ErasureMarks([key.reveal() for key in settings.erasure_keys])
    async with writing_database(settings.database_url) as (database, writer, is_alone):
        purger = Purger(database, writer, marks, is_alone=is_alone)
        scrub = FileScrub(database, largest=math.inf)
        eraser = Eraser(database, writer, marks, announce=purger.announce, scrub=scrub)
        try:
            return await eraser.erase(peer, by=Actor(person() or ADMIN.name))
        except NoSuchSender as error:
            raise CommandFailed(shown_in_terminal(str(error))) from None


def _print(erased: Erased) -> None:
    peer = shown_in_terminal(erased.peer)
    counts = {
        "conversation": erased.conversations,
        "message": erased.messages,
        "delivery report": erased.delivery_reports,
        "forward": erased.forwards,
        "event": erased.outgoing_events,
        "fetch": erased.fetches,
        "follow-up": erased.follow_ups,
        "answer": erased.answers,
        "code": erased.codes_given,
        "action": erased.actions,
        "incident": erased.incidents,
        "rejected event": erased.rejected_events,
    }
    gone = [counted(rows, what) for what, rows in counts.items() if rows]
    click.echo(f"Erased of {peer}: {', '.join(gone)}." if gone else f"Nothing is kept of {peer}.")
    if erased.opt_outs_kept:
        click.echo("They opted out and stay so: a keyed hash of that is kept, and not their number.")
    if erased.named_by_others:
        places = ", ".join(f"{rows} of {table}" for table, rows in erased.named_by_others.items())
        click.echo(f"Their number is still named by others, which is not theirs to erase: {places}.")
    if erased.traces_in_file:
        click.echo(
            "The database's file still has traces in space that it does not use, and is too large to be rewritten while"
            " the bot runs: stop the bot and give the same command again."
        )
    click.echo("Backups and logs that were made before are as they were.")
