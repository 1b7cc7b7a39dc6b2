"""`bot consent show`: what somebody agreed to and revoked."""

import rich_click as click

from bot.cli.database_access import ask_database
from bot.cli.errors import AnswerIsNo, CommandFailed
from bot.cli.output import local_time, print_json
from bot.cli.senders import require_sender
from bot.queries.consent import ConsentEvent, ConsentView, find_consent
from bot.storage.database import DatabaseConnection
from bot.text.inert import shown_in_terminal
from bot.text.numbers import normalise_number
from bot.text.storable import make_storable

#: Whose word it is, for people.
WHOSE = {
    "message": "by their own message",
    "carrier": "by the carrier's word",
    "person": "put on record by a person",
    "import": "by a list that was imported",
}


def show(number: str, *, as_json: bool) -> None:
    """Print it."""
    peer = normalise_number(make_storable(number))
    if not peer:
        raise CommandFailed("NUMBER is empty: write the number of the person.")

    async def ask(connection: DatabaseConnection) -> ConsentView:
        return await find_consent(connection, peer)

    view = ask_database(ask)
    is_known = bool(view.events or view.conversations)
    require_sender(peer, is_kept=is_known)
    if as_json:
        print_json(view)
    elif not is_known:
        click.echo(f"Nothing is kept of {shown_in_terminal(peer)}.", err=True)
    else:
        _print(view)
    if not is_known:
        raise AnswerIsNo


def _print(view: ConsentView) -> None:
    for each in view.conversations:
        state = "has opted out" if each.opted_out else "may be texted"
        since = f", since {local_time(each.since)}" if each.since else ""
        click.echo(f"{shown_in_terminal(view.peer)} {state} by {shown_in_terminal(each.number)}{since}.")
    if not view.events:
        click.echo("They never said that they want no messages, or that they want them again.")
    for event in view.events:
        _print_event(event)


def _print_event(event: ConsentEvent) -> None:
    what = "Opted out of" if event.opted_out else "Opted in to"
    number = shown_in_terminal(event.number) if event.number else "every number"
    click.echo(f"\n{local_time(event.at)}  {what} {number}, {WHOSE[event.source]}")
    lines = {
        "they said": event.words,
        "we said": " / ".join(event.our_words) or None,
        "rule": f"{event.rule}, rule book {event.book_version}" if event.rule else None,
        "by": event.by,
        "stored": local_time(event.noted_at),
        "Azure's id": event.provider_message_id,
        "then": _then(event),
    }
    for name, text in lines.items():
        if text is not None:
            click.echo(f"  {name + ':':12} {shown_in_terminal(text)}")


def _then(event: ConsentEvent) -> str | None:
    if not event.opted_out:
        return None
    if not event.left_after:
        return "nothing left any more"
    seconds = event.seconds_until_silent or 0.0
    return f"{event.left_after:,} more left, the last after {seconds:,.1f} s"
