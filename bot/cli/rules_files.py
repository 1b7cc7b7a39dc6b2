"""Rule files that a command has changed, written back."""

from collections.abc import Mapping
from pathlib import Path

from bot.cli.errors import CommandFailed
from bot.rulebook.editing.folder import CannotWrite, Changed, RuleFolder, WrongName, etag_of


def write_back(path: Path, before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Write the files whose text is another one, and say which; raises `CommandFailed` where that can't be done."""
    folder = RuleFolder(path)
    written = [name for name, text in after.items() if text != before[name]]
    for name in written:
        try:
            folder.write(name, after[name], {etag_of(before[name])})
        except (CannotWrite, Changed, WrongName) as error:
            raise CommandFailed(str(error)) from None
    return written
