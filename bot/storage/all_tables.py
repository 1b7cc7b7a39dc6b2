"""Every table: where this has been imported, `metadata` is whole."""

from bot.storage import (
    alarm_tables,
    answer_tables,
    consent_tables,
    delivery_tables,
    draft_tables,
    event_tables,
    handover_tables,
    inbox_tables,
    people_tables,
    replica_tables,
    tables,
    task_tables,
    upkeep_tables,
)
from bot.storage.columns import metadata

__all__ = [
    "alarm_tables",
    "answer_tables",
    "consent_tables",
    "delivery_tables",
    "draft_tables",
    "event_tables",
    "handover_tables",
    "inbox_tables",
    "metadata",
    "people_tables",
    "replica_tables",
    "tables",
    "task_tables",
    "upkeep_tables",
]
