"""How commands print: for people on a terminal, for scripts through a pipe."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime

import msgspec
import rich_click as click
from rich.console import Console


def terminal() -> Console:
    """Where tables are printed."""
    console = Console(highlight=False)
    # A pipe has no width; 80 columns would fold the ids that a script looks for.
    return console if console.is_terminal else Console(highlight=False, width=200)


def print_json(value: object) -> None:
    """One JSON document and nothing else."""
    try:
        document = msgspec.json.format(msgspec.json.encode(value), indent=2)
    except UnicodeEncodeError:  # the name of a file that is no UTF-8: its bytes are kept as escapes
        document = json.dumps(msgspec.to_builtins(value), indent=2).encode()
    sys.stdout.buffer.write(document + b"\n")
    sys.stdout.buffer.flush()


def print_texts(label: str, texts: Sequence[str], width: int = 9) -> None:
    """Texts under each other, the first behind a label."""
    for at, text in enumerate(texts or ["(nothing)"]):
        click.echo(
            f"  {f'{label}:' if at == 0 else '':{width}} {text.replace(chr(10), chr(10) + ' ' * (width + 3))}"
        )


def counted(number: int, thing: str, things: str | None = None) -> str:
    """`1 rule`, `1,000 rules`."""
    return f"{number} {thing}" if number == 1 else f"{number:,} {things or thing + 's'}"


def local_time(moment: datetime) -> str:
    """A moment in the time zone of the person who reads it."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
