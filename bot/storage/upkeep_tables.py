"""The tables of erasing and restoring."""

from sqlalchemy import Column, Index, Integer, String, Table

from bot.storage.columns import Id, UtcTime, metadata

# What outlives an erasure or a purge, as keyed hashes: an opt-out, and for a week the events that may come again
# (`bot.conversation.erasure_marks`).
erasure_marks = Table(
    "erasure_marks",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("consent_at", UtcTime, nullable=True),
    Column("key_id", String(16), nullable=False),
    Column("at", UtcTime, nullable=False),
    Index(None, "kind", "at"),
)

# The key of those hashes where BOT_ERASURE_KEYS gives none.
erasure_keys = Table(
    "erasure_keys",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("key", String(64), nullable=False),
)

# That this database came from a backup: what was received before `stopped_at` may have been answered already.
restores = Table(
    "restores",
    metadata,
    Column("id", Id, primary_key=True),
    Column("stopped_at", UtcTime, nullable=False),
    Column("restored_at", UtcTime, nullable=False),
)
