"""`bot init`: a folder to start from."""

import os
import secrets
import shlex
import textwrap
from pathlib import Path

import rich_click as click

from bot.cli.errors import CommandFailed
from bot.installed import starter_rules_folder
from bot.settings import SETTINGS, Setting

_RULE_FILES = ("*.yaml", "*.yml")
#: What editors complete rule files by; the files' first lines name it.
_SCHEMA = "rules.schema.json"


def init(folder: Path) -> None:
    """Write a starter folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_rules(folder / "rules")
        _write_environment(folder / ".env")
    except OSError as error:
        raise CommandFailed(
            f"{error.filename or folder} can't be written ({error.strerror}): choose a folder that is yours."
        ) from None
    click.echo(_next_steps(folder))


def environment_file(webhook_secret: str) -> str:
    """The text of a `.env` that explains every variable and sets the one that can be made up."""
    return "\n".join(
        [
            "# Settings of the bot. What begins with # is a comment: it shows the default, or an example.",
            "# A variable of the process's own environment wins over this file. Keep the file to yourself.",
            *(line for setting in SETTINGS for line in ("", *_explained(setting, webhook_secret))),
            "",
        ]
    )


def _explained(setting: Setting, webhook_secret: str) -> list[str]:
    lines = textwrap.wrap(setting.help, width=98, initial_indent="# ", subsequent_indent="# ")
    if setting.name == "BOT_WEBHOOK_SECRETS":
        return [*lines, "# Made by `bot init`, known to nobody else yet.", f"{setting.name}={webhook_secret}"]
    # Quoted where a shell or systemd would stop reading at the semicolon.
    shown = setting.default or shlex.quote(setting.example)
    return [*lines, f"# {setting.name}={shown}"]


def _write_rules(target: Path) -> None:
    target.mkdir(exist_ok=True)
    # The starter's rules among their own would change what their bot answers: all or none.
    theirs = sorted(path for pattern in _RULE_FILES for path in target.glob(pattern))
    for path in theirs:
        _say_left_alone(path)
    if theirs:
        return
    for pattern in (*_RULE_FILES, _SCHEMA):
        for source in sorted(starter_rules_folder().glob(pattern)):
            _write_new(target / source.name, source.read_bytes(), mode=0o666)


def _write_environment(path: Path) -> None:
    text = environment_file(secrets.token_hex(32))
    _write_new(path, text.encode(), mode=0o600)


def _write_new(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file that is not there yet; O_EXCL, so that nobody's file is lost in a race either."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    except FileExistsError:
        _say_left_alone(path)
        return
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    click.echo(f"wrote       {path}")


def _say_left_alone(path: Path) -> None:
    click.echo(f"left alone  {path}")


def _next_steps(folder: Path) -> str:
    enter = "" if folder.resolve() == Path.cwd() else f"  cd {shlex.quote(str(folder))}\n"
    return (
        f"\nNext:\n{enter}"
        "  bot demo         text the bot from a page; needs no Azure account\n"
        "  bot rules check  after you changed a rule: says where it can't be read\n"
        "\n"
        "For a real number: put BOT_ACS_CONNECTION_STRING into .env, run `bot serve` behind https, and let\n"
        "Event Grid deliver to https://YOUR-HOST/events?code=SECRET, with the secret that stands in .env."
    )
