"""How `bot demo` is called."""

from typing import Any, Final

import rich_click as click

from bot.cli.command_body import run_body

#: `bot.sandbox.events.Schema`, which is not imported for it; a test holds them equal. The first is the default.
SCHEMAS: Final = ("cloudevents", "eventgrid")

schema_option = click.option(
    "--schema",
    type=click.Choice(SCHEMAS),
    default=SCHEMAS[0],
    show_default=True,
    help="The schema in which events come: as docs/azure.md says, or Azure's default.",
)


@click.command()
@schema_option
def demo(**options: Any) -> None:
    """Text the bot from a phone on a web page. Everything is real but Azure, which the sandbox stands in for.

    BOT_HOST, BOT_PORT and BOT_RULES count; without a folder of rules the starter's are used. What the rules fetch and
    forward is real; queues, receivers of events and people to tell are left alone, whatever the settings name.
    """
    run_body("bot.cli.demo:demo", options)
