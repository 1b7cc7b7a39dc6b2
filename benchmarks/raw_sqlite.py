"""The rows that a bot has stored, written once more by SQLite alone: what no bot on it can be quicker than."""

import sqlite3
import time
from pathlib import Path
from typing import Any


def rate_of(stored: Path, folder: Path, events: int, events_a_commit: int = 500) -> float:
    """Events a second: the newest of `stored`, with replies and conversations, by executemany into a fresh file."""
    source = sqlite3.connect(f"file:{stored}?mode=ro", uri=True)
    inbound = "SELECT conversation_id FROM messages WHERE direction = 'inbound' ORDER BY id DESC LIMIT ?"
    conversations = source.execute(
        f"SELECT * FROM conversations WHERE id IN ({inbound})", [events]
    ).fetchall()
    by_id = {row[0]: row for row in conversations}
    newest = source.execute("SELECT * FROM messages ORDER BY id DESC LIMIT ?", [2 * events]).fetchall()[::-1]
    names = [column[1] for column in source.execute("PRAGMA table_info(messages)")]
    schema = source.execute(
        "SELECT sql FROM sqlite_master WHERE tbl_name IN ('conversations', 'messages') AND sql IS NOT NULL"
        " ORDER BY type DESC"
    ).fetchall()
    source.close()
    of_event, incoming = names.index("conversation_id"), names.index("direction")
    file = folder / "raw.db"
    for ending in ("", "-wal", "-shm"):
        Path(f"{file}{ending}").unlink(missing_ok=True)
    target = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536", "wal_autocheckpoint=16000"):
        target.execute(f"PRAGMA {pragma}")
    for (statement,) in schema:
        target.execute(statement)
    groups: list[tuple[list[Any], list[Any]]] = []
    for start in range(0, len(newest), 2 * events_a_commit):
        messages = newest[start : start + 2 * events_a_commit]
        ids = dict.fromkeys(row[of_event] for row in messages)
        groups.append(([by_id[each] for each in ids if each in by_id], messages))
    write_conversation = (
        f"INSERT OR REPLACE INTO conversations VALUES ({','.join('?' * len(conversations[0]))})"
    )
    write_message = f"INSERT INTO messages VALUES ({','.join('?' * len(names))})"
    began = time.perf_counter()
    for some, messages in groups:
        target.execute("BEGIN IMMEDIATE")
        target.executemany(write_conversation, some)
        target.executemany(write_message, messages)
        target.execute("COMMIT")
    seconds = time.perf_counter() - began
    target.close()
    return sum(row[incoming] == "inbound" for row in newest) / seconds
