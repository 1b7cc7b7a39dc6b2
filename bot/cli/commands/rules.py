"""How `bot rules` is called."""

from pathlib import Path
from typing import Any

import rich_click as click

from bot.cli.command_body import run_body
from bot.cli.commands.options import as_json_option

_path_argument = click.argument("path", required=False, type=click.Path(path_type=Path))


@click.group()
def rules() -> None:
    """Check rule files, run their tests, and try messages on them."""


@rules.command()
@_path_argument
@as_json_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "sarif"]),
    help="text for people, json, workflow commands of GitHub, or SARIF 2.1.0; default text.",
)
@click.option("--fix", is_flag=True, help="Make the mends that are proven to do no harm, then check.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
def check(**options: Any) -> None:
    """Read every rule file, and say what is wrong or will not do what it seems to.

    PATH is a folder of rule files or one file; default is BOT_RULES. Each finding is a line
    `file:line:column: level code message`. The exit status is 1 when one of them is an error.
    """
    run_body("bot.cli.rules_check:check", options)


@rules.command()
@click.argument("code")
@as_json_option
def explain(**options: Any) -> None:
    """Say what the finding CODE means, with an example of the mistake and of its mend."""
    run_body("bot.cli.rules_explain:explain", options)


@rules.command()
@_path_argument
@as_json_option
@click.option(
    "--accept", is_flag=True, help="Write what is said now into the tests that fail by wording alone."
)
@click.option(
    "--coverage",
    is_flag=True,
    help="List each keyword, edge of hours or dates, language and choice that no test touches.",
)
def test(**options: Any) -> None:
    """Run the tests that are written in the rule files.

    PATH is a folder of rule files or one file; default is BOT_RULES. A failure shows what was heard,
    expected and said. The exit status is 1 when a test fails.
    """
    run_body("bot.cli.rules:test", options)


@rules.command(name="try")
@click.argument("text")
@_path_argument
@click.option("--from", "sender", metavar="NUMBER", help="The number that texts.")
@click.option("--to", "recipient", metavar="NUMBER", help="Our number; default the first in the rules.")
@click.option("--at", metavar="TIME", help="When, as 2026-11-23T18:30+01:00; default now.")
@click.option(
    "--fetched",
    metavar="JSON",
    help='What comes where the rule fetches: {"status": "shipped"}, missing or nothing.',
)
@click.option("--language", metavar="CODE", help="The conversation's, as en or es; default: not known yet.")
@click.option("--rules", "folder", type=click.Path(path_type=Path), help="The same as PATH.")
@click.option("--json", "as_json", is_flag=True, help="Print what POST /api/try answers.")
def try_(**options: Any) -> None:
    """Say what would happen to the message TEXT, and why.

    Changes nothing and needs no database. The sender is new to the bot.
    """
    run_body("bot.cli.rules:try_", options)


@rules.command()
@click.option("--json", "as_json", is_flag=True, help="The same; the schema is one JSON document anyway.")
def schema(**options: Any) -> None:
    """Print the JSON Schema of a rule file, for editors.

    Save it beside the rules and begin each file with `# yaml-language-server: $schema=rules.schema.json`.
    """
    run_body("bot.cli.rules:schema", options)


@rules.command()
@_path_argument
@click.option("--since", metavar="TIME", help="As 2026-11-23T18:30+01:00, or 7d for the last seven days.")
@as_json_option
def replay(**options: Any) -> None:
    """Run a candidate rule book over the stored inbound messages; list every reply that would change.

    PATH is the candidate, a folder of rule files or one file; default is BOT_RULES. Nothing is sent or stored.
    """
    run_body("bot.cli.rules_replay:replay", options)


@rules.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def pull(**options: Any) -> None:
    """Write the rules that live in the database to the folder DIR.

    For BOT_RULES=database:. Files of the same names are written over; rule files that the database has not are
    named, and the exit status is 1 then.
    """
    run_body("bot.cli.rules_stored:pull", options)


@rules.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--over",
    metavar="VERSION",
    help="Store them only in the place of this version, as `bot rules pull` has named it.",
)
def push(**options: Any) -> None:
    """Store the rule files of the folder DIR in the database, in the place of those there.

    For BOT_RULES=database:. They are checked first: with an error nothing is stored, and the exit status is 1. Every
    replica that runs answers by them within five seconds.
    """
    run_body("bot.cli.rules_stored:push", options)
