"""The table of how delivery fares."""

from sqlalchemy import Column, Integer, Table, Text

from bot.storage.columns import UtcTime, metadata

# Outbound messages counted by the hour and the day in which they were made; `counts` is
# `bot.queries.delivery_counts.OutboundCounts`.
delivery_counts = Table(
    "delivery_counts",
    metadata,
    Column("start", UtcTime, primary_key=True),
    Column("seconds", Integer, primary_key=True, autoincrement=False),
    Column("counts", Text, nullable=False),
)
