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
from tests.support.databases import kinds_in_turn

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


@kinds_in_turn
async def test_an_answer_is_corrected_while_the_rule_still_asks(database_url: str) -> None:
    """What the person had said came back with their next answer."""
    book = book_of(
        "name: table, when: {keyword: table}, ask: [{save: people, question: How many?, expect: {number: {min: 1}}},"
        " {save: day, question: 'On which day, for {{ people }}?'}], reply: 'A table for {{ people }} on {{ day }}.'"
    )
    bot = Bot(database_url, book=book)
    await bot.start()
    try:
        for text in ("table", "4"):
            await bot.hear(heard(text))
        (talk,) = await bot.conversations()
        operator = Operator(bot.writer, bot.sender.wake, lambda: book)
        async with bot.database.reading() as connection:
            (row,) = await answers_in(connection, talk.id, datetime.now(UTC), None)
        assert row.status == "open"
        await operator.correct_answer(row.id, "people", "14", by=ADA)
        await bot.hear(heard("friday"))
        async with bot.database.reading() as connection:
            (row,) = await answers_in(connection, talk.id, datetime.now(UTC), None)
            tally = await summarize(connection, book, "table", datetime.now(UTC))
        assert row.values == {"people": "14", "day": "friday"}
        assert next(each for each in tally.fields if each.name == "people").counts == {"14": 1}
        assert (await bot.conversations())[0].values == {"people": "14", "day": "friday"}
        assert (await bot.replies())[-1].text == "A table for 14 on friday."
    finally:
        await bot.stop()
