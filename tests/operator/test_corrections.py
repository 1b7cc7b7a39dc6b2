"""What somebody answered is corrected where it stands: in their row, in the tally, and in what is saved of them."""

from datetime import UTC, datetime

import pytest

from bot.conversation.audit_log import list_actions
from bot.operator.actions import Operator
from bot.operator.actor import Actor
from bot.operator.errors import NotThere
from bot.queries.answers import answers_in, summarize
from tests.support.books import book_of
from tests.support.bots import Bot, heard

ADA = Actor("Ada", "a1")
BOOK = book_of(
    "name: table, when: {keyword: table}, ask: [{save: people, question: How many?, expect: {number: {min: 1}}}],"
    " reply: 'A table for {{ people }}.'",
)


async def test_an_answer_is_corrected_everywhere(database_url: str) -> None:
    bot = Bot(database_url, book=BOOK)
    await bot.start()
    try:
        for text in ("table", "4"):
            await bot.hear(heard(text))
        (talk,) = await bot.conversations()
        operator = Operator(bot.writer, bot.sender.wake, lambda: BOOK)
        async with bot.database.reading() as connection:
            (row,) = await answers_in(connection, talk.id, datetime.now(UTC), None)
        assert row.values == {"people": "4"}
        after = await operator.correct_answer(row.id, "people", "14", by=ADA)
        assert after.values["people"] == "14"
        await operator.correct_answer(row.id, "people", "14", by=ADA)  # it is so already
        async with bot.database.reading() as connection:
            (row,) = await answers_in(connection, talk.id, datetime.now(UTC), None)
            (field,) = (await summarize(connection, BOOK, "table", datetime.now(UTC))).fields
            done = (await list_actions(connection, talk.id, limit=9, cursor=None)).items
        assert row.values == {"people": "14"}
        assert (field.counts, field.min, field.max) == ({"14": 1}, 14, 14)
        assert [(each.action, each.details, each.by) for each in done] == [
            ("correct answer", "people: 14", "Ada")
        ]
        with pytest.raises(NotThere):
            await operator.correct_answer(row.id, "colour", "red", by=ADA)
        with pytest.raises(NotThere):
            await operator.correct_answer("no such row", "people", "1", by=ADA)
    finally:
        await bot.stop()
