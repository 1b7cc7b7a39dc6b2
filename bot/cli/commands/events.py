"""How `bot events` is called."""

from typing import Any

import rich_click as click

from bot.cli.command_body import run_body


@click.group()
def events() -> None:
    """Send Event Grid events."""


@events.command()
@click.argument("file", type=click.File("rb"))
@click.option(
    "--url", required=True, metavar="URL", help="The webhook, such as http://127.0.0.1:8000/events."
)
@click.option("--secret", metavar="S", help="Sent as X-Bot-Secret; or write ?code=S into the URL.")
def post(**options: Any) -> None:
    """Send the events of FILE (- for stdin) in one request, and print what the bot answers.

    FILE is what Event Grid sends: a JSON array of events, one event, or CloudEvents. Exit status 1 when the
    bot refuses them.
    """
    run_body("bot.cli.events:post", options)
