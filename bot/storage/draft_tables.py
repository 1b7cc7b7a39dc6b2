"""The tables of what people have changed in rule files and not saved yet, and of who tests it."""

from sqlalchemy import Column, String, Table, Text

from bot.storage.columns import UtcTime, metadata

# Each belongs to a person, a file, and the text of that file from which it began.
rule_drafts = Table(
    "rule_drafts",
    metadata,
    Column("person", String(64), primary_key=True),
    # Empty for a file that has no name yet.
    Column("file", Text, primary_key=True),
    # Empty for a file that was not there.
    Column("base_etag", String(40), primary_key=True),
    Column("base", Text, nullable=True),
    Column("text", Text, nullable=False),
    # What it was before the list changed it, for the way back.
    Column("before", Text, nullable=True),
    # What a new file is to be called.
    Column("name", Text, nullable=True),
    Column("updated_at", UtcTime, nullable=False),
)

# Phones whose texts a draft answers. It is that of a person and a file, from whatever text of the file it began.
draft_testers = Table(
    "draft_testers",
    metadata,
    Column("number", String(64), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("file", Text, nullable=False),
    Column("since", UtcTime, nullable=False),
)
