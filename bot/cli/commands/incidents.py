"""How `bot incidents` is called."""

from typing import Any, Final

import rich_click as click

from bot.cli.command_body import run_body
from bot.cli.commands.options import as_json_option, listing_options, url_option

#: The kinds of `bot.conversation.incidents`, which is not imported for them; a test holds them equal.
KINDS: Final = ("loop", "repeats", "opt-out", "handover", "codes")


@click.group()
def incidents() -> None:
    """What a person should look at: silences, possible opt-outs, people who wait for an answer."""


@incidents.command("list")
@click.option("--kind", type=click.Choice(KINDS), help="Only these.")
@click.option("--all", "with_closed", is_flag=True, help="Those that somebody has seen to as well.")
@listing_options
@as_json_option
def list_command(**options: Any) -> None:
    """What a person should look at, newest first."""
    run_body("bot.cli.incidents:list_command", options)


@incidents.command()
@click.argument("incident_id", metavar="ID")
@click.option(
    "--opt-out", "is_opt_out", is_flag=True, help="The message was an opt-out: send the peer no more."
)
@url_option
def release(**options: Any) -> None:
    """Tell the running bot that an incident has been seen to: where it fell silent, it answers again."""
    run_body("bot.cli.incidents:release", options)
