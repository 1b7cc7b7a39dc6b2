"""How `bot answers` is called."""

from pathlib import Path
from typing import Any

import rich_click as click

from bot.cli.command_body import run_body
from bot.cli.commands.options import as_json_option, listing_options


@click.group()
def answers() -> None:
    """What people answered to questions, and what rules recorded."""


@answers.command("list")
@listing_options
@as_json_option
def list_command(**options: Any) -> None:
    """The rules that keep answers, each with how many it has."""
    run_body("bot.cli.answers:list_command", options)


@answers.command()
@click.argument("rule", metavar="RULE")
@as_json_option
def show(**options: Any) -> None:
    """The tally of one rule: how many talks began and ended how, and what was answered to each question."""
    run_body("bot.cli.answers:show", options)


@answers.command()
@click.argument("rule", metavar="RULE")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "xlsx", "jsonl"]),
    default="csv",
    show_default=True,
    help="A spreadsheet, or JSON Lines.",
)
@click.option(
    "--since", metavar="TIME", help="Only talks begun since then: 2026-11-23T18:30+01:00, or 7d ago."
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file; default is stdout.")
def export(**options: Any) -> None:
    """The rows of one rule, newest first.

    In a spreadsheet no cell is a formula: an apostrophe stands before what one might run.
    """
    run_body("bot.cli.answers:export", options)
