"""How `bot text` is called."""

from typing import Any

import rich_click as click

from bot.cli.command_body import run_body


@click.command()
@click.argument("message")
@click.option("--from", "sender", default="+15555550101", show_default=True, help="The phone's number.")
@click.option("--to", "recipient", metavar="NUMBER", help="The bot's number; default: the sandbox's.")
@click.option("--sandbox", "url", metavar="URL", help="Default: at BOT_HOST and BOT_PORT, else port 8001.")
@click.option("--wait", default=10.0, show_default=True, type=click.FloatRange(0), help="Seconds at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def text(**options: Any) -> None:
    """Text the bot through a running sandbox, and print its replies as they arrive.

    Ends when the bot has been quiet for a moment, with exit status 1 when it did not reply.
    """
    run_body("bot.cli.text:text", options)
