"""The file `.env`: settings a line each, as NAME=VALUE."""

import os
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from bot.setting_values import WrongSetting


def read_env_file(path: Path) -> dict[str, str]:
    """What the file sets; nothing where there is none. A `$` in a password or a key is a `$`.

    Raises `WrongSetting` for a line that can't be read, which `dotenv_values` would log and pass over.
    """
    written: dict[str, str] = {}
    for binding in parse_stream(StringIO(_text_of(path))):
        if binding.error:
            # Without its text, which may hold a secret.
            raise WrongSetting(
                f"Line {_line_of(binding)} of {path}",
                "can't be read: write NAME=VALUE, and end a value that begins with a quote with the same quote;"
                " a comment begins with #.",
            )
        if binding.key is not None and binding.value is not None:
            written[binding.key] = binding.value
    return written


def _text_of(path: Path) -> str:
    try:
        # utf-8-sig: editors on Windows put a mark before the text.
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        # Docker makes a folder of a file that is to be mounted and is not there.
        if isinstance(error, OSError) and (path.is_dir() or not os.access(path, os.F_OK)):
            return ""
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise WrongSetting(str(path), f"cannot be read ({reason}): mend or remove it.") from error


def _line_of(binding: Binding) -> int:
    """The number of the line; dotenv counts from the empty lines before it."""
    text = binding.original.string
    empty = text[: len(text) - len(text.lstrip())]
    return binding.original.line + empty.count("\n")  # read as text, where every line ends so
