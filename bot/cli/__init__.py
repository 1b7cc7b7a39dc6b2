"""The command line, `bot`: each command stands in a module of its own and is imported when it is called."""

import importlib
import sys
from typing import Any, ClassVar

import rich_click as click

from bot import __version__
from bot.cli.failures import Failure
from bot.settings import WrongSetting

#: Command → where it stands. In the order in which a newcomer meets them.
COMMANDS = {
    "demo": "bot.cli.demo:demo",
    "init": "bot.cli.init:init",
    "serve": "bot.cli.serve:serve",
    "rules": "bot.cli.rules:rules",
    "conversations": "bot.cli.conversations:conversations",
    "text": "bot.cli.text:text",
    "sandbox": "bot.cli.sandbox:sandbox",
    "events": "bot.cli.events:events",
    "db": "bot.cli.db:db",
}


class LazyGroup(click.RichGroup):
    """A group whose commands are imported when they are asked for: `bot --help` need not load Azure's SDK."""

    commands_at: ClassVar[dict[str, str]] = COMMANDS

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in our order."""
        return list(self.commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        place = self.commands_at.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run; a wrong setting is a wrong configuration whichever command met it."""
        try:
            return super().invoke(ctx)
        except WrongSetting as error:
            raise Failure(str(error)) from None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bot")
def group() -> None:
    """Answers text messages by rules that anyone can edit."""


def main() -> None:
    """Run `bot`. An unexpected failure is one sentence, too."""
    group.main(args=sys.argv[1:], prog_name="bot")
