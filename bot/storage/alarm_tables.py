"""The tables of what people are told, and of a number's daily ceiling."""

from sqlalchemy import Column, Index, Integer, String, Table, Text, text

from bot.storage.columns import CheckedJson, Id, Number, UtcTime, metadata

# What people are told of: when it began and ended, and when they were told so. One of each key is open.
alarms = Table(
    "alarms",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String(200), nullable=False),
    Column("kind", String(24), nullable=False),
    Column("reason", Text, nullable=False),
    # A path of the console.
    Column("place", Text, nullable=False),
    # What it tells of, where that is an incident.
    Column("incident_id", Id, nullable=True),
    Column("began_at", UtcTime, nullable=False),
    # When a process last found it so.
    Column("seen_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime, nullable=True),
    Column("begin_told_at", UtcTime, nullable=True),
    Column("end_told_at", UtcTime, nullable=True),
    Index(None, "incident_id"),
    Index(
        "uq_alarms_open",
        "key",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index(
        "ix_alarms_untold",
        "id",
        sqlite_where=text("begin_told_at IS NULL OR (ended_at IS NOT NULL AND end_told_at IS NULL)"),
        postgresql_where=text("begin_told_at IS NULL OR (ended_at IS NOT NULL AND end_told_at IS NULL)"),
    ),
)

# Which process tells people, and when it last did; one row, or none before the first message.
alarm_teller = Table(
    "alarm_teller",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("holder", Id, nullable=False),
    Column("until", UtcTime, nullable=False),
    # POSIX seconds of the messages of the last hour.
    Column("sent", CheckedJson("alarm_teller.sent", list[float], list), nullable=False),
)

# By how much a person raised a number's ceiling on one day: rows are only ever added.
ceiling_releases = Table(
    "ceiling_releases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("number", Number, nullable=False),
    # As the number's own time zone has it: 2026-11-26.
    Column("day", String(10), nullable=False),
    Column("more", Integer, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index(None, "number", "day"),
)
