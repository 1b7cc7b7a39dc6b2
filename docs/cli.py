"""Writes docs/cli.md: what `--help` says of every command.

    .venv/bin/python docs/cli.py

With `-` it prints the page instead. A test fails when the page is out of date.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from click.testing import CliRunner

# A terminal of one width for everybody, and without colours; rich_click reads these when it is imported.
for name in ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "TERMINAL_WIDTH"):
    os.environ.pop(name, None)
os.environ |= {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}

from bot.cli import group  # noqa: E402

PAGE = Path(__file__).resolve().parent / "cli.md"
_HEAD = """\
# The commands

What `--help` says of each, written by `docs/cli.py`. Exit status: 0 done, 1 the answer is "no", 2 wrong usage or
configuration; 130 after Ctrl+C, but 0 of `serve`, `demo` and `sandbox`, which end so when they are asked to; and 141,
without a word, where whoever read the output has closed it, as in `bot conversations export | head -1`. Answers go to
stdout, and logs, as `BOT_LOG_FORMAT` says, to stderr.

Commands that only look read the database themselves. Those that change something do it in one of three ways:

- `conversations hand-over`, `conversations hand-back` and `incidents release` tell the running bot, whatever the
  database: it is found at `BOT_HOST` and `BOT_PORT` or by `--url`, and asked with the token in `BOT_ADMIN_TOKEN`. With
  no bot running they change nothing, and say so.
- `forget` tells the bot at `--url`, or the one that runs on the SQLite file. With none running, and on PostgreSQL, it
  opens the database itself.
- `people`, `opt-outs import`, `events resend`, `rules push` and `db` write to the database themselves, whether a bot
  runs or not; `db restore` and `db copy` refuse while one runs on the SQLite file.

| command | what it does |
| --- | --- |
"""
_WHOLE = 1000  # no sentence about a command is as long


def page() -> str:
    """The text of docs/cli.md."""
    found = list(_commands(group, []))
    rows = [_row(path, command) for path, command in found if not isinstance(command, click.Group)]
    return "\n".join([_HEAD + "".join(rows), *(_section(path) for path, _ in found)])


def _commands(command: click.Command, path: list[str]) -> Iterator[tuple[list[str], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None:
                yield from _commands(found, [*path, name])


def _row(path: list[str], command: click.Command) -> str:
    name = " ".join(["bot", *path])
    said = command.get_short_help_str(_WHOLE).replace("|", "\\|")
    return f"| [`{name}`](#{name.replace(' ', '-')}) | {said} |\n"


def _section(path: list[str]) -> str:
    shown = CliRunner().invoke(group, [*path, "--help"], prog_name="bot")
    if shown.exit_code:
        raise SystemExit(f"bot {' '.join(path)} --help fails: {shown.output}")
    text = "\n".join(line.rstrip() for line in shown.stdout.splitlines()).strip("\n")
    return f"## `{' '.join(['bot', *path])}`\n\n```text\n{text}\n```\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["-"]:
        sys.stdout.buffer.write(page().encode())
    else:
        PAGE.write_text(page(), encoding="utf-8")
