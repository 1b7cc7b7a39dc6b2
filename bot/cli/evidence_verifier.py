"""Checks this folder: that nothing in it was changed, taken away or added since it was made.

    python verify.py

It needs Python 3.8 or newer and nothing else. Exit status 0: all is as it was made; 1: something is not, and what.
"""

from __future__ import annotations  # auditors may have Python 3.8

import hashlib
import json
import sys
from pathlib import Path

LEDGER, MANIFEST = "ledger.jsonl", "manifest.json"
BEGINNING = "0" * 64


def digest_of(content: bytes) -> str:
    """The SHA-256 of bytes, in hex."""
    return hashlib.sha256(content).hexdigest()


def check_ledger(content: bytes) -> tuple[int, str]:
    """The number of lines and the digest of the last one; raises ValueError where the chain does not hold."""
    if not content.endswith(b"\n"):
        raise ValueError(LEDGER + " does not end with a whole line")
    previous, number = BEGINNING, 0
    for line in content[:-1].split(b"\n"):
        number += 1
        try:
            entry = json.loads(line.decode("utf-8"))
        except ValueError:
            raise ValueError(f"line {number} of {LEDGER} is no JSON") from None
        if not isinstance(entry, dict) or entry.get("line") != number or entry.get("previous") != previous:
            raise ValueError(f"line {number} of {LEDGER} does not follow the line before it")
        previous = digest_of(line)
    return number, previous


def manifest_of(files: dict[str, bytes], lines: int, seal: str) -> bytes:
    """The manifest as it must be, to the byte."""
    whole = {"lines": lines, "seal": seal, "files": {name: digest_of(files[name]) for name in sorted(files)}}
    return (json.dumps(whole, indent=2, sort_keys=True) + "\n").encode("ascii")


def verify(folder: Path) -> tuple[int, str]:
    """The number of lines and the seal; raises ValueError with what is wrong."""
    names = sorted(path.name for path in folder.iterdir() if path.name != "__pycache__")
    if names != sorted(["README.txt", LEDGER, MANIFEST, "verify.py"]):
        raise ValueError("the folder holds " + ", ".join(names))
    files = {name: (folder / name).read_bytes() for name in names if name != MANIFEST}
    lines, seal = check_ledger(files[LEDGER])
    found, expected = (folder / MANIFEST).read_bytes(), manifest_of(files, lines, seal)
    if found != expected:
        raise ValueError(MANIFEST + " does not fit the other files: one of them is not as it was made")
    return lines, seal


def main() -> int:
    """Check, and say what was found."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    try:
        lines, seal = verify(folder)
    except (OSError, ValueError) as error:
        sys.stdout.write(f"CHANGED: {error}.\n")
        return 1
    sys.stdout.write(f"The {lines} lines are as they were made. Their seal:\n{seal}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
