"""How `bot conversations` is called."""

from typing import Any, Final

import rich_click as click

from bot.cli.command_body import run_body
from bot.cli.commands.options import as_json_option, listing_options, url_option

#: Those of `bot.conversation.delivery`, which is not imported for them; a test holds them equal.
DELIVERY_STATES: Final = ("queued", "sent", "delivered", "failed", "suppressed", "unconfirmed")


@click.group()
def conversations() -> None:
    """What was said, what was answered, and whether it reached the phone."""


@conversations.command("list")
@click.option("--delivery", type=click.Choice(DELIVERY_STATES), help="Only those whose newest reply is so.")
@click.option("--peer", help="Only this person's number, in any writing.")
@click.option("--waiting", is_flag=True, help="Only those in which a person is waited for.")
@click.option("--handed-over", is_flag=True, help="Only those that a person has taken over.")
@listing_options
@as_json_option
def list_command(**options: Any) -> None:
    """Conversations, newest first, with their delivery state."""
    run_body("bot.cli.conversations:list_command", options)


@conversations.command()
@click.argument("conversation_id", metavar="ID")
@as_json_option
def show(**options: Any) -> None:
    """One conversation: each message with its delivery state and the times of each change."""
    run_body("bot.cli.conversations:show", options)


@conversations.command()
@click.option(
    "--since", metavar="TIME", help="Only those with a message since then, as 2026-11-26T12:00:00Z."
)
@click.option("--peer", help="Only this person's number, in any writing.")
def export(**options: Any) -> None:
    """Write JSON Lines to stdout: a conversation a line, with its messages, answers and what people did."""
    run_body("bot.cli.conversation_export:export", options)


@conversations.command("hand-over")
@click.argument("conversation_id", metavar="ID")
@url_option
def hand_over(**options: Any) -> None:
    """Take a conversation over from the running bot: it is silent there until you hand it back."""
    run_body("bot.cli.conversations:hand_over", options)


@conversations.command("hand-back")
@click.argument("conversation_id", metavar="ID")
@url_option
def hand_back(**options: Any) -> None:
    """Hand a conversation back to the running bot: it answers the next message again."""
    run_body("bot.cli.conversations:hand_back", options)
