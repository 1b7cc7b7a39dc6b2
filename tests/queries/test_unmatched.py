"""The newest messages that no rule answers are remembered, whatever fails while they are read."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.queries.traffic import HOUR, MINUTE
from bot.queries.unmatched import Unmatched, UnmatchedLimits
from bot.rulebook.editing.live_book import LiveBook
from tests.support.bots import Bot, age, heard
from tests.support.overview import RULES, met


class ReadFailed(Exception):
    """A statement that a test lets fail."""


@pytest.fixture
def shelf(tmp_path: Path) -> LiveBook:
    (tmp_path / "rules.yaml").write_text(RULES)
    shelf = LiveBook(tmp_path)
    shelf.open()
    return shelf


@pytest.fixture
async def busy(database_url: str, shelf: LiveBook) -> AsyncIterator[Bot]:
    bot = Bot(database_url, book=shelf.book())
    await bot.start()
    yield bot
    await bot.stop()


def fail_at(connection: AsyncConnection, number: int) -> None:
    """Let the statement of this number fail on this connection, the first being 1."""
    seen = 0

    def count(*_arguments: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            raise ReadFailed

    event.listen(connection.sync_connection, "before_cursor_execute", count)


async def refresh(bot: Bot, unmatched: Unmatched, shelf: LiveBook, *, failing_at: int = 0) -> set[str]:
    """The texts that are known after a refresh."""
    now = datetime.now(UTC)
    async with bot.database.reading() as connection:
        if failing_at:
            fail_at(connection, failing_at)
        await unmatched.refresh(connection, shelf.book(), now)
    return {group.newest.text for group in unmatched.groups(shelf.book(), now)}


async def six_unmatched(bot: Bot) -> set[str]:
    """Six texts, one of now, the others of two hours ago."""
    texts = [letter * 9 for letter in "abcdef"]
    await bot.hear(*(heard("hours", peer=f"+1555555010{at}") for at in range(6)))
    await bot.hear(*(heard(text, peer=f"+1555555010{at}") for at, text in enumerate(texts[:5])))
    await bot.settled()
    await age(bot, 2 * HOUR)
    await met(bot, texts[5], "+15555550105")
    return set(texts)


async def test_a_read_that_fails_loses_nothing_of_what_was_known_or_came_since(
    busy: Bot, shelf: LiveBook
) -> None:
    """Whichever of its three statements fails: of the first read of all, or of a later one."""
    texts = await six_unmatched(busy)
    known = {statement: Unmatched() for statement in (1, 2, 3)}
    for statement, unmatched in known.items():
        with pytest.raises(ReadFailed):
            await refresh(busy, unmatched, shelf, failing_at=statement)
        assert await refresh(busy, unmatched, shelf) == texts, statement
    await met(busy, "zzzzzzzzz", "+15555550109")
    for statement, unmatched in known.items():
        with pytest.raises(ReadFailed):
            await refresh(busy, unmatched, shelf, failing_at=statement)
        assert await refresh(busy, unmatched, shelf) == {*texts, "zzzzzzzzz"}, statement


async def test_requests_at_the_same_time_lose_nothing_of_each_other(busy: Bot, shelf: LiveBook) -> None:
    texts = await six_unmatched(busy)
    unmatched = Unmatched(UnmatchedLimits(looked_at=8))
    for _ in range(3):
        await asyncio.gather(*(refresh(busy, unmatched, shelf) for _ in range(4)))
    assert await refresh(busy, unmatched, shelf) == texts


async def test_older_ones_are_found_a_stretch_a_look_and_very_old_ones_never(
    busy: Bot, shelf: LiveBook
) -> None:
    await met(busy, "from last month", "+15555550100")
    await age(busy, timedelta(days=20))
    for at in range(6):
        await met(busy, f"{'abcdef'[at] * 9}", f"+1555555010{at}")
        await age(busy, 5 * MINUTE)
    unmatched = Unmatched(UnmatchedLimits(looked_at=8))
    seen = [len(await refresh(busy, unmatched, shelf)) for _ in range(6)]
    assert seen[0] < seen[-1] == 6
    assert seen == sorted(seen)
    await met(busy, "zzzzzzzzz", "+15555550109")
    assert len(await refresh(busy, unmatched, shelf)) == 7


async def test_only_the_newest_are_remembered(busy: Bot, shelf: LiveBook) -> None:
    await six_unmatched(busy)
    assert len(await refresh(busy, Unmatched(UnmatchedLimits(most=4)), shelf)) == 4
