"""The tables of what people do beside each other: drafts, planned replies, who has read what and who is there."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, text

from bot.storage.columns import Counter, Id, UtcTime, metadata

# What a person has written in a conversation and not sent. `person` is a person's id or the role of a token.
reply_drafts = Table(
    "reply_drafts",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("text", Text, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Index(None, "conversation_id"),
)

# What a person has sent off and can take back until it is due; status is waiting, sent, cancelled or held.
planned_replies = Table(
    "planned_replies",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("text", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("person_id", Id, nullable=True),
    Column("due_at", UtcTime, nullable=False),
    Column("status", String(16), nullable=False),
    # Why it was not sent, and the message that it became.
    Column("reason", Text, nullable=True),
    Column("message_id", Id, nullable=True),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Index("ix_planned_replies_in_order", "conversation_id", "due_at", "id"),
    Index(
        "ix_planned_replies_of_talk",
        "conversation_id",
        "due_at",
        "id",
        sqlite_where=text("status = 'waiting'"),
        postgresql_where=text("status = 'waiting'"),
    ),
    Index(
        "ix_planned_replies_waiting",
        "due_at",
        sqlite_where=text("status = 'waiting'"),
        postgresql_where=text("status = 'waiting'"),
    ),
)

# Up to which message a person has seen a conversation.
reads = Table(
    "reads",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, nullable=False),
    Index(None, "conversation_id"),
)

# Who has a conversation open, and whether they write: rows that are not renewed mean nothing after a minute.
presences = Table(
    "presences",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("is_typing", Boolean, nullable=False),
    Index(None, "conversation_id"),
)

# Each try of a send or a forward that did not go through.
tries = Table(
    "tries",
    metadata,
    Column("id", Counter, primary_key=True, autoincrement=True),
    # The message that was sent, or that was forwarded.
    Column("message_id", ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("forward_id", Id, nullable=True),
    Column("attempt", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("reason", Text, nullable=False),
    Index(None, "message_id"),
)
