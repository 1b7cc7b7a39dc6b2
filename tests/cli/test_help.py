"""`--help` answers at once: it imports nothing of what a command does, and says what that takes."""

import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import get_args

import click
import pytest

from bot.cli import group
from bot.cli.commands.conversations import DELIVERY_STATES
from bot.cli.commands.demo import SCHEMAS
from bot.cli.commands.incidents import KINDS
from bot.cli.commands.sandbox import NUMBER
from bot.conversation import delivery, incidents
from bot.sandbox.events import Schema
from bot.sandbox.sandbox import NUMBER as SANDBOX_NUMBER

#: What `--help` may import beside the standard library: what prints it.
PRINTING = {"bot", "click", "markdown_it", "mdurl", "pygments", "rich", "rich_click", "typing_extensions"}

ASK_EACH = """
import sys
from bot.cli import group

def ask(command, path):
    group.main([*path, "--help"], prog_name="bot", standalone_mode=False)
    for name in getattr(command, "list_commands", lambda context: [])(None):
        ask(command.get_command(None, name), [*path, name])

before = set(sys.modules)
ask(group, [])
print(*sorted(sys.modules), file=sys.stderr)
"""


def commands(
    command: click.Command = group, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    for name in command.list_commands(click.Context(command)):
        found = command.get_command(click.Context(command), name)
        assert found is not None
        yield from commands(found, (*path, name))


def test_help_imports_nothing_but_what_prints_it() -> None:
    done = subprocess.run([sys.executable, "-c", ASK_EACH], capture_output=True, text=True, check=True)
    assert all(f"bot {name}" in done.stdout for name, _ in commands())
    imported = set(done.stderr.split())
    ours = {name for name in imported if name.startswith("bot.")}
    assert {name for name in ours if not name.startswith("bot.cli.commands")} == {
        "bot.cli", "bot.cli.command_body", "bot.cli.errors", "bot.cli.output_file",
        "bot.operations", "bot.operations.output_streams",
    }  # fmt: skip
    others = {name.partition(".")[0] for name in imported} - sys.stdlib_module_names - PRINTING
    # What a virtual environment imports at every start, whatever runs.
    at_start = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert others <= {name.partition(".")[0] for name in at_start}


@pytest.mark.parametrize(("name", "command"), [pytest.param(*one, id=one[0]) for one in commands()])
def test_what_a_command_does_takes_what_the_command_is_given(name: str, command: click.Command) -> None:
    assert command.callback is not None
    place = re.search(r'run_body\("([\w.]+):(\w+)", (?:options|\{\})\)', inspect.getsource(command.callback))
    assert place, name
    does = getattr(importlib.import_module(place[1]), place[2])
    assert set(inspect.signature(does).parameters) == {parameter.name for parameter in command.params}


def test_the_choices_are_those_that_there_are() -> None:
    assert tuple(incidents.KINDS) == KINDS
    assert tuple(delivery.DELIVERY_STATES) == DELIVERY_STATES
    assert SANDBOX_NUMBER == NUMBER
    assert get_args(Schema) == SCHEMAS
