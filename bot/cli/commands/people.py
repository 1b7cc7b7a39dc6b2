"""How `bot people` is called."""

from typing import Any

import rich_click as click

from bot.cli.command_body import run_body
from bot.cli.commands.options import as_json_option

#: As `bot.roles` has them, which --help does not import.
ROLES = ("viewer", "support", "editor", "admin")

_url_option = click.option(
    "--url", help="The console's address, for the link. [default: BOT_PUBLIC_URL, or where BOT_PORT says]"
)


@click.group()
def people() -> None:
    """Who may log in to the console by name.

    What changes is written to the database, whether a bot runs or not; a running one heeds it at once.
    """


@people.command("list")
@as_json_option
def list_command(**options: Any) -> None:
    """Everybody, with their role."""
    run_body("bot.cli.people:list_command", options)


@people.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What they may do.")
@_url_option
@as_json_option
def add(**options: Any) -> None:
    """Let somebody in: prints a login link that works once, for a day.

    A viewer looks; support answers people as well; an editor changes rules as well; an admin does everything.
    """
    run_body("bot.cli.people:add", options)


@people.command()
@click.argument("name")
@as_json_option
def remove(**options: Any) -> None:
    """Let somebody in no more: they are out at once, in every browser. What they did goes on to bear their name."""
    run_body("bot.cli.people:remove", options)


@people.command()
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@as_json_option
def role(**options: Any) -> None:
    """Give somebody another role, which holds at once."""
    run_body("bot.cli.people:role", options)


@people.command()
@click.argument("name")
@_url_option
@as_json_option
def login(**options: Any) -> None:
    """Print a login link for somebody: it works once, for a day, and ends one that was not used."""
    run_body("bot.cli.people:login", options)
