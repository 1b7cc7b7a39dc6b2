"""How a command says that it could not do what was asked."""

import os

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
    return CommandFailed(
        f"{os.fsdecode(error.filename)} can't be read or written ({error.strerror}): give whoever runs this the right"
        " to it, or name another place."
    )
