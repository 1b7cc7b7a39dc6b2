"""Looks for texts in the bytes of a database's file: `python -m bot.storage.traces FILE`, the texts as JSON on stdin.

A program of its own: closing a second descriptor of the file would let go of the locks that SQLite holds for the
process that has it open.
"""

import json
import os
import re
import sys
from collections.abc import Collection
from pathlib import Path

#: Bytes that are read at once.
_CHUNK = 4 * 1024 * 1024


def count_traces(path: Path, texts: Collection[str]) -> int:
    """How often the texts stand in the file and its log."""
    needles = sorted({text.encode() for text in texts if text}, key=len, reverse=True)
    if not needles:
        return 0
    pattern = re.compile(b"|".join(re.escape(needle) for needle in needles))
    log = Path(os.path.realpath(path) + "-wal")  # beside the file itself, where the name is a link to it
    return sum(_count(file, pattern, len(needles[0])) for file in (path, log) if file.exists())


def _count(path: Path, pattern: re.Pattern[bytes], longest: int) -> int:
    found, rest = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            data = rest + chunk
            end = 0
            for hit in pattern.finditer(data):
                found, end = found + 1, hit.end()
            rest = data[max(end, len(data) - longest + 1) :]
    return found


if __name__ == "__main__":
    sys.stdout.write(str(count_traces(Path(sys.argv[1]), json.load(sys.stdin))))
