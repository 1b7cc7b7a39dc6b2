"""How `bot sandbox` is called."""

from typing import Any, Final

import rich_click as click

from bot.cli.command_body import run_body
from bot.cli.commands.demo import schema_option

#: The secret in the default webhook address; it opens nothing but a bot that was told to accept it.
WEBHOOK_SECRET: Final = "the-sandbox-and-nothing-else"  # noqa: S105
WEBHOOK: Final = f"http://127.0.0.1:8000/events?code={WEBHOOK_SECRET}"
#: `bot.sandbox.sandbox.NUMBER`, which is not imported for it; a test holds them equal.
NUMBER: Final = "+15555550100"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8001, show_default=True, type=click.IntRange(0, 65535), help="0: any free.")
@click.option("--webhook", default=WEBHOOK, show_default=True, metavar="URL", help="The bot's webhook.")
@click.option("--access-key", metavar="KEY", help="Base64, as Azure's are.")
@click.option("--number", default=NUMBER, show_default=True, help="The bot's number.")
@schema_option
def sandbox(**options: Any) -> None:
    """Stand in for the ACS SMS endpoint and for Event Grid's delivery, with phones to text the bot from.

    Prints the settings with which the bot uses it.
    """
    run_body("bot.cli.sandbox:sandbox", options)
