"""Backups of an SQLite file: taken while the bot runs, checked, and put back."""

import contextlib
import itertools
import os
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from bot.storage.sqlite_file import real_file

#: Pages of a step, 4 MiB: the progress bar moves, and an interrupted copy ends soon.
_STEP = 1_024

#: How the names of a database's file and of those beside it end.
_FILES = ("", "-wal", "-shm")

#: Called with how many pages are copied, and of how many.
CopyProgress = Callable[[int, int], None]


class CannotBackUp(Exception):
    """The backup can't be made or put back; the message says why, with the mend."""


class BackupFacts(Struct, frozen=True, kw_only=True):
    """What a backup is."""

    path: Path
    size: int
    revision: str | None


def back_up(source: Path, target: Path, on_progress: CopyProgress, *, replace: bool = False) -> BackupFacts:
    """Copy a database as it is at this moment; a bot that runs goes on writing meanwhile.

    All of it is read in one transaction: a copy that began anew with each change would never end under load. The copy
    is checked and has its name only when it is whole.
    """
    place = place_of_backup(target, replace=replace)
    part = place.with_name(place.name + ".part")
    if _is_of_database(place, source) or _is_of_database(part, source):
        raise CannotBackUp(f"{target} is the database itself, or a file beside it: name another file.")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # it has people's texts
        _copy(source, part, on_progress)
        facts = check_backup(part)
        _sync(part)
        part.replace(place)
        _sync(place.parent)
    except (OSError, sqlite3.Error) as error:
        _remove(part)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise CannotBackUp(
            f"The backup could not be written to {target} ({reason}): see the rights to its folder and the room there,"
            " or name another file."
        ) from None
    except BaseException:
        _remove(part)
        raise
    return BackupFacts(path=target, size=facts.size, revision=facts.revision)


def place_of_backup(target: Path, *, replace: bool) -> Path:
    """The file that a backup is written to, which is the one that a link leads to; raises `CannotBackUp`."""
    place = place_of_file(target)
    if target.exists() and not replace:
        raise CannotBackUp(f"{target} is there already: name another file, or say --replace.")
    return place


def place_of_file(path: Path) -> Path:
    """The file that a name leads to; raises `CannotBackUp` where a folder, a device or a pipe would be replaced."""
    place = real_file(path)
    if place.is_symlink() or (path.exists() and not path.is_file()):  # one is left of links in a circle
        raise CannotBackUp(f"{path} is no regular file: name a file, as what is there is not replaced.")
    return place


def _is_of_database(path: Path, database: Path) -> bool:
    """Whether this is the database or one of the files that belong to it, which need not be there yet."""
    if path.exists() and path.samefile(database):
        return True
    own = (f"{os.path.realpath(database)}{end}" for end in ("-wal", "-shm", "-journal", ".lock"))
    return os.path.realpath(path) in own


def check_backup(path: Path) -> BackupFacts:
    """Check every page of a backup; raises `CannotBackUp` unless it is whole and a database of the bot's."""
    if not path.is_file():
        raise CannotBackUp(f"There is no backup at {path}.")
    try:
        with contextlib.closing(_connect(path, "ro")) as connection:
            findings = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
            names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            revision = None
            if "alembic_version" in names:
                revision = (
                    connection.execute("SELECT version_num FROM alembic_version").fetchone() or [None]
                )[0]
    except sqlite3.Error as error:
        raise CannotBackUp(f"{path} is no whole SQLite database ({error}): take an earlier backup.") from None
    if findings != ["ok"]:
        raise CannotBackUp(f"{path} is damaged ({findings[0]}): take an earlier backup.")
    if revision is None or "conversations" not in names:
        raise CannotBackUp(f"{path} is a database, and not one of this bot's.")
    return BackupFacts(path=path, size=path.stat().st_size, revision=revision)


@contextlib.contextmanager
def restoring(backup: Path, target: Path) -> Iterator[Path]:
    """The file beside the database in which a backup is made ready; however the block ends, it is there no more.

    Nor is the one that a restore left which was killed.
    """
    part = target.with_name(target.name + ".restoring")
    if part.exists() and backup.exists() and part.samefile(backup):
        raise CannotBackUp(f"{backup} is what a restore left that was cut off: give the backup itself.")
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove(part)
    try:
        yield part
    finally:
        _remove(part)


def stage(backup: Path, part: Path) -> None:
    """Copy a backup to where it can be made ready before it takes the database's place."""
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    _copy(backup, part, lambda _done, _whole: None)


def put_in_place(part: Path, target: Path, now: datetime) -> Path | None:
    """Give a staged copy the database's name; where one stood there, it is kept under the name that is returned.

    Where that fails, the one that stood there has its name again.
    """
    with contextlib.closing(_connect(part, "rw")) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")  # so that all of it is in one file
    _sync(part)
    kept = _free_name(target, now)
    moved: list[tuple[Path, Path]] = []
    try:
        for end in _FILES:
            file, place = Path(f"{target}{end}"), Path(f"{kept}{end}")
            if file.exists():
                moved.append((file, file.rename(place)))
        part.rename(target)
    except BaseException:
        for file, place in moved:
            place.rename(file)
        raise
    _sync(target.parent)
    return kept if moved else None


def _free_name(target: Path, now: datetime) -> Path:
    """Where the database that stands there is kept: under a name that no other one has, however soon it follows."""
    name = f"{target.name}.before-{now:%Y%m%dT%H%M%S}"
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(
        place
        for place in map(target.with_name, names)
        if not any(os.path.lexists(f"{place}{end}") for end in _FILES)
    )


def _copy(source: Path, target: Path, on_progress: CopyProgress) -> None:
    def tell(_status: int, remaining: int, total: int) -> None:
        on_progress(total - remaining, total)

    with (
        contextlib.closing(_connect(source, "rw")) as reading,
        contextlib.closing(sqlite3.connect(target, isolation_level=None)) as writing,
    ):
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        reading.backup(writing, pages=_STEP, progress=tell)
        reading.execute("ROLLBACK")
        writing.execute("PRAGMA journal_mode=DELETE").fetchall()  # one file, without a log beside it


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=10
    )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(part: Path) -> None:
    for end in ("", "-journal", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            Path(f"{part}{end}").unlink()
