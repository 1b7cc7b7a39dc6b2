"""Who listens hears which conversations a transaction has changed once it is committed, nothing of one that failed."""

import pytest

from bot.storage.commits import CommitNotifier, mark_changed
from bot.storage.database import Database
from bot.storage.writer import Writer


class Ears:
    def __init__(self, news: CommitNotifier) -> None:
        self.heard: list[set[str] | None] = []
        self.open = True
        news.on_commit = self.heard.append
        news.is_heard = lambda: self.open


async def work(_connection: object, items: list[str]) -> list[None]:
    mark_changed(items)
    if "bad" in items:
        raise ValueError("bad")
    return [None] * len(items)


async def test_what_a_transaction_touched_is_told_after_it(database: Database, writer: Writer) -> None:
    ears = Ears(writer.news)
    await writer.batch(work).submit(["a", "b"])
    assert ears.heard == [{"a", "b"}]


async def test_a_transaction_that_failed_is_not_told(database: Database, writer: Writer) -> None:
    ears = Ears(writer.news)
    with pytest.raises(ValueError, match="bad"):
        await writer.batch(work).submit(["bad"])
    assert ears.heard == []


async def test_that_something_was_committed_is_told_even_when_nobody_asks_what(
    database: Database, writer: Writer
) -> None:
    """A page that is being made meanwhile must know that it may have missed something."""
    ears = Ears(writer.news)
    ears.open = False
    await writer.batch(work).submit(["a"])
    assert ears.heard == [None]


def test_outside_a_transaction_a_touch_is_nothing() -> None:
    mark_changed(["a"])
