"""Rows in which another program left JSON that is none, or of another shape, are shown, answered and cleared away."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Table, select, update
from sqlalchemy import text as sql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.operator.purge import Purger
from bot.operator.purge_steps import Keep
from bot.queries.conversations import find_conversation, list_messages
from bot.queries.newest_texts import newest_texts
from bot.queries.replay_source import stored_inbound
from bot.queries.search import Search, find_conversations
from bot.queries.whole_conversation import whole_conversation
from bot.rulebook.simulate.loop_guard import Caps
from bot.storage.tables import conversations, messages
from tests.support.bots import Bot, asleep, heard, report

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


#: What stands in the rows of each of these people.
CASES = {f"+1555555{3000 + at}": written for at, written in enumerate(NO_JSON + OTHER_SHAPES)}


async def leave(connection: AsyncConnection, table: Table, column: str, peer: str) -> None:
    value = ":written" if connection.dialect.name == "sqlite" else "CAST(:written AS json)"
    key = "id" if table is conversations else "conversation_id"
    theirs = "SELECT id FROM conversations WHERE peer = :peer"
    statement = sql(f"UPDATE {table.name} SET {column} = {value} WHERE {key} IN ({theirs})")
    changed = await connection.execute(statement, {"written": CASES[peer], "peer": peer})
    assert changed.rowcount, CASES[peer]


async def test_its_person_is_answered_it_is_shown_and_it_is_cleared_away(database_url: str) -> None:
    bot = await asleep(database_url, caps=Caps(replies=100, repeats=3))
    try:
        # Of each one's five the guard holds some back.
        await bot.hear(*(heard(peer=peer) for peer in CASES for _ in range(5)))
        people = list(CASES)
        if not bot.database.is_sqlite:
            for peer in people[: len(NO_JSON)]:
                with pytest.raises(DBAPIError, match="json"):  # PostgreSQL takes none
                    async with bot.database.writing() as connection:
                        await leave(connection, conversations, "memory", peer)
            people = people[len(NO_JSON) :]
        await _leave_all(bot, people)
        async with bot.database.writing() as connection:
            await connection.execute(update(conversations).values(tags=["vip"]))
        await _are_shown(bot, people)

        await bot.hear(*(heard("five", peer=peer) for peer in people))
        assert await bot.rejected() == []
        for at, peer in enumerate(people):
            replies = await bot.replies(peer)
            last = [each.text for each in replies][-5:]
            assert last == ["one", "two", "three", "four", "five"], CASES[peer]
            await bot.alter(replies[-1].id, status="sent", provider_message_id=f"Outgoing_{at}")
        await _leave_all(bot, people)
        await bot.hear(
            *(report(f"Outgoing_{at}", "Failed", "4007: opted out") for at, _ in enumerate(people))
        )
        out = {each.peer for each in await bot.conversations() if each.opted_out}
        assert {peer: CASES[peer] for peer in people if peer not in out} == {}
        later = datetime.now(UTC) + timedelta(days=400)
        purger = Purger(bot.database, bot.writer, bot.marks, is_alone=True, clock=lambda: later)
        await purger.run(Keep(values=timedelta(days=365)))
        async with bot.database.reading() as connection:
            rows = (await connection.execute(select(conversations.c.peer, conversations.c.tags))).all()
        assert {CASES[row.peer]: row.tags for row in rows} == dict.fromkeys(CASES.values())
    finally:
        await bot.stop()


async def _leave_all(bot: Bot, people: list[str]) -> None:
    async with bot.database.writing() as connection:
        for peer in people:
            await leave(connection, conversations, "memory", peer)
            await leave(connection, messages, "decision", peer)


async def _are_shown(bot: Bot, people: list[str]) -> None:
    """By everything that reads a conversation."""
    shown = {each.peer: each for each in await bot.conversations()}
    async with bot.database.reading() as connection:
        found = await find_conversations(connection, Search(typed="hours"), limit=50, cursor=None)
        assert {each.id for each in found.items} == {each.id for each in shown.values()}
        assert len(await newest_texts(connection, 1_000)) == 5 * len(CASES)
        assert len([each async for each in stored_inbound(connection, None)]) == 5 * len(CASES)
        for peer in people:
            one = shown[peer]
            assert (one.values, one.flow, one.language, one.tags) == ({}, None, None, ["vip"]), CASES[peer]
            assert await find_conversation(connection, one.id) == one, CASES[peer]
            talk = (await list_messages(connection, one.id, limit=200, cursor=None)).items
            decided = [each.decision for each in talk if each.direction == "inbound"]
            assert decided == [None] * 5, CASES[peer]
            exported = await whole_conversation(connection, one, datetime.now(UTC))
            assert len(exported["messages"]) == len(talk), CASES[peer]
