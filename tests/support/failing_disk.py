"""`failing_disk.c` as a library that stands between SQLite and the C library."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

from filelock import FileLock

from tests.support.runs import run_folder


@cache
def failing_disk() -> Path | None:
    """`failing_disk.c` as a library, one for the whole run; None without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    source = Path(__file__).with_name("failing_disk.c")
    library = run_folder() / "failing_disk.so"
    with FileLock(f"{library}.lock"):
        command = [compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
        if library.exists():
            return library
        if subprocess.run(command, check=False, capture_output=True, timeout=60).returncode:
            return None  # a compiler without the C library's headers
    return library
