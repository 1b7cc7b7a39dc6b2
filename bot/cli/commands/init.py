"""How `bot init` is called."""

from pathlib import Path
from typing import Any

import rich_click as click

from bot.cli.command_body import run_body


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path))
def init(**options: Any) -> None:
    """Write a starter folder: `rules/` with a tested rule book, and a commented `.env`.

    A file that is there already is left as it is.
    """
    run_body("bot.cli.init:init", options)
