"""How a command says that it could not do what was asked."""

import click


class CommandFailed(click.ClickException):
    """Wrong usage or configuration: one sentence on stderr, exit status 2."""

    exit_code = 2


class AnswerIsNo(click.exceptions.Exit):
    """The command ran, and its answer is "no": exit status 1."""

    def __init__(self) -> None:
        super().__init__(1)
