"""The tables of what people answered, and of the codes that they were given."""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from bot.storage.columns import CheckedJson, Id, Number, UtcTime, metadata

# What people answered: a row for each talk of a rule's questions, from the first one on, or for what a rule records.
answers = Table(
    "answers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("rule", String(200), nullable=False),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("peer", Number, nullable=False),
    Column("number", Number, nullable=False),
    # open, finished, cancelled, expired or failed. What is open and past `expires_at` is expired, too: nothing writes
    # that down until the peer texts again.
    Column("status", String(16), nullable=False),
    Column("content", CheckedJson("answers.content", dict[str, str], dict), nullable=False),
    # The question that waits, or waited when the talk ended.
    Column("awaits", Text, nullable=True),
    # All by the peer's own time.
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime, nullable=True),
    Column("expires_at", UtcTime, nullable=True),
    # When the message that finished it was written, and its provider's id: of several of one peer, these say which one
    # counts, whatever the order in which they arrive.
    Column("heard_at", UtcTime, nullable=False),
    Column("heard_id", String(256), nullable=False),
    # It is finished, and its rule keeps one row for each peer.
    Column("is_only", Boolean, nullable=False, server_default=text("false")),
    Index("ix_answers_in_order", "conversation_id", "started_at", "id"),
    Index("ix_answers_newest", "rule", "started_at", "id"),
    Index("ix_answers_status", "rule", "status", "expires_at", "started_at", "id"),
    Index(
        "uq_answers_only",
        "peer",
        "rule",
        unique=True,
        sqlite_where=text("is_only = 1"),
        postgresql_where=text("is_only"),
    ),
)

# What stands in the rows of answers, once more: an index over it counts a million answers without reading a row.
answer_values = Table(
    "answer_values",
    metadata,
    Column("answer_id", ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("rule", String(200), nullable=False),
    # Cut to a length that an index takes.
    Column("value", String(100), nullable=False),
    # The value, where it is a number.
    Column("amount", Float(53), nullable=True),
    Index("ix_answer_values_counts", "rule", "name", "value", "amount"),
)

# How far each list of codes is given out. Its row is locked while codes are given.
code_pools = Table(
    "code_pools",
    metadata,
    Column("pool", String(256), primary_key=True),
    # Of the list that `place` and `given` are about.
    Column("digest", String(64), nullable=False),
    # Codes before this one, counted from 0, are given; of the list so many are.
    Column("place", Integer, nullable=False),
    Column("given", Integer, nullable=False),
    # What a person was told: 1 that few are left, 2 that none are.
    Column("told", Integer, nullable=False),
)

# Who got which code. A row stays when its conversation goes, as no code may be given twice; to erase a person, null
# `peer`.
codes_given = Table(
    "codes_given",
    metadata,
    Column("pool", String(256), primary_key=True),
    Column("code", String(100), primary_key=True),
    Column("peer", Number, nullable=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="SET NULL"), nullable=True),
    Column("given_at", UtcTime, nullable=False),
    UniqueConstraint("pool", "peer"),
    Index(None, "peer"),
    Index(None, "conversation_id"),
)
