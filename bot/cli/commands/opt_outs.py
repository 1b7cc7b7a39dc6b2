"""How `bot opt-outs` is called."""

from pathlib import Path
from typing import Any

import rich_click as click

from bot.cli.command_body import run_body
from bot.cli.commands.options import as_json_option


@click.group("opt-outs")
def opt_outs() -> None:
    """Lists of people who want no messages: brought along, taken away, compared with Azure's."""


@opt_outs.command("import")
@click.argument("file", metavar="FILE", type=click.File("rb"))
@click.option(
    "--reason", required=True, metavar="TEXT", help="Where the list is from; it is kept as the evidence."
)
@click.option(
    "--from", "number", metavar="N", help="Only this number of ours may not text them; default: none may."
)
@as_json_option
def import_command(**options: Any) -> None:
    """Opt out everybody in a CSV file, also those who never wrote; `-` reads stdin.

    Numbers may be in any writing; a column of times says when each opted out. The same file once more changes nothing.
    Lines without a usable number are listed with the reason; a quote that is not closed or a time that can't be read is
    an error, and nothing is imported. A bot may run meanwhile.
    """
    run_body("bot.cli.opt_outs:import_command", options)


@opt_outs.command()
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file; default is stdout.")
@as_json_option
def export(**options: Any) -> None:
    """Everybody who has opted out, as CSV that `bot opt-outs import` takes."""
    run_body("bot.cli.opt_outs:export", options)


@opt_outs.command()
@as_json_option
def check(**options: Any) -> None:
    """Compare who has opted out here with Azure's own opt-out list; names each difference and changes nothing.

    Exit status 1: there are differences. Azure's API for that has to be enabled for your resource.
    """
    run_body("bot.cli.opt_outs:check", options)
