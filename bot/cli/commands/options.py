"""Options that several commands have."""

from collections.abc import Callable
from typing import Any, TypeVar

import rich_click as click

Command = TypeVar("Command", bound=Callable[..., Any])

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")

url_option = click.option(
    "--url",
    metavar="URL",
    help="Where the bot runs; default: at BOT_HOST and BOT_PORT. The token is BOT_ADMIN_TOKEN's.",
)


def listing_options(command: Command) -> Command:
    """`--limit` and `--cursor`."""
    limit = click.option(
        "--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many at most."
    )
    cursor = click.option("--cursor", help="Where to go on: `next` of the listing before.")
    return limit(cursor(command))
