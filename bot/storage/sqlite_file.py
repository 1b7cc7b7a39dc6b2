"""The SQLite file that is open, told from whatever else may come to stand under its name.

A file that was deleted, moved or replaced can be written to for as long as it is open, and nobody finds what was
written. So the names are compared with what was opened, by device and inode, before and after every commit: 6 µs.
"""

import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from bot.storage.database_errors import DatabaseInUse, DatabaseUnavailable

_Identity = tuple[int, int]


class LogLost(DatabaseUnavailable):
    """SQLite's write-ahead log or its index is not under its name any more."""


def real_file(path: Path) -> Path:
    """The file that a link leads to; a path that is no link as it is."""
    is_link = os.path.islink(path)  # noqa: PTH114 - it raises nothing where a folder on the way is closed
    return Path(os.path.realpath(path)) if is_link else path


def log_of(path: Path) -> Path:
    """SQLite's write-ahead log of a database's file: beside the file itself, where the name is a link to it."""
    return Path(os.path.realpath(path) + "-wal")


def sqlite_url(path: Path) -> str:
    """The address of a file, whatever its name has: `%20` and `?` in it are what they are."""
    return f"sqlite+aiosqlite:///{quote(str(path))}"


class SqliteFile:
    """The database's file, its write-ahead log (`-wal`) and that log's index (`-shm`)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = str(path)
        self._opened: _Identity | None = None
        self._beside: tuple[str, ...] = ()
        self._opened_beside: dict[str, _Identity] = {}
        self._connections = 0
        #: Keeps the inode's number from being given to another file. `O_PATH`, as closing any other descriptor of the
        #: file would let go of SQLite's locks.
        self._held: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether the file has been opened, so that no other may come in its place."""
        return self._opened is not None

    @property
    def log(self) -> Path:
        """The write-ahead log."""
        return log_of(self.path)

    def claim(self) -> FileLock:
        """Take the file for this process, by whichever name others know it; raises `DatabaseInUse`."""
        place = Path(f"{real_file(self.path)}.lock")
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise DatabaseInUse(self.path) from None
        return lock

    def note_open(self) -> None:
        """A connection to the file has been made; the first one says which file it is."""
        self._connections += 1
        if self._opened is not None:
            return
        self._opened = _identity(self._name)
        real = os.path.realpath(self.path)
        self._beside = (f"{real}-wal", f"{real}-shm")
        if hasattr(os, "O_PATH"):
            self._held = os.open(self._name, os.O_PATH | os.O_CLOEXEC)

    def note_close(self) -> None:
        """A connection is being closed; with the last one SQLite takes its log away, and the next makes it anew."""
        self._connections -= 1
        if self._connections == 0:
            self._opened_beside.clear()

    def check(self) -> None:
        """Raise `DatabaseUnavailable` unless the file is where it was opened; `LogLost` when only its log isn't."""
        if self._opened is None:
            return
        found = self._find(self._name)
        if found != self._opened:
            what = "is gone: it was deleted or moved" if found is None else "was replaced by another file"
            raise DatabaseUnavailable(
                f"{self._name} {what} while the bot runs; put the very file back, or stop the bot,"
                " put a backup in its place and start it again"
            )
        for name in self._beside:
            expected = self._opened_beside.get(name)
            found = self._find(name)
            if expected is None:
                # Without a connection what is there is the log of one that is being closed, which takes it away.
                if found is not None and self._connections:
                    self._opened_beside[name] = found
            elif found != expected:
                raise LogLost(
                    f"{name} was deleted or replaced while the bot runs; its content is being saved"
                )

    def _find(self, name: str) -> _Identity | None:
        """Which file has a name of the database's; raises `DatabaseUnavailable` where that can't be seen."""
        try:
            return _identity(name)
        except PermissionError:
            raise DatabaseUnavailable(
                f"{name} can't be reached: permission denied, as a folder on the way to it may not be searched by the"
                f" user who runs the bot; give that user its rights again (chmod u+rwx {Path(name).parent}), and the"
                " bot goes on by itself"
            ) from None
        except OSError as error:
            raise DatabaseUnavailable(
                f"{name} can't be reached: {error.strerror or type(error).__name__}; see to its disk or network share"
            ) from None

    def close(self) -> None:
        """Another file may come now."""
        self._opened = None
        self._opened_beside.clear()
        if self._held is not None:
            with suppress(OSError):
                os.close(self._held)
            self._held = None


def _identity(name: str) -> _Identity | None:
    """Which file has this name, None for none; raises the `OSError` that keeps it from being seen."""
    try:
        found = os.stat(name)  # noqa: PTH116 - a third of the time that Path takes
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino
