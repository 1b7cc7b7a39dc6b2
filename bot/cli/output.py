"""How commands print: for people on a terminal, for scripts through a pipe."""

from datetime import datetime

import msgspec
import rich_click as click
from rich.console import Console


def terminal() -> Console:
    """Where tables are printed."""
    console = Console(highlight=False)
    # A pipe has no width; 80 columns would fold the ids that a script looks for.
    return console if console.is_terminal else Console(highlight=False, width=200)


def print_json(value: object) -> None:
    """One JSON document."""
    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


def local_time(moment: datetime) -> str:
    """A moment on the clock of whoever reads it."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
