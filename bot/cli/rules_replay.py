"""`bot rules replay`: what other rules would have said to the messages that came."""

import asyncio
from datetime import datetime
from pathlib import Path

import rich_click as click
from rich.console import Console
from rich.progress import Progress

from bot.cli.database_access import asking_database
from bot.cli.output import counted, print_json, print_texts
from bot.cli.rules_options import read_book, usual_path
from bot.cli.times import read_since
from bot.queries.replay_source import count_inbound, stored_inbound
from bot.rulebook.book import Book
from bot.rulebook.simulate.replay import Replay, Replayed
from bot.text.inert import shown_in_terminal


def replay(path: Path | None, since: str | None, as_json: bool) -> None:
    """Run a candidate rule book over the stored inbound messages; list every reply that would change."""
    replayed = asyncio.run(_replay(read_book(path or usual_path()), read_since(since) if since else None))
    if as_json:
        print_json(replayed)
    else:
        _print_replayed(replayed)


async def _replay(book: Book, since: datetime | None) -> Replayed:
    played = Replay(book, since)
    console = Console(stderr=True)
    async with asking_database() as connection:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("Replaying", total=await count_inbound(connection, since))
            async for past in stored_inbound(connection, since):
                played.take(past)
                progress.advance(task)
    return played.result()


def _print_replayed(replayed: Replayed) -> None:
    for group in replayed.rules:
        rule = f"Rule {group.rule}" if group.rule else "No rule"
        click.echo(f"{rule}: {counted(group.count, 'reply', 'replies')} would change")
        for change in group.changes:
            at = change.at.astimezone().strftime("%Y-%m-%d %H:%M")
            click.echo(f"  {at}  {shown_in_terminal(change.sender)}")
            print_texts("heard", [shown_in_terminal(change.heard)], width=10)
            print_texts("said", [shown_in_terminal(each) for each in change.said_then], width=10)
            print_texts("would say", change.says, width=10)
            if change.silence:
                click.echo(f"  silent:    {change.silence}")
            if change.rule != change.rule_then:
                click.echo(f"  rule:      {change.rule or 'none'}, and it was {change.rule_then or 'none'}")
    unchanged = replayed.messages - replayed.changed
    click.echo(
        f"{counted(replayed.messages, 'message')} replayed: {replayed.changed:,} would be answered otherwise,"
        f" {unchanged:,} as before."
    )
