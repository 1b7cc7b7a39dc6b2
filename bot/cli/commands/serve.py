"""How `bot serve` is called."""

import rich_click as click

from bot.cli.command_body import run_body


@click.command()
def serve() -> None:
    """Take events, answer them by the rules, and show what became of it.

    Settings come from the environment and from `.env`; `bot init` writes one with every variable explained.
    """
    run_body("bot.cli.serve:serve", {})
