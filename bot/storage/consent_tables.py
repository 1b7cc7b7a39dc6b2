"""The tables of who wants messages and who does not: what was said of it, and lists that were brought along."""

from sqlalchemy import Boolean, Column, Index, String, Table, Text

from bot.storage.columns import CheckedJson, Id, Number, UtcTime, metadata

# Each opt-out and opt-in, with the words; rows are only ever added. They outlive their messages.
consent_changes = Table(
    "consent_changes",
    metadata,
    # In the order in which they were noted.
    Column("id", Id, primary_key=True),
    Column("conversation_id", Id, nullable=False),
    Column("number", Number, nullable=False),
    Column("peer", Number, nullable=False),
    Column("opted_out", Boolean, nullable=False),
    # `message`, `carrier` or `person`.
    Column("source", String(8), nullable=False),
    # When they said so, by Azure's time.
    Column("at", UtcTime, nullable=False),
    Column("noted_at", UtcTime, nullable=False),
    # The message in which they did, or whose report says so.
    Column("message_id", Id, nullable=True),
    Column("provider_message_id", String(256), nullable=True),
    # What they wrote; of a carrier or a person the reason.
    Column("words", Text, nullable=True),
    # What they were answered.
    Column("our_words", CheckedJson("consent_changes.our_words", list[str]), nullable=True),
    Column("rule", Text, nullable=True),
    Column("book_version", String(12), nullable=True),
    Column("by", Text, nullable=True),
    Index(None, "peer"),
    Index(None, "conversation_id"),
    Index("ix_consent_changes_noted", "noted_at", "id"),
)

# Opt-outs from lists of another provider. They hold for conversations that begin later, too.
imported_opt_outs = Table(
    "imported_opt_outs",
    metadata,
    Column("peer", Number, primary_key=True),
    # Which number of ours may not text them; empty: none may.
    Column("number", Number, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("imported_at", UtcTime, nullable=False),
    Column("by", Text, nullable=False),
    Index(None, "imported_at"),
)
