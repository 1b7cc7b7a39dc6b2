"""Processes that `tests/support/fork_server.py` has forked."""

import contextlib
import functools
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from filelock import FileLock

from tests.support.failing_disk import failing_disk
from tests.support.runs import RUN_OWNER, run_folder

#: Names a library that stands before all others: a process can have it from its start only, and so its server has it.
#: The one that can let a disk fail does nothing until its variable is set, and every fork has it.
PRELOADED = "LD_PRELOAD"
#: Bytes that a request has at most.
LONGEST = 128 * 1024


class Forked:
    """A process that the server forked, as `subprocess.Popen` shows one."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.pid = int(connection.recv(16))
        self._status: int | None = None

    def __del__(self) -> None:
        """Nobody waits for its end any more."""
        self._connection.close()

    def poll(self) -> int | None:
        """Its exit status, None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, once it has ended."""
        if self._status is None:
            self._connection.settimeout(timeout)
            try:
                told = self._connection.recv(16)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired("a forked process", timeout or 0) from None
            self._connection.close()
            self._status = int(told or -signal.SIGKILL)
        return self._status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it in the midst of whatever it does."""
        self.send_signal(signal.SIGKILL)


def may_fork() -> bool:
    """Whether there is a run that a server could end with; it uses what only Linux has."""
    return sys.platform == "linux" and RUN_OWNER in os.environ


def fork(
    module: str,
    arguments: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    streams: Sequence[int],
    files: int | None = None,
    without: Sequence[str] = (),
) -> Forked:
    """Run a module as a process; `streams` are the files of its stdin, stdout and stderr.

    As any other process it inherits how large this one lets files grow, and how many it may open unless that is said.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(_address(env.get(PRELOADED) or str(failing_disk() or "")))
    opened = (files, files) if files else resource.getrlimit(resource.RLIMIT_NOFILE)
    largest = resource.getrlimit(resource.RLIMIT_FSIZE)
    resources = [(resource.RLIMIT_NOFILE, opened), (resource.RLIMIT_FSIZE, largest)]
    limits = {"resources": resources, "without": list(without)}
    asked = json.dumps([module, list(arguments), str(cwd), dict(env), limits]).encode()
    assert len(asked) < LONGEST
    socket.send_fds(connection, [asked], list(streams))
    return Forked(connection)


@functools.cache
def _address(preloaded: str) -> str:
    """Where the run's server listens that has this library; whichever process asks first starts it."""
    address = run_folder() / f"fork_server{sha256(preloaded.encode()).hexdigest()[:8]}"
    with FileLock(f"{address}.lock"):
        if not address.exists():
            subprocess.run(
                [sys.executable, "-m", "tests.support.fork_server", str(address), os.environ[RUN_OWNER]],
                cwd=Path(__file__).parents[2],
                env=os.environ | {"PYTHONUTF8": "1"} | ({PRELOADED: preloaded} if preloaded else {}),
                stdin=subprocess.DEVNULL,
                check=True,
            )
    return str(address)
