"""Rows in which another program left JSON that is none, or of another shape, are shown, answered and cleared away."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Table, bindparam, select, update
from sqlalchemy import text as sql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.operator.purge import Purger
from bot.operator.purge_steps import Keep
from bot.queries.conversations import find_conversation
from bot.queries.newest_texts import newest_texts
from bot.queries.replay_source import stored_inbound
from bot.queries.search import Search, find_conversations
from bot.queries.whole_conversation import whole_conversation
from bot.rulebook.simulate.loop_guard import Caps
from bot.storage.tables import conversations, messages
from tests.support.bots import PEER, Bot, asleep, heard, report

NO_JSON = ["{", "vip", ""]
OTHER_SHAPES = [
    "5",
    '"vip"',
    "[1]",
    '{"values": 5, "rule": 5}',
    '{"values": {"shop": 5}, "matched": "hours"}',
    '{"flow": {"touched": "soon"}, "guard": {}}',
    '{"guarded": {"released": 1e300}, "withheld": 5, "matched": {"kind": "nothing"}}',
    '{"language": ["en"], "fetches": 5, "uses": [], "passed_by": {}}',
]


async def leave(connection: AsyncConnection, table: Table, column: str, written: str) -> None:
    value = ":written" if connection.dialect.name == "sqlite" else "CAST(:written AS json)"
    statement = sql(f"UPDATE {table.name} SET {column} = {value}").bindparams(bindparam("written", written))
    await connection.execute(statement)


@pytest.mark.parametrize("written", NO_JSON + OTHER_SHAPES)
async def test_its_person_is_answered_it_is_shown_and_it_is_cleared_away(
    database_url: str, written: str
) -> None:
    bot = await asleep(database_url, caps=Caps(replies=100, repeats=3))
    try:
        await bot.hear(*[heard() for _ in range(5)])  # of which the guard holds some back
        if written in NO_JSON and not bot.database.is_sqlite:
            with pytest.raises(DBAPIError, match="json"):  # PostgreSQL takes none
                async with bot.database.writing() as connection:
                    await leave(connection, conversations, "memory", written)
            return
        async with bot.database.writing() as connection:
            await leave(connection, conversations, "memory", written)
            await leave(connection, messages, "decision", written)
            await connection.execute(update(conversations).values(tags=["vip"]))
        await _is_shown(bot)

        await bot.hear(heard("five"))
        assert await bot.rejected() == []
        assert [each.text for each in await bot.replies()][-5:] == ["one", "two", "three", "four", "five"]

        reply = (await bot.replies())[-1]
        await bot.alter(reply.id, status="sent", provider_message_id="Outgoing_1")
        async with bot.database.writing() as connection:
            await leave(connection, conversations, "memory", written)
            await leave(connection, messages, "decision", written)
        await bot.hear(report("Outgoing_1", "Failed", "4007: opted out"))
        assert (await bot.conversations())[0].opted_out
        later = datetime.now(UTC) + timedelta(days=400)
        purger = Purger(bot.database, bot.writer, bot.marks, is_alone=True, clock=lambda: later)
        await purger.run(Keep(values=timedelta(days=365)))
        async with bot.database.reading() as connection:
            (tags,) = (await connection.execute(select(conversations.c.tags))).scalars()
        assert tags is None
    finally:
        await bot.stop()


async def _is_shown(bot: Bot) -> None:
    """By everything that reads a conversation."""
    (shown,) = await bot.conversations()
    assert (shown.values, shown.flow, shown.language, shown.tags) == ({}, None, None, ["vip"])
    talk = await bot.talk()
    assert [each.decision for each in talk if each.direction == "inbound"] == [None] * 5
    wanted = Search(typed="hours")
    async with bot.database.reading() as connection:
        assert await find_conversation(connection, shown.id) == shown
        found = await find_conversations(connection, wanted, limit=10, cursor=None)
        assert [each.id for each in found.items] == [shown.id]
        assert len(await newest_texts(connection, 10)) == 5
        assert len([each async for each in stored_inbound(connection, None)]) == 5
        exported = await whole_conversation(connection, shown, datetime.now(UTC))
        assert len(exported["messages"]) == len(talk)
    assert shown.peer == PEER
