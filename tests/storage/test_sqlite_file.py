"""The file that is open is told from another of its name; a log that the bot itself closes is no loss."""

from pathlib import Path

import pytest

from bot.storage.sqlite_file import LogLost, SqliteFile


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
