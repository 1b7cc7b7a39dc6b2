"""The file that is open is told from another of its name; a log that the bot itself closes is no loss."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.storage.database import Database, DatabaseUnavailable
from bot.storage.sqlite_file import LogLost, SqliteFile
from bot.storage.traces import count_traces
from tests.support.databases import sqlite_in
from tests.support.rule_files import nobody


@contextmanager
def shut(folder: Path) -> Iterator[None]:
    """Nobody may search the folder, and this process is nobody special."""
    folder.chmod(0)
    try:
        with nobody():
            yield
    finally:
        folder.chmod(0o755)


async def test_a_folder_that_may_not_be_searched_is_no_file_that_is_gone(tmp_path: Path) -> None:
    """To put a backup in the place of a file that is still there would lose what came since."""
    folder = tmp_path / "data"
    folder.mkdir()
    database = Database(sqlite_in(folder))
    async with database.reading() as connection:
        await connection.execute(text("SELECT 1"))
    for block in (database.reading, database.writing):
        with shut(folder), pytest.raises(DatabaseUnavailable) as refused:
            async with block():
                pass
        told = str(refused.value)
        assert told.startswith(f"{folder}/bot.db can't be reached: permission denied")
        assert f"(chmod u+rwx {folder})" in told
        assert "backup" not in told
    async with database.writing() as connection:  # and the bot goes on by itself
        await connection.execute(text("SELECT 1"))
    (folder / "bot.db").rename(folder / "moved.db")
    with pytest.raises(DatabaseUnavailable, match="is gone: it was deleted or moved"):
        async with database.reading():
            pass
    await database.close()


def test_a_log_that_goes_with_the_last_connection_is_no_loss(tmp_path: Path) -> None:
    """SQLite takes it away once the connection is closed, which is after the pool has let go of it."""
    path = tmp_path / "bot.db"
    log = tmp_path / "bot.db-wal"
    path.touch()
    log.write_text("one")
    file = SqliteFile(path)
    file.note_open()
    file.check()
    file.note_close()
    file.check()  # the next connection is about to be made; the last one's thread has not closed yet
    kept = log.rename(tmp_path / "kept")  # lest its inode be given away again
    log.write_text("another")
    file.note_open()
    file.check()
    kept.unlink()
    log.rename(tmp_path / "kept")
    log.write_text("somebody else's")
    with pytest.raises(LogLost):
        file.check()
    file.close()


def test_what_was_erased_is_looked_for_in_the_log_of_a_file_behind_a_link(tmp_path: Path) -> None:
    link, real = tmp_path / "bot.db", tmp_path / "real.db"
    link.symlink_to(real)
    real.write_text("a word")
    (tmp_path / "real.db-wal").write_text("another word")
    for path in (link, real):
        assert count_traces(path, ["word"]) == 2
