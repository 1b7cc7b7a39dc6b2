"""What a command writes to: stdout or a file, whose failing is never taken for the database's.

What keeps a database from being read is an `OSError`, too, and commands write while they read: these errors are none.
"""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from click.exceptions import Exit

from bot.cli.errors import CommandFailed

#: As of a program that SIGPIPE has ended: `bot conversations export | head -1`.
READER_LEFT: Final = 141


class OutputClosed(Exit):
    """Whoever read the output has had enough: nothing is said, and the exit status is 141."""

    def __init__(self) -> None:
        super().__init__(READER_LEFT)


class _Output(io.FileIO):
    """A file that says itself what keeps it from being written."""

    def __init__(self, place: Path | int, name: str) -> None:
        super().__init__(place, "wb", closefd=isinstance(place, Path))
        self._name = name

    def write(self, data: object) -> int:
        """Raises `OutputClosed` or `CommandFailed`."""
        try:
            return super().write(data)  # type: ignore[arg-type]
        except BrokenPipeError:
            raise OutputClosed from None
        except OSError as error:
            raise cannot_write(self._name, error) from None


def cannot_write(name: str, error: OSError) -> CommandFailed:
    """The sentence that names what can't be written, and why."""
    return CommandFailed(f"{name} can't be written: {error.strerror or error}.")


@contextlib.contextmanager
def output_to(path: Path | None) -> Iterator[BinaryIO]:
    """The file that an option names, or stdout; raises `CommandFailed` where it can't be written."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        file = io.BufferedWriter(_Output(path, str(path)))
    except OSError as error:
        raise cannot_write(str(path), error) from None
    with file:
        yield file


def guard_stdout() -> None:
    """Let all that is written to stdout, by whichever library, fail as an `_Output` does; a terminal does not fail.

    What is no text for the encoding, as in the name of a file, is written as its escape.
    """
    stream = sys.stdout
    if not isinstance(stream, io.TextIOWrapper):
        return
    stream.reconfigure(errors="backslashreplace")
    if stream.isatty():
        return
    output = io.BufferedWriter(_Output(stream.fileno(), "The output"))
    sys.stdout = io.TextIOWrapper(
        output, encoding=stream.encoding, errors=stream.errors, write_through=stream.write_through
    )


def flush_stdout() -> None:
    """Write what is still to be written; raises `OutputClosed` or `CommandFailed`, and tries no more after that."""
    try:
        sys.stdout.flush()
    except (OutputClosed, CommandFailed):
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # Python flushes it once more at its end
        raise
