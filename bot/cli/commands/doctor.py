"""How `bot doctor` is called."""

from typing import Any

import rich_click as click

from bot.cli.command_body import run_body
from bot.cli.commands.options import as_json_option


@click.command()
@click.option(
    "--url",
    metavar="URL",
    help="Where Event Grid reaches the bot, as https://bot.example.com: asked from here.",
)
@as_json_option
def doctor(**options: Any) -> None:
    """Check all that the bot stands on, a line each with the mend; sends nothing and changes nothing.

    Exit status 1 when something must be mended.
    """
    run_body("bot.cli.doctor:doctor", options)
