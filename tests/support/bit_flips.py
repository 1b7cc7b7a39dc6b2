"""Changes single bits of a folder of evidence, and asks its own verify.py whether it finds that."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = ("ledger.jsonl", "manifest.json", "README.txt", "verify.py")
#: What a program with a changed bit may end with, beside what it says itself.
_BROKEN = (
    ValueError, OSError, SyntaxError, NameError, TypeError, AttributeError, LookupError, ImportError, AssertionError,
)  # fmt: skip


def found_flips(folder: Path, count: int, chance: random.Random) -> tuple[int, list[tuple[str, int]]]:
    """How many of so many changes of one bit are found, and those that are not: the file and the bit."""
    whole = {name: (folder / name).read_bytes() for name in NAMES}
    places = [(name, bit) for name in NAMES for bit in range(len(whole[name]) * 8)]
    missed = []
    for _ in range(count):
        name, bit = chance.choice(places)
        changed = bytearray(whole[name])
        changed[bit // 8] ^= 1 << bit % 8
        (folder / name).write_bytes(changed)
        try:
            checking(folder)(folder)
        except _BROKEN:
            pass
        else:
            missed.append((name, bit))
        finally:
            (folder / name).write_bytes(whole[name])
    return count - len(missed), missed


def checking(folder: Path) -> Callable[[Path], Any]:
    """The verifier as it stands in the folder."""
    names: dict[str, Any] = {"__name__": "verify"}
    exec(compile((folder / "verify.py").read_bytes(), "verify.py", "exec"), names)
    check: Callable[[Path], Any] = names["verify"]
    return check
