"""The command line, `bot`: each command is declared in `bot.cli.commands`; what it does is imported to run it."""

import importlib
import os
import signal
import sys
from typing import Any, ClassVar

import rich_click as click
from click.exceptions import Exit

from bot import __version__
from bot.cli.command_body import OWN_PROCESS
from bot.cli.errors import CommandFailed, unusable_path
from bot.cli.output_file import flush_stdout, guard_stdout
from bot.operations.output_streams import open_missing

#: Command → where it stands. In the order in which a newcomer meets them.
COMMANDS = {
    "demo": "bot.cli.commands.demo:demo",
    "init": "bot.cli.commands.init:init",
    "serve": "bot.cli.commands.serve:serve",
    "rules": "bot.cli.commands.rules:rules",
    "conversations": "bot.cli.commands.conversations:conversations",
    "answers": "bot.cli.commands.answers:answers",
    "incidents": "bot.cli.commands.incidents:incidents",
    "text": "bot.cli.commands.text:text",
    "sandbox": "bot.cli.commands.sandbox:sandbox",
    "events": "bot.cli.commands.events:events",
    "db": "bot.cli.commands.db:db",
    "people": "bot.cli.commands.people:people",
    "opt-outs": "bot.cli.commands.opt_outs:opt_outs",
    "consent": "bot.cli.commands.consent:consent",
    "evidence": "bot.cli.commands.consent:evidence",
    "forget": "bot.cli.commands.forget:forget",
    "doctor": "bot.cli.commands.doctor:doctor",
}


class LazyGroup(click.RichGroup):
    """A group whose commands are imported when they are asked for."""

    commands_at: ClassVar[dict[str, str]] = COMMANDS

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Every command, in our order."""
        return list(self.commands_at)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        place = self.commands_at.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run; a wrong setting, or a place that may not be used, is a sentence whichever command met it."""
        if ctx.parent is None and any(name.upper().startswith("BOT_") for name in os.environ):
            from bot.settings import warnings_about  # noqa: PLC0415 - without any there is nothing to read

            for sentence in warnings_about(os.environ):
                click.echo(sentence, err=True)
        try:
            return super().invoke(ctx)
        except ValueError as error:
            from bot.settings import WrongSetting  # noqa: PLC0415 - `--help` need not read settings

            if isinstance(error, WrongSetting):
                raise CommandFailed(str(error)) from None
            raise
        except OSError as error:
            refused = unusable_path(error)
            if refused is None:
                raise
            raise refused from None


def _say_version(ctx: click.Context, _option: click.Parameter, is_asked: bool) -> None:
    if is_asked and not ctx.resilient_parsing:
        from bot.installed import newest_schema  # noqa: PLC0415 - `--help` need not look for migrations

        click.echo(f"bot, version {__version__}, schema {newest_schema()}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_say_version,
    help="Show the version and the database's schema that it needs, and exit.",
)
def group() -> None:
    """Answers text messages by rules that anyone can edit."""


def main() -> None:
    """Run `bot`; what fails is one plain sentence on stderr, without a box around it that folds paths."""
    open_missing()
    guard_stdout()
    if sys.argv[1:2] in (["serve"], ["demo"]) and hasattr(signal, "SIGHUP"):
        # They read their rules again on it, once they run; until then, which is a second of imports, it ends nothing.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        code = group.main(args=sys.argv[1:], prog_name="bot", standalone_mode=False, obj=OWN_PROCESS)
    except Exit as ending:
        code = ending.exit_code
    except click.UsageError as error:
        hint = f" Try `{error.ctx.command_path} --help`." if error.ctx else ""
        click.echo(f"{error.format_message()}{hint}", err=True)
        code = error.exit_code
    except click.ClickException as error:
        click.echo(error.format_message(), err=True)
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        click.echo(
            f"A fault of the bot's own: {type(error).__name__}: {error}."
            " Please report it with what `python -X dev -m bot` prints for the same command.",
            err=True,
        )
        code = 2
    sys.exit(_ended(code if isinstance(code, int) else 0))


def _ended(code: int) -> int:
    """The exit status, once all of the output is written."""
    try:
        flush_stdout()
    except Exit as closed:
        return closed.exit_code
    except click.ClickException as error:
        if code:  # it has said so, or something worse
            return code
        click.echo(error.format_message(), err=True)
        return error.exit_code
    return code
