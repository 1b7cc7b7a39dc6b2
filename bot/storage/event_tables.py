"""The table of events that others hear."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, text

from bot.storage.columns import CheckedJson, Counter, Id, UtcTime, metadata
from bot.storage.json_shapes import StoredTry

# An event for one receiver of BOT_EVENTS_TO; status is queued, delivered or failed.
outgoing_events = Table(
    "outgoing_events",
    metadata,
    # In the order in which the facts were stored.
    Column("id", Counter, primary_key=True, autoincrement=True),
    # The same for every receiver: what they know a repeat by.
    Column("event_id", Id, nullable=False),
    Column("type", String(32), nullable=False),
    # Without `types=`.
    Column("receiver", Text, nullable=False),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("message_id", Id, nullable=True),
    # A CloudEvent as JSON.
    Column("body", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_try_at", UtcTime, nullable=True),
    Column("last_error", Text, nullable=True),
    # The newest tries that failed: when, after how many ms, why.
    Column("tries", CheckedJson("outgoing_events.tries", list[StoredTry]), nullable=True),
    Column("created_at", UtcTime, nullable=False),
    # When a person had it sent again; it is given up so long after this.
    Column("resent_at", UtcTime, nullable=True),
    Column("updated_at", UtcTime, nullable=False),
    Index(None, "message_id"),
    Index(None, "conversation_id", "receiver", "id"),
    # Whether one waits for another of its conversation is found without a look at those that were delivered.
    Index(
        "ix_outgoing_events_of_talk",
        "conversation_id",
        "receiver",
        "id",
        sqlite_where=text("status = 'queued'"),
        postgresql_where=text("status = 'queued'"),
    ),
    Index(None, "created_at"),
    Index(
        "ix_outgoing_events_queued",
        "receiver",
        "id",
        sqlite_where=text("status = 'queued'"),
        postgresql_where=text("status = 'queued'"),
    ),
    Index(
        "ix_outgoing_events_failed",
        "id",
        sqlite_where=text("status = 'failed'"),
        postgresql_where=text("status = 'failed'"),
    ),
    # What one receiver never took.
    Index(
        "ix_outgoing_events_given_up",
        "receiver",
        "id",
        sqlite_where=text("status = 'failed'"),
        postgresql_where=text("status = 'failed'"),
    ),
)
