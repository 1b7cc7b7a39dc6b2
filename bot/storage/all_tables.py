"""Every table: where this has been imported, `metadata` is whole."""

from bot.storage import rule_tables, tables
from bot.storage.columns import metadata

__all__ = ["metadata", "rule_tables", "tables"]
