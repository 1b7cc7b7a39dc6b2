"""Conversations of many messages, written straight into the tables."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, update

from bot.conversation.message_ids import first_id
from bot.storage.database import Database
from bot.storage.lookups import PreparedSelect
from bot.storage.tables import conversations, messages
from tests.support.bots import OURS, PEER

LONG_AGO = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def write_talk(
    database: Database, times: Sequence[datetime], *, peer: str = PEER, **of_messages: Any
) -> str:
    """A conversation with a message of each of these times, by turns in and out; its id."""
    digits = peer.removeprefix("+").zfill(12)
    key = f"01890000-0000-7000-8000-{digits}"
    common = {"text": "hours", "rule": "hours", "segments": 1, "encoding": "GSM-7", "attempts": 0}
    rows = [
        common
        | of_messages
        | {
            "id": _id(place, digits, at),
            "conversation_id": key,
            "position": place,
            "direction": "inbound" if place % 2 else "outbound",
            "status": "received" if place % 2 else "delivered",
            "in_reply_to": None if place % 2 else _id(place - 1, digits, times[place - 2]),
            "number": None if place % 2 else OURS,
            "exempt": None if place % 2 else False,
            "provider_message_id": f"Old_{digits}_{place}",
            "created_at": at,
            "updated_at": at,
        }
        for place, at in enumerate(times, 1)
    ]
    talk = {
        "id": key, "number": OURS, "peer": peer, "opted_out": False, "handed_over": False,
        "last_position": len(rows), "last_message_at": times[-1], "last_text": "hours", "created_at": times[0],
    }  # fmt: skip
    async with database.writing() as connection:
        await connection.execute(insert(conversations).values(talk))
        await connection.execute(insert(messages), rows)
    return key


async def tag_message(database: Database, peer: str, position: int, tag: str) -> None:
    """Say that a message of such a conversation left with this tag, and that nobody knows its MessageId."""
    digits = peer.removeprefix("+").zfill(12)
    changed = {"call_tag": tag, "provider_message_id": None, "status": "queued", "outcome_unknown": True}
    async with database.writing() as connection:
        await connection.execute(
            update(messages)
            .where(messages.c.position == position, messages.c.id.like(f"%{digits}"))
            .values(changed)
        )


async def finds_by_place(database: Database, query: PreparedSelect, **parameters: Any) -> bool:
    """Whether it goes to places in conversations, and does not read all that was said there.

    SQLite's plan tells; PostgreSQL says how many rows it has looked at, and here they are few.
    """
    async with database.writing() as connection:
        await connection.exec_driver_sql("ANALYZE")
        if not database.is_sqlite:
            # A table as small as this one it may well read from beginning to end.
            await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        sql, values = query.bound(connection.dialect, parameters)
        if database.is_sqlite:
            rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
            steps = [row[-1] for row in rows if " messages " in row[-1]]
            return bool(steps) and all(
                re.search(r"\(conversation_id=\? AND position[<>]", each) for each in steps
            )
        rows = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", values)
        return sum(_looked_at(rows.scalar_one()[0]["Plan"])) < 100


def _looked_at(plan: dict[str, Any]) -> Iterator[float]:
    """The rows of each table that PostgreSQL has looked at."""
    if "Relation Name" in plan:
        yield (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    for part in plan.get("Plans", ()):
        yield from _looked_at(part)


def _id(place: int, digits: str, at: datetime) -> str:
    return f"{first_id(at)[:14]}7{place % 4096:03x}-8{place // 4096:03x}-{digits}"
