"""What all processes of one run of the tests share, by its environment."""

import os
from pathlib import Path

#: Names the folder that they share; `tests/conftest.py` sets both.
RUN_FOLDER = "TESTS_RUN_FOLDER"
#: Names the process whose end is the end of the run.
RUN_OWNER = "TESTS_RUN_OWNER"


def run_folder() -> Path:
    """What all processes of this run of the tests share. Not pytest's: PostgreSQL's user can't read that."""
    return Path(os.environ[RUN_FOLDER])
