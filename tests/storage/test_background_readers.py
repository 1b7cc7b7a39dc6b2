"""Parts that look again and again share two connections; pages and events wait for none of them."""

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.background_readers import BackgroundReaders
from bot.storage.database import Database


@pytest.mark.parametrize("how", ["reading", "asking"])
async def test_two_look_at_once_and_the_next_one_when_one_of_them_has_looked(
    database: Database, how: str
) -> None:
    looks = [getattr(database.background, how) for _ in range(3)]
    async with AsyncExitStack() as first, AsyncExitStack() as second:
        for stack, look in zip((first, second), looks, strict=False):
            await stack.enter_async_context(look())
        third = asyncio.create_task(_answer(looks[2]()))
        async with database.reading() as beside:  # nobody else waits
            assert (await beside.execute(text("SELECT 1"))).scalar() == 1
        assert not third.done()
        await first.aclose()
        assert await third == 1


async def test_a_look_that_fails_or_is_given_up_makes_room_for_the_next_one(database: Database) -> None:
    readers = BackgroundReaders(database)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with readers.reading():
                raise ZeroDivisionError
        given_up = asyncio.create_task(_answer(readers.reading()))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.wait([given_up])
    assert await _answer(readers.reading()) == 1


async def _answer(transaction: AbstractAsyncContextManager[AsyncConnection]) -> int:
    async with transaction as connection:
        return int((await connection.execute(text("SELECT 1"))).scalar_one())
