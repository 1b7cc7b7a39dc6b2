"""How `bot demo` is called."""

import rich_click as click

from bot.cli.command_body import run_body


@click.command()
def demo() -> None:
    """Text the bot from a phone on a web page. Everything is real but Azure, which the sandbox stands in for.

    BOT_HOST, BOT_PORT and BOT_RULES count; without a folder of rules the starter's are used.
    """
    run_body("bot.cli.demo:demo", {})
