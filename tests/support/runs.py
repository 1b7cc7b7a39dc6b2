"""What all processes of one run of the tests share, by its environment."""

import os
import shutil
from pathlib import Path

#: Names the folder that they share; `tests/conftest.py` sets both.
RUN_FOLDER = "TESTS_RUN_FOLDER"
#: Names the process whose end is the end of the run.
RUN_OWNER = "TESTS_RUN_OWNER"


def run_folder() -> Path:
    """What all processes of this run of the tests share. Not pytest's: PostgreSQL's user can't read that."""
    return Path(os.environ[RUN_FOLDER])


#: Bytes that have to be free: more than twice what a whole run took at most, 1.4 GiB.
_ROOM = 4 * 1024**3
_MEMORY = Path("/dev/shm")


def in_memory() -> str | None:
    """A folder that lies in memory, if there is one with room: most tests wait for a disk that keeps nothing of them.

    None where `TMPDIR` names a folder: whoever sets it wants the files there.
    """
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK | os.X_OK):
        return None
    facts = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    free = int(facts["MemAvailable"].removesuffix("kB")) * 1024
    return str(_MEMORY) if min(free, shutil.disk_usage(_MEMORY).free) > _ROOM else None
