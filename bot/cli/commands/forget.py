"""How `bot forget` is called."""

from typing import Any

import rich_click as click

from bot.cli.command_body import run_body
from bot.cli.commands.options import as_json_option, url_option


@click.command()
@click.argument("number")
@click.option("--yes", "is_sure", is_flag=True, help="Ask nothing.")
@url_option
@as_json_option
def forget(**options: Any) -> None:
    """Erase a person: conversations, messages, reports, events kept, saved values. It can't be undone.

    Where they opted out, that stays as a keyed hash: they stay opted out. Where a bot runs on the SQLite file, it is
    told to; else the database is opened. Backups that were made before still hold what was erased.
    """
    run_body("bot.cli.forget:forget", options)
