"""How `bot consent` and `bot evidence` are called."""

from pathlib import Path
from typing import Any

import rich_click as click

from bot.cli.command_body import run_body
from bot.cli.commands.options import as_json_option


@click.group()
def consent() -> None:
    """What people agreed to and revoked."""


@consent.command()
@click.argument("number", metavar="NUMBER")
@as_json_option
def show(**options: Any) -> None:
    """Each opt-out and opt-in of a person: their words, ours, the rule, Azure's time, how long until nothing left."""
    run_body("bot.cli.consent:show", options)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--since", required=True, metavar="TIME", help="What was noted since then: 2026-11-23T17:30Z, or 90d ago."
)
@as_json_option
def evidence(**options: Any) -> None:
    """Write a folder that proves who agreed and revoked, and that an auditor checks without us.

    It holds the ledger as JSON Lines, each line chained to the one before by SHA-256, and verify.py, which needs Python
    alone. Note the seal that is printed somewhere else: who has it can tell that the whole folder was not made anew.
    """
    run_body("bot.cli.evidence:evidence", options)
