"""Disks in trouble, each by the most honest means that this machine allows.

A full disk is a small tmpfs where mounting is permitted. What fails in single system calls is a library of ours between
SQLite and the C library where there is a C compiler. A limit on the size of files, which the kernel enforces like a
quota and which can be lifted while the bot runs, works everywhere; nothing here is ever left out for want of means.
"""

import errno
import resource
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from tests.support.failing_disk import failing_disk
from tests.support.processes import Process

#: Holds the file's write lock until it is killed.
LOCKER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=10)
connection.execute("BEGIN EXCLUSIVE")
print("locked: yes", flush=True)
time.sleep(600)
"""
#: What a quota allows a bot that has no file yet: a few lines of its log, and no table.
FIRST_BYTES = 8 * 1024
TMPFS_BYTES = 16 * 1024 * 1024


class Disk:
    """A folder for a bot's database, and the trouble that its disk can be in."""

    #: What SQLite says of this trouble.
    says: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        #: For the bot that uses this disk, which is that `pid` then; 0: whatever this process starts.
        #: No bytecode: a file that a full disk cut short would stop the next process that imports it.
        self.environ = {"PYTHONDONTWRITEBYTECODE": "1"}
        self.pid = 0

    @property
    def file(self) -> Path:
        """The database."""
        return self.folder / "bot.db"

    @property
    def url(self) -> str:
        """The database's address."""
        return f"sqlite+aiosqlite:///{self.file}"

    def begin(self) -> None:
        """The trouble begins, with the bot at work."""
        raise NotImplementedError

    def end(self) -> None:
        """The trouble is over."""
        raise NotImplementedError

    def close(self) -> None:
        """Leave nothing behind."""


class Locked(Disk):
    """Another process holds the lock on the file."""

    says = "database is locked"

    def begin(self) -> None:
        command = [sys.executable, "-c", LOCKER, str(self.file)]
        self._locker = Process(command, folder=self.folder, environ={}, name="locker")
        self._locker.wait_for("locked: (yes)")

    def end(self) -> None:
        self._locker.kill()


class Quota(Disk):
    """The kernel lets no file of the bot grow any more."""

    says = "disk I/O error"

    def begin(self) -> None:
        largest = max((path.stat().st_size for path in self.folder.glob("bot.db*")), default=FIRST_BYTES)
        self._limit(largest)

    def end(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size if size >= 0 else hard, hard))


class Tmpfs(Disk):
    """A small disk, filled up to its last byte by somebody else's file."""

    says = "database or disk is full"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "tmpfs", folder], check=True, timeout=10
        )

    def begin(self) -> None:
        with (self.folder / "ballast").open("wb", buffering=0) as ballast:
            try:
                while ballast.write(b"x" * 4096):
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC  # noqa: PT017 - what it is to fill a disk

    def end(self) -> None:
        (self.folder / "ballast").unlink()

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True, timeout=10)


class Failing(Disk):
    """System calls of SQLite fail, one kind of them and with one error."""

    def __init__(self, folder: Path, *, order: str, says: str) -> None:
        super().__init__(folder)
        self.says = says
        self._order = order
        self._orders = folder / "orders"
        self.environ |= {"LD_PRELOAD": str(failing_disk()), "FAILING_DISK": str(self._orders)}

    def begin(self) -> None:
        draft = self.folder / "draft"
        draft.write_text(self._order)
        draft.rename(self._orders)

    def end(self) -> None:
        self._orders.unlink()


def locked(folder: Path) -> Disk:
    """The file locked by another process."""
    return Locked(folder)


def full(folder: Path) -> Disk:
    """The disk full."""
    if may_mount():
        return Tmpfs(folder)
    if failing_disk():
        return Failing(folder, order=f"write {errno.ENOSPC}", says="database or disk is full")
    return Quota(folder)


def unwritable(folder: Path) -> Disk:
    """The disk's writes failing."""
    return Quota(folder)


def unsyncable(folder: Path) -> Disk:
    """The disk taking writes and failing to keep them."""
    if failing_disk():
        return Failing(folder, order=f"sync {errno.EIO}", says="disk I/O error")
    return Quota(folder)


@cache
def may_mount() -> bool:
    """Whether this user may mount a tmpfs."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
        if (
            shutil.which("mount") is None
            or subprocess.run(command, check=False, capture_output=True).returncode
        ):
            return False
        subprocess.run(["umount", folder], check=True)
        return True
