"""How `bot events` is called."""

from typing import Any

import rich_click as click

from bot.cli.command_body import run_body
from bot.cli.commands.options import as_json_option


@click.group()
def events() -> None:
    """Send Event Grid's events to a bot, and the bot's own to their receivers again."""


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


@events.command()
@click.option(
    "--since",
    required=True,
    metavar="TIME",
    help="Those made since then: 2026-11-23T17:30Z, or how long ago: 2d.",
)
@click.option("--to", metavar="URL", help="For this receiver alone: its address without the query.")
@click.option("--failed", "failed_only", is_flag=True, help="Those alone that were given up.")
@as_json_option
def resend(**options: Any) -> None:
    """Send the events that BOT_EVENTS_TO's receivers were to hear since TIME again, by the same ids.

    A receiver that has an event knows it by its id, the header webhook-id. The running bot posts them.
    """
    run_body("bot.cli.event_resends:resend", options)
