"""How often each rule answered this week, what failed of it, and what nobody ever met."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from bot.conversation.message_ids import first_id
from bot.queries.rule_use import RuleUses
from bot.queries.traffic import Counts, store_hour
from bot.storage.database import Database
from bot.storage.tables import conversations, messages
from tests.support.databases import Databases

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)


async def add_failed(database: Database, at: datetime, rule: str | None, number: int) -> None:
    """Store an outbound message that failed."""
    talk = {
        "id": first_id(at)[:-4] + f"{number:04}", "number": "+15555550100", "peer": f"+1555555{number:04}",
        "opted_out": False, "handed_over": False, "last_position": 1, "last_message_at": at, "last_text": "",
        "created_at": at,
    }  # fmt: skip
    message = {
        "id": talk["id"], "conversation_id": talk["id"], "position": 1, "direction": "outbound", "text": "x",
        "status": "failed", "rule": rule, "segments": 1, "encoding": "GSM-7", "created_at": at, "updated_at": at,
    }  # fmt: skip
    async with database.writing() as connection:
        await connection.execute(insert(conversations).values(talk))
        await connection.execute(insert(messages).values(message))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_the_week_is_counted_and_what_was_met_once_is_remembered(
    databases: Databases, kind: str
) -> None:
    database = Database(databases.migrated("sqlite" if kind == "sqlite" else "postgresql"))
    try:
        hour = NOW.replace(minute=0)
        async with database.writing() as connection:
            for age, rules in ((timedelta(hours=2), {"hours": 3, "": 1}), (timedelta(days=6), {"hours": 2})):
                counts = {hour - age: Counts(inbound=9, rules=rules)}
                await store_hour(connection, hour - age, counts, with_minutes=False)
            old = hour - timedelta(days=80)
            await store_hour(connection, old, {old: Counts(rules={"vote": 1})}, with_minutes=False)
        await add_failed(database, NOW - timedelta(days=1), "hours", 1)
        await add_failed(database, NOW - timedelta(days=1), None, 2)
        await add_failed(database, NOW - timedelta(days=9), "hours", 3)
        uses = RuleUses()
        for _ in range(2):
            async with database.reading() as connection:
                use = await uses.look(connection, NOW)
            assert use.answered == {"hours": 5}
            assert use.failed == {"hours": 1}
            assert use.met >= {"hours", "vote"}
            assert "never" not in use.met
    finally:
        await database.close()
