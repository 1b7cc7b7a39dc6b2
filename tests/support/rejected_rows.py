"""Rows of `rejected_events`, a table with little in it, for tests of statements."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from bot.storage.bulk import BulkInsert
from bot.storage.lookups import LookupByKeys
from bot.storage.tables import rejected_events


class Rejected(NamedTuple):
    """A row."""

    id: str
    digest: str
    arrived_at: datetime
    reason: str
    raw: str


INSERT = BulkInsert(rejected_events, Rejected)
#: Rows by their ids, in the order of these.
STORED = LookupByKeys(select(rejected_events).order_by(rejected_events.c.id), rejected_events.c.id)
