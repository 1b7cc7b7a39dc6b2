"""Where the admin token that was made for a run is told: to a person on a terminal, else in a file for its owner alone.

What is printed elsewhere ends in a log, where everybody who reads logs could edit rules and text people.
"""

import contextlib
import os
import sys
from pathlib import Path

from bot.app import Service
from bot.cli.errors import CommandFailed

NAME = "admin-token"


def token_line(service: Service) -> str:
    """The token itself where somebody watches; else the file that it was written to, of mode 0600."""
    if sys.stderr.isatty():
        return service.admin_token
    return str(_written(service))


def _written(service: Service) -> Path:
    folder = service.database.path.parent if service.database.path is not None else Path()
    path = folder / NAME
    try:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()  # never into a file that somebody else has made
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(service.admin_token + "\n")
    except OSError as error:
        raise CommandFailed(
            f"The admin token of this run can't be written to {path} ({error.strerror}): set BOT_ADMIN_TOKEN to one of"
            " your own."
        ) from None
    return path
