"""The table of conversations that were handed over to people: to whom, who wrote first, how it ended."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, text

from bot.storage.columns import CheckedJson, Id, UtcTime, metadata
from bot.storage.json_shapes import Texts

# One row each time; at most one of a conversation is open.
handovers = Table(
    "handovers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    # What handed over: a rule, or a person by name.
    Column("rule", Text, nullable=True),
    Column("by", Text, nullable=True),
    # A team or a person, as the rule names them.
    Column("handed_to", String(64), nullable=True),
    Column("is_urgent", Boolean, nullable=False),
    Column("began_at", UtcTime, nullable=False),
    # When the bot goes on by itself: so many seconds after a person last wrote, saying this.
    Column("back_after", Integer, nullable=True),
    Column("back_at", UtcTime, nullable=True),
    Column("back_texts", CheckedJson("handovers.back_texts", Texts), nullable=True),
    # The first word of a person's.
    Column("answered_at", UtcTime, nullable=True),
    Column("answered_by", Text, nullable=True),
    Column("answered_by_id", Id, nullable=True),
    Column("ended_at", UtcTime, nullable=True),
    Column("ended_by", Text, nullable=True),
    Index(None, "conversation_id"),
    Index(None, "began_at"),
    Index(
        "uq_handovers_open",
        "conversation_id",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index(
        "ix_handovers_back",
        "back_at",
        sqlite_where=text("ended_at IS NULL AND back_at IS NOT NULL"),
        postgresql_where=text("ended_at IS NULL AND back_at IS NOT NULL"),
    ),
    # The few among all that are open: a page with thousands who wait looks for them first.
    Index(
        "ix_handovers_urgent",
        "conversation_id",
        sqlite_where=text("ended_at IS NULL AND is_urgent = 1"),
        postgresql_where=text("ended_at IS NULL AND is_urgent"),
    ),
)
