"""The tables of the people who use the console: who they are, their login links, what was changed of them."""

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text, UniqueConstraint, text

from bot.storage.columns import Id, UtcTime, metadata

# A removed person stays as a row, for what they did names them.
people = Table(
    "people",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(64), nullable=False),
    # The name as names are compared: one present person has each.
    Column("name_key", String(128), nullable=False),
    Column("role", String(16), nullable=False),
    # Who they are at the OpenID provider that lets them in; null for those who log in by a link.
    Column("issuer", Text, nullable=True),
    Column("subject", Text, nullable=True),
    Column("created_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=True),
    Column("removed_at", UtcTime, nullable=True),
    UniqueConstraint("issuer", "subject"),
    Index(
        "uq_people_present",
        "name_key",
        unique=True,
        sqlite_where=text("removed_at IS NULL"),
        postgresql_where=text("removed_at IS NULL"),
    ),
)

# The login link of a person that has not been used: only a digest of its key.
login_links = Table(
    "login_links",
    metadata,
    Column("key_digest", String(64), primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Index(None, "person_id"),
)

# What was changed of people, by whom, for ever: rows are only ever added.
people_changes = Table(
    "people_changes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person_id", ForeignKey("people.id"), nullable=False),
    Column("change", String(16), nullable=False),
    Column("details", Text, nullable=True),
    Column("by", Text, nullable=False),
    Column("by_id", Id, nullable=True),
    Column("at", UtcTime, nullable=False),
    Index(None, "person_id"),
)
