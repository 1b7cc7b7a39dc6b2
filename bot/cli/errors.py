"""How a command says that it could not do what was asked."""

import os
from pathlib import Path

import click


class CommandFailed(click.ClickException):
    """Wrong usage or configuration: one sentence on stderr, exit status 2."""

    exit_code = 2


class AnswerIsNo(click.exceptions.Exit):
    """The command ran, and its answer is "no": exit status 1."""

    def __init__(self) -> None:
        super().__init__(1)


def unusable_path(error: OSError) -> CommandFailed | None:
    """The sentence that names the file or folder that can't be used, and why; None where the error names none."""
    if not isinstance(error.filename, str | bytes):
        return None
    path = os.fsdecode(error.filename)
    if isinstance(error, PermissionError):
        return lacking_right(Path(path))
    return CommandFailed(
        f"{path} can't be read or written ({error.strerror}): give whoever runs this the right to it, or name another"
        " place."
    )


def lacking_right(path: Path) -> CommandFailed:
    """The sentence about a path that the user who runs this may not use: which folder or file is closed to whom."""
    return CommandFailed(
        f"{path} can't be read or written (Permission denied): give the user {_user()} the right to"
        f" {_closed_place(path)}, or name another place."
    )


def may(path: Path, *rights: int) -> bool:
    """Whether the user who runs this has these rights to what is at a path."""
    return all(
        os.access(path, right, effective_ids=os.access in os.supports_effective_ids) for right in rights
    )


def _closed_place(path: Path) -> Path:
    """The folder on the way that may not be entered; else the file itself, or the folder in which it would be made."""
    for folder in reversed(path.parents):
        if not may(folder, os.X_OK):
            return folder
    return path if may(path, os.F_OK) and not may(path, os.R_OK, os.W_OK) else path.parent


def _user() -> str:
    """The name of the user who runs this."""
    try:
        import pwd  # noqa: PLC0415 - there is none on Windows

        return pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):
        return str(os.geteuid()) if hasattr(os, "geteuid") else "who runs this"
