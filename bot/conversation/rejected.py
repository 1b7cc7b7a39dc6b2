"""Keeps events that could not be read or processed, each once, with the reason."""

import json
from datetime import datetime
from hashlib import sha256

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.conversation.erasure_marks import ErasureMarks, Mark
from bot.conversation.events import Event, UnreadableEvent
from bot.storage.commits import Topic, mark_changed
from bot.storage.tables import rejected_events

#: Digests that are looked up at once.
_AT_ONCE = 10_000


async def keep_rejected(
    connection: AsyncConnection, events: list[UnreadableEvent], now: datetime, marks: ErasureMarks
) -> None:
    """Store them, each once, unless they were erased."""
    rows = {}
    for event in events:
        digest = sha256(event.raw.encode()).hexdigest()
        rows[digest] = {
            "id": str(uuid7()), "digest": digest, "arrived_at": now, "reason": event.reason, "raw": event.raw,
        }  # fmt: skip
    every = list(rows)
    for start in range(0, len(every), _AT_ONCE):
        digests = every[start : start + _AT_ONCE]
        query = select(rejected_events.c.digest).where(rejected_events.c.digest.in_(digests))
        for digest in (await connection.execute(query)).scalars():
            del rows[digest]
    for mark in await marks.find(connection, [Mark("rejected", (digest,)) for digest in rows]):
        del rows[mark.parts[0]]
    if rows:
        await connection.execute(insert(rejected_events), list(rows.values()))
        mark_changed([Topic.REJECTED])


def as_json(event: Event) -> str:
    """An event that could be read, as the text that is kept of it."""
    return json.dumps(msgspec.to_builtins(event))  # in ASCII: what can't be stored as text can be stored so
