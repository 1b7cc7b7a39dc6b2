"""`bot incidents`: what a person should look at, and that they have."""

import rich_click as click
from rich.markup import escape
from rich.table import Table

from bot.cli.api_client import tell_bot
from bot.cli.database_access import ask_database
from bot.cli.errors import CommandFailed
from bot.cli.output import local_time, print_json, terminal
from bot.conversation.incidents import KINDS, IncidentFilter, IncidentView, Kind, list_incidents
from bot.storage.database import DatabaseConnection
from bot.storage.pages import Page, WrongCursor
from bot.text.inert import shown_in_terminal


def list_command(
    kind: Kind | None, limit: int, cursor: str | None, *, with_closed: bool, as_json: bool
) -> None:
    """What a person should look at, newest first."""
    wanted = IncidentFilter(open=None if with_closed else True, kind=kind)

    async def ask(connection: DatabaseConnection) -> Page[IncidentView]:
        return await list_incidents(connection, wanted, limit=limit, cursor=cursor)

    try:
        page = ask_database(ask)
    except WrongCursor as error:
        raise CommandFailed(str(error)) from None
    if as_json:
        print_json(page)
        return
    if not page.items:
        click.echo("Nothing to look at.")
        return
    table = Table("Since", "Peer", "What", "Seen to", "Conversation", "Id", box=None, pad_edge=False)
    for item in page.items:
        what = KINDS.get(item.kind, item.kind)
        why = "" if item.reason in what else f" ({item.reason})"
        ended = f"{item.outcome}, {item.closed_by or 'by the peer'}" if item.closed_at else ""
        table.add_row(
            local_time(item.opened_at),
            escape(shown_in_terminal(item.peer)),
            escape(shown_in_terminal(what + why)),
            escape(shown_in_terminal(ended)),
            item.conversation_id,
            item.id,
        )
    terminal().print(table)
    if page.next:
        click.echo(f"There are more: --cursor {page.next}")


def release(incident_id: str, url: str | None, *, is_opt_out: bool) -> None:
    """Tell the running bot that an incident has been seen to: where it fell silent, it answers again."""
    answer = tell_bot("POST", "incidents", incident_id, "release", url=url, body={"opt_out": is_opt_out})
    click.echo(f"{shown_in_terminal(answer['peer'])}: {answer['outcome']}.")
