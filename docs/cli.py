"""Writes docs/cli.md: what `--help` says of every command.

    .venv/bin/python docs/cli.py

A test fails when the page is out of date.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import click
from click.testing import CliRunner

from bot.cli import group

PAGE = Path(__file__).resolve().parent / "cli.md"
_HEAD = """\
# The commands

What `--help` says of each, written by `docs/cli.py`. [operations.md](operations.md) says when to use which.
"""


def page() -> str:
    """The text of docs/cli.md."""
    return "\n".join([_HEAD, *(_section(path) for path in _commands(group, []))])


def _commands(command: click.Command, path: list[str]) -> Iterator[list[str]]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None:
                yield from _commands(found, [*path, name])


def _section(path: list[str]) -> str:
    # A terminal of one width for everybody, and without colours.
    shown = CliRunner(
        env={"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1", "TERM": "dumb"}
    ).invoke(group, [*path, "--help"], prog_name="bot")
    if shown.exit_code:
        raise SystemExit(f"bot {' '.join(path)} --help fails: {shown.output}")
    lines = [line.rstrip() for line in shown.stdout.splitlines()]
    text = "\n".join(lines).strip("\n")
    return f"## `{' '.join(['bot', *path])}`\n\n```text\n{text}\n```\n"


if __name__ == "__main__":
    for name in [name for name in os.environ if name.startswith("BOT_")]:
        del os.environ[name]
    PAGE.write_text(page(), encoding="utf-8")
