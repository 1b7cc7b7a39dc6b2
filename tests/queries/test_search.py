"""What is looked for is found, each conversation once, newest first; where looking ended early, it can go on."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bot.queries.search import FoundBySearch, Search, find_conversations
from bot.storage.pages import WrongCursor
from bot.storage.tables import conversations
from tests.support.books import book_of
from tests.support.bots import OURS, Bot, heard, report
from tests.support.databases import kinds_in_turn

BOOK = book_of(
    "name: hours, when: {keyword: hours}, reply: We are open.",
    "name: customer, when: {keyword: iam}, tag: [customer], reply: Noted.",
    "name: quoted, when: {keyword: tagme}, tag: ['a \"b\" %_ é'], reply: Noted.",
    "name: thanks, when: {keyword: thanks}",
    "name: person, when: {keyword: person}, handover: true, reply: Somebody will come.",
    "name: stop, when: {exact: stop}, opt_out: true, reply: Goodbye.",
    "name: else, when: anything, reply: Sorry?",
)


@pytest.fixture
async def still(database_url: str) -> AsyncIterator[Bot]:
    """A bot that sends nothing."""
    bot = Bot(database_url, book=BOOK)
    bot.inbox._on_queued = lambda _numbers: None
    await bot.start(sending=False)
    yield bot
    await bot.stop()


def peer(at: int) -> str:
    return f"+1555555{at:04}"


async def search(bot: Bot, *, limit: int = 50, cursor: str | None = None, **wanted: Any) -> FoundBySearch:
    async with bot.database.reading() as connection:
        return await find_conversations(connection, Search(**wanted), limit=limit, cursor=cursor)


async def peers_found(bot: Bot, *, limit: int = 2, **wanted: Any) -> list[str]:
    """All of them, page after page."""
    found: list[str] = []
    cursor = None
    while True:
        page = await search(bot, limit=limit, cursor=cursor, **wanted)
        assert len(page.items) <= limit
        found += [one.peer for one in page.items]
        cursor = page.next
        if cursor is None:
            return found


async def test_texts_are_found_newest_first_and_each_conversation_once(still: Bot) -> None:
    for at in (1, 2, 3, 1):
        await still.hear(heard(f"Where is my PARCEL {at}?", peer=peer(at)))
    await still.hear(heard("hours", peer=peer(4)))
    assert await peers_found(still, typed="parcel") == [peer(1), peer(3), peer(2)]
    assert await peers_found(still, typed="is my parcel 2") == [peer(2)]
    assert await peers_found(still, typed="zebra") == []
    found = await search(still, typed="parcel")
    assert [found.hits[one.id].text for one in found.items] == [
        "Where is my PARCEL 1?",
        "Where is my PARCEL 3?",
        "Where is my PARCEL 2?",
    ]


async def test_what_we_said_is_found_too(still: Bot) -> None:
    await still.hear(heard("hours", peer=peer(1)))
    assert await peers_found(still, typed="we are open") == [peer(1)]


async def test_no_character_means_anything_but_itself(still: Bot) -> None:
    await still.hear(heard("100 percent, aXb, ordinary", peer=peer(1)))
    await still.hear(heard("100% a_b a/b a\\b ' OR 1=1 \ufffd ÜNÏCODE ünïcode Ünïcode 🙏", peer=peer(2)))
    for typed in ("100%", "a_b", "a/b", "a\\b", "' OR 1=1", "\x00", "Ünïcode", "ünïCODE", "🙏"):
        assert await peers_found(still, typed=typed) == [peer(2)], typed


async def test_numbers_are_found_as_people_type_them(still: Bot) -> None:
    await still.hear(heard(peer="+15555550101"), heard(peer="+15555550102"), heard(peer="+33612345678"))
    await still.hear(heard(peer="12345"))
    assert await peers_found(still, typed="+1 (555) 555-0101") == ["+15555550101"]
    assert set(await peers_found(still, typed="555 010")) == {"+15555550101", "+15555550102"}
    assert await peers_found(still, typed="06 12 34 56 78") == ["+33612345678"]
    assert await peers_found(still, typed="+336") == ["+33612345678"]
    assert await peers_found(still, typed="234") == ["12345", "+33612345678"]
    assert await peers_found(still, typed="+555") == []


@kinds_in_turn
async def test_digits_that_are_in_nobodys_number_are_looked_for_in_texts(still: Bot) -> None:
    for at in range(3):
        await still.hear(heard(f"order 987654, question {at}", peer=peer(at)))
    assert await peers_found(still, typed="987 654") == []
    assert await peers_found(still, typed="987654", limit=1) == [peer(2), peer(1), peer(0)]


async def test_rules_and_messages_that_met_none(still: Bot) -> None:
    await still.hear(heard("hours", peer=peer(1)))
    await still.hear(heard("What?", peer=peer(2)))
    await still.hear(heard("hours", peer=peer(3)), heard("What?", peer=peer(3)))
    assert await peers_found(still, rule="hours") == [peer(3), peer(1)]
    assert await peers_found(still, rule="nope") == []
    assert await peers_found(still, unmatched=("else",)) == [peer(3), peer(2)]
    assert await peers_found(still, unmatched=()) == []
    assert await peers_found(still, rule="hours", typed="what") == [], "one message must be both"


@kinds_in_turn
async def test_what_a_person_answers_did_not_miss_a_rule(still: Bot) -> None:
    await still.hear(heard("person", peer=peer(1)))
    await still.hear(heard("my name is Ada", peer=peer(1)))
    await still.hear(heard("stop", peer=peer(2)))
    await still.hear(heard("my name is Bo", peer=peer(2)))
    assert await peers_found(still, unmatched=("else",)) == []


async def test_tags(still: Bot) -> None:
    await still.hear(heard("iam Ada", peer=peer(1)), heard("iam Bo", peer=peer(2)), heard(peer=peer(3)))
    await still.hear(heard("tagme", peer=peer(2)))
    assert await peers_found(still, tag="customer") == [peer(2), peer(1)]
    assert await peers_found(still, tag="custom") == []
    assert await peers_found(still, tag='a "b" %_ é') == [peer(2)]
    assert await peers_found(still, tag="a") == []


async def test_who_waits_and_who_has_no_answer(still: Bot) -> None:
    await still.hear(heard("hours", peer=peer(1)), heard("thanks", peer=peer(2)), heard("stop", peer=peer(3)))
    await still.hear(heard("hours", peer=peer(3)))
    assert await peers_found(still, unanswered=True) == []
    await still.hear(heard("person", peer=peer(4)))
    assert await peers_found(still, waiting=True) == [peer(4)], (
        "whatever the bot said, a person is waited for"
    )
    assert await peers_found(still, unanswered=True) == [peer(4)]
    assert set(await peers_found(still, unanswered=False)) == {peer(1), peer(2), peer(3)}
    (waiting,) = (await search(still, waiting=True)).items
    since = waiting.unanswered_since
    await still.hear(heard("Are you there?", peer=peer(4)))
    (waiting,) = (await search(still, waiting=True)).items
    assert waiting.unanswered_since == since, "it counts from the first message without an answer"
    await still.hear(heard("stop", peer=peer(4)))
    assert await peers_found(still, waiting=True) == [], "nobody may text them any more"


async def test_filters_hold_together_and_with_a_search(still: Bot) -> None:
    await still.hear(heard("iam Ada", peer=peer(1)), heard("iam Bo", peer=peer(2)))
    await still.hear(heard("stop", peer=peer(2)))
    assert await peers_found(still, tag="customer", opted_out=True) == [peer(2)]
    assert await peers_found(still, typed="iam", opted_out=False) == [peer(1)]
    assert await peers_found(still, typed=peer(2), tag="customer") == [peer(2)]
    assert await peers_found(still, number="+15550000000", typed="iam") == []
    assert await peers_found(still, number=OURS, rule="stop") == [peer(2)]


async def test_since(still: Bot) -> None:
    await still.hear(heard(peer=peer(1)))
    async with still.database.writing() as connection:
        old = datetime.now(UTC) - timedelta(days=2)
        await connection.execute(update(conversations).values(last_message_at=old))
    await still.hear(heard(peer=peer(2)))
    assert await peers_found(still, since=datetime.now(UTC) - timedelta(days=1)) == [peer(2)]


async def test_delivery_states_are_found_however_rare(bot: Bot) -> None:
    await bot.hear(heard(peer=peer(1)), heard(peer=peer(2)))
    await bot.settled(peer(1))
    (reply,) = await bot.settled(peer(2))
    await bot.hear(report(reply.provider_message_id or "", "Failed", "4004"))
    assert await peers_found(bot, delivery="sent") == [peer(1)]
    assert await peers_found(bot, delivery="failed") == [peer(2)]
    assert await peers_found(bot, delivery="queued") == []


async def test_a_look_is_bounded_says_how_far_it_went_and_goes_on(
    still: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.queries.search.LOOKED_AT", 6)
    monkeypatch.setattr("bot.queries.conversations.LOOKED_AT", 3)
    for at in range(10):
        await still.hear(heard("parcel" if at % 5 == 0 else "iam here", peer=peer(at)))
    for wanted, all_of_them in (
        ({"typed": "parcel"}, [peer(5), peer(0)]),
        ({"tag": "customer"}, [peer(at) for at in (9, 8, 7, 6, 4, 3, 2, 1)]),
        ({"tag": "nope"}, []),
        ({"rule": "nope"}, []),
    ):
        first = await search(still, **wanted)
        assert first.next is not None
        assert first.searched_back_to is not None
        assert await peers_found(still, limit=50, **wanted) == all_of_them
    assert (await search(still)).searched_back_to is None, "nothing was passed over"


@kinds_in_turn
@pytest.mark.parametrize("wanted", [{}, {"typed": "parcel"}, {"typed": "5550101"}])
async def test_a_forged_cursor_is_refused(still: Bot, wanted: dict[str, str]) -> None:
    for cursor in ("x", "WyJhIl0", "W10"):
        with pytest.raises(WrongCursor):
            await search(still, cursor=cursor, **wanted)


async def test_what_arrives_between_two_pages_of_a_search_repeats_nothing(still: Bot) -> None:
    for at in range(4):
        await still.hear(heard("parcel", peer=peer(at)))
    first = await search(still, typed="parcel", limit=2)
    await still.hear(heard("parcel", peer=peer(9)))
    second = await search(still, typed="parcel", limit=2, cursor=first.next)
    assert [one.peer for one in (*first.items, *second.items)] == [peer(3), peer(2), peer(1), peer(0)]
