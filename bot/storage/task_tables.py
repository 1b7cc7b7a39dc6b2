"""The tables of what rules have yet to do: forwards, fetches, follow-ups."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from bot.storage.columns import CheckedJson, Id, UtcTime, metadata
from bot.storage.json_shapes import StoredTry, Texts

# Messages that a rule has posted to an address; status is queued, delivered or failed.
forwards = Table(
    "forwards",
    metadata,
    Column("id", Id, primary_key=True),
    Column("message_id", ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("url", Text, nullable=False),
    # Scheme, host, port and path of the URL, by which posts are shared out. The forwarder fills it in where the version
    # before it has queued the row.
    Column("destination", Text, nullable=True),
    Column("body", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_try_at", UtcTime, nullable=True),
    Column("last_error", Text, nullable=True),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Index(None, "message_id"),
    Index(
        "ix_forwards_outbox",
        "id",
        sqlite_where=text("status = 'queued'"),
        postgresql_where=text("status = 'queued'"),
    ),
    # What is due at one destination is found without a look at what waits for all others.
    Index(
        "ix_forwards_due",
        "destination",
        "next_try_at",
        "id",
        sqlite_where=text("status = 'queued'"),
        postgresql_where=text("status = 'queued'"),
    ),
)

# What rules ask of other services before they reply; status is queued, answered, missing, failed or cancelled.
fetches = Table(
    "fetches",
    metadata,
    # The inbound message that it is for, with which it goes: a message has one at most.
    Column("id", ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("conversation_id", Id, nullable=False),
    Column("rule", Text, nullable=False),
    Column("host", Text, nullable=False),
    # `bot.rulebook.fetch.FetchRequest`, as JSON: secrets are names in it. Empty once it is done.
    Column("request", Text, nullable=False),
    Column("method", String(8), nullable=False),
    Column("url", Text, nullable=False),
    Column("status", String(16), nullable=False),
    # What came, as JSON, cut; why nothing did; the HTTP status, and how long the answer took.
    Column("answer", Text, nullable=True),
    Column("reason", Text, nullable=True),
    Column("http_status", Integer, nullable=True),
    Column("ms", Integer, nullable=True),
    # Each failed try: when, after how many ms, why.
    Column("tries", CheckedJson("fetches.tries", list[StoredTry]), nullable=True),
    Column("lease_holder", Id, nullable=True),
    Column("lease_until", UtcTime, nullable=True),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Index(
        "ix_fetches_queued",
        "id",
        sqlite_where=text("status = 'queued'"),
        postgresql_where=text("status = 'queued'"),
    ),
)

# What is to be said to a conversation later; status is waiting, said, cancelled or dropped.
follow_ups = Table(
    "follow_ups",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    # The inbound message whose reply it follows, and its place in the conversation.
    Column("message_id", Id, nullable=False),
    Column("position", Integer, nullable=False),
    Column("rule", Text, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("texts", CheckedJson("follow_ups.texts", Texts, list), nullable=False),
    Column("unless_answered", Boolean, nullable=False),
    # The hours by these zones' clocks, outside of which it is not said.
    Column("hours", Text, nullable=False),
    Column("zones", CheckedJson("follow_ups.zones", list[str], list), nullable=False),
    Column("status", String(16), nullable=False),
    # Why it was not said.
    Column("reason", Text, nullable=True),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Index("ix_follow_ups_in_order", "conversation_id", "due_at", "id"),
    # With its message it goes.
    Index(None, "message_id"),
    # Of all that were ever said in a conversation, few wait.
    Index(
        "ix_follow_ups_of_talk",
        "conversation_id",
        "due_at",
        "id",
        sqlite_where=text("status = 'waiting'"),
        postgresql_where=text("status = 'waiting'"),
    ),
    Index(
        "ix_follow_ups_waiting",
        "due_at",
        sqlite_where=text("status = 'waiting'"),
        postgresql_where=text("status = 'waiting'"),
    ),
)
