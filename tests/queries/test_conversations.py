"""Listings come in pages without gaps and repeats, whatever arrives meanwhile, and filters mean what they say."""

import base64
from collections.abc import AsyncIterator, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.exc import DBAPIError
from uuid_utils import uuid7

from bot.clock import utc_now
from bot.conversation.events import UnreadableEvent
from bot.queries.answers import answers_in
from bot.queries.conversations import (
    ConversationView,
    find_conversation,
    find_message,
    list_conversations,
    list_messages,
    list_rejected,
)
from bot.queries.filters import ConversationFilter
from bot.storage.columns import CheckedJson
from bot.storage.pages import WrongCursor
from bot.storage.tables import conversations, rejected_events
from tests.support.books import book_of
from tests.support.bots import OURS, PEER, Bot, heard, report
from tests.support.databases import kinds_in_turn

_TICK = timedelta(milliseconds=1)
NO_JSON = ['["vip"', "vip", ""]
NO_LISTS = [*NO_JSON, "{}", '["vip", 1]', '"vip"']
PEER_OF_A_LIST = "+15555550199"


@pytest.fixture
async def still(database_url: str) -> AsyncIterator[Bot]:
    """A bot that sends nothing."""
    bot = Bot(database_url)
    bot.inbox._on_queued = lambda _numbers: None
    await bot.start(sending=False)
    yield bot
    await bot.stop()


async def pages(bot: Bot, limit: int, **wanted: Any) -> list[list[ConversationView]]:
    found = []
    cursor = None
    while True:
        async with bot.database.reading() as connection:
            page = await list_conversations(
                connection, ConversationFilter(**wanted), limit=limit, cursor=cursor
            )
        found.append(page.items)
        if page.next is None:
            return found
        cursor = page.next


def forged(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def peers(count: int) -> list[str]:
    return [f"+1555{at:07}" for at in range(count)]


async def test_pages_have_no_gaps_and_no_repeats(still: Bot) -> None:
    """All of one batch have the same time, so only the id tells them apart."""
    await still.hear(*(heard(peer=peer) for peer in peers(10)))
    await still.hear(*(heard(peer=peer) for peer in peers(25)[10:]))
    for limit in (1, 3, 7, 24, 25, 26):
        found = await pages(still, limit)
        listed = [one.peer for page in found for one in page]
        assert sorted(listed) == peers(25), limit
        assert {len(page) for page in found[:-1]} <= {limit}
        assert 0 < len(found[-1]) <= limit


async def test_conversations_come_newest_first(still: Bot) -> None:
    for peer in peers(5):
        await still.hear(heard(peer=peer))
    await still.hear(heard(peer=peers(5)[2]))
    listed = [one.peer for page in await pages(still, 2) for one in page]
    assert listed == [peers(5)[at] for at in (2, 4, 3, 1, 0)]


async def test_what_arrives_between_two_pages_repeats_nothing(still: Bot) -> None:
    for peer in peers(6):
        await still.hear(heard(peer=peer))
    async with still.database.reading() as connection:
        first = await list_conversations(connection, ConversationFilter(), limit=3, cursor=None)
    await still.hear(heard(peer="+15559999999"))
    async with still.database.reading() as connection:
        second = await list_conversations(connection, ConversationFilter(), limit=3, cursor=first.next)
    assert [one.peer for one in (*first.items, *second.items)] == peers(6)[::-1]


async def test_messages_come_oldest_first_in_pages(still: Bot) -> None:
    for _ in range(5):
        await still.hear(heard("five"))
    (conversation,) = (await pages(still, 50))[0]
    positions: list[str] = []
    cursor = None
    while True:
        async with still.database.reading() as connection:
            page = await list_messages(connection, conversation.id, limit=7, cursor=cursor)
        positions += [message.text for message in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert positions == ["five", "one", "two", "three", "four", "five"] * 5


async def test_a_page_of_rejected_events_is_short_where_they_are_long(still: Bot) -> None:
    """Two hundred of 8 MiB each on one page were 1.6 GB."""
    sizes = [3, 3, 3, 9, 1, 1, 1]  # MiB, oldest first
    rows = [
        {
            "id": str(uuid7()), "digest": f"{at:064}", "arrived_at": utc_now(), "reason": "x",
            "raw": "x" * (mebibytes << 20),
        }
        for at, mebibytes in enumerate(sizes)
    ]  # fmt: skip
    async with still.database.writing() as connection:
        await connection.execute(insert(rejected_events), rows)
    pages, cursor = [], None
    async with still.database.reading() as connection:
        while not pages or cursor:
            page = await list_rejected(connection, limit=200, cursor=cursor)
            pages.append([len(each.raw) >> 20 for each in page.items])
            cursor = page.next
    assert pages == [[1, 1, 1], [9], [3, 3], [3]]


async def test_rejected_events_come_newest_first_in_pages(still: Bot) -> None:
    for at in range(7):
        await still.hear(UnreadableEvent(reason=f"{at}", raw=f"{at}"))
    reasons: list[str] = []
    cursor = None
    while True:
        async with still.database.reading() as connection:
            page = await list_rejected(connection, limit=3, cursor=cursor)
        reasons += [event.reason for event in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert reasons == list("6543210")


async def test_a_row_whose_tags_are_no_list_has_none_and_the_others_are_shown(
    still: Bot, logs: list[MutableMapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One row that another program had written made every list of conversations a 500."""
    people = {f"+155555501{at:02d}": tags for at, tags in enumerate(NO_LISTS)}
    await still.hear(*(heard("quiet", peer=peer) for peer in [*people, PEER_OF_A_LIST]))
    async with still.database.writing() as connection:
        await connection.execute(update(conversations).values(tags=["vip"]))
    expected = {PEER_OF_A_LIST: ["vip"]}
    for peer, written in people.items():
        expected[peer] = []
        if not still.database.is_sqlite and written in NO_JSON:
            with pytest.raises(DBAPIError, match="invalid input syntax for type json"):
                await _leave_tags(still, peer, written)
            expected[peer] = ["vip"]  # such a row can't be written there
            continue
        monkeypatch.setattr(CheckedJson, "told", set())
        del logs[:]
        await _leave_tags(still, peer, written)
        for _ in range(2):
            shown = (await pages(still, 50))[0]
            assert {each.peer: each.tags for each in shown} == expected | {
                each: ["vip"] for each in people if each not in expected
            }, written
        await still.hear(heard("quiet", peer=peer))
        assert [line["action"] for line in logs].count("tags_unreadable") == 1, written
        async with still.database.writing() as connection:
            await connection.execute(
                update(conversations).where(conversations.c.peer == peer).values(tags=[])
            )


async def _leave_tags(bot: Bot, peer: str, written: str) -> None:
    value = ":tags" if bot.database.is_sqlite else "CAST(CAST(:tags AS text) AS json)"
    statement = text(f"UPDATE conversations SET tags = {value} WHERE peer = :peer")
    async with bot.database.writing() as connection:
        await connection.execute(statement, {"tags": written, "peer": peer})


@kinds_in_turn
async def test_an_empty_list_is_one_empty_page(still: Bot) -> None:
    assert await pages(still, 50) == [[]]


async def test_filters(bot: Bot) -> None:
    await bot.hear(heard(), heard("stop", peer="+15555550102"), heard("quiet", peer="+15555550103"))
    await bot.hear(heard(peer="12345", number="+15555550199"))
    await bot.settled()
    await bot.settled("+15555550102")
    await bot.settled("12345", number="+15555550199")
    (delivered,) = await bot.replies()
    await bot.hear(report(delivered.provider_message_id or ""))

    async def found(**wanted: Any) -> set[str]:
        return {one.peer for page in await pages(bot, 2, **wanted) for one in page}

    everybody = {PEER, "+15555550102", "+15555550103", "12345"}
    assert await found() == everybody
    assert await found(peer=PEER) == {PEER}
    assert await found(number=OURS) == everybody - {"12345"}
    assert await found(number=OURS, peer="12345") == set()
    assert await found(delivery="delivered") == {PEER}
    assert await found(delivery="sent") == {"+15555550102", "12345"}
    assert await found(delivery="failed") == set()
    assert await found(opted_out=True) == {"+15555550102"}
    assert await found(opted_out=False, delivery="sent") == {"12345"}


async def test_counts_are_of_outbound_messages_by_state(still: Bot) -> None:
    await still.hear(heard("five"), heard("stop"), heard("hours"))
    (conversation,) = (await pages(still, 50))[0]
    counts = conversation.delivery
    assert (counts.queued, counts.suppressed, counts.sent, counts.latest) == (6, 1, 0, "suppressed")
    assert conversation.last_text == "We are open."


async def test_a_conversation_without_a_reply_has_no_delivery_state(still: Bot) -> None:
    await still.hear(heard("quiet"))
    (conversation,) = (await pages(still, 50))[0]
    assert conversation.delivery.latest is None
    assert (conversation.flow, conversation.tags) == (None, [])


async def test_a_question_whose_time_is_over_runs_no_more(database_url: str) -> None:
    asks = book_of(
        "name: book, when: {keyword: book}, ask: [{save: day, question: Which day?}], expires: 30m"
    )
    bot = Bot(database_url, book=asks)
    await bot.start(sending=False)
    try:
        asked = heard("book")
        await bot.hear(asked)
        assert asked.received_at is not None
        end = asked.received_at + timedelta(minutes=30)
        flow = {"rule": "book", "awaits": "day", "until": end.timestamp()}
        async with bot.database.reading() as connection:
            for now, runs in ((asked.received_at, True), (end - _TICK, True), (end + _TICK, False)):
                page = await list_conversations(
                    connection, ConversationFilter(), limit=1, cursor=None, now=now
                )
                (listed,) = page.items
                one = await find_conversation(connection, listed.id, now=now)
                assert one == listed
                assert (listed.flow is not None) is runs, now
                (kept,) = await answers_in(connection, listed.id, now, limit=None)
                assert (kept.status == "open") is runs, now
                if runs:
                    assert listed.flow | flow == listed.flow
        # One of a version that did not note when it is over.
        async with bot.database.writing() as connection:
            await connection.execute(
                update(conversations).values(
                    memory={"flow": {"rule": "book", "awaits": "day", "touched": 0.0}}
                )
            )
        async with bot.database.reading() as connection:
            older = await find_conversation(connection, listed.id, now=end + _TICK)
        assert older is not None
        assert older.flow == {"rule": "book", "awaits": "day", "touched": 0.0}
    finally:
        await bot.stop()


@kinds_in_turn
async def test_what_is_not_there_is_none(still: Bot) -> None:
    async with still.database.reading() as connection:
        assert await find_conversation(connection, "nope") is None
        assert await find_message(connection, "nope") is None


@kinds_in_turn
@pytest.mark.parametrize("cursor", ["x", forged("{}"), forged('["\\u0000"]'), forged('["a", "b"]')])
async def test_a_forged_cursor_is_refused_by_every_listing(still: Bot, cursor: str) -> None:
    """On PostgreSQL a NUL would be an error of the database."""
    async with still.database.reading() as connection:
        with pytest.raises(WrongCursor):
            await list_conversations(connection, ConversationFilter(), limit=1, cursor=cursor)
    async with still.database.reading() as connection:
        with pytest.raises(WrongCursor):
            await list_messages(connection, "x", limit=1, cursor=cursor)
    async with still.database.reading() as connection:
        with pytest.raises(WrongCursor):
            await list_rejected(connection, limit=1, cursor=cursor)


@kinds_in_turn
async def test_a_forged_id_in_a_cursor_is_no_error_of_the_database(still: Bot) -> None:
    cursor = forged('["2026-11-23T12:00:00Z", "\\u0000"]')
    async with still.database.reading() as connection:
        with pytest.raises(WrongCursor):
            await list_conversations(connection, ConversationFilter(), limit=1, cursor=cursor)


async def test_times_of_different_writing_sort_as_times(still: Bot) -> None:
    """SQLite compares texts: every time is written with the same width."""
    whole = datetime(2026, 11, 23, 12, tzinfo=UTC)
    await still.hear(*(heard(peer=peer) for peer in peers(3)))
    async with still.database.writing() as connection:
        for peer, moment in zip(peers(3), (whole, whole + timedelta(microseconds=1), whole - timedelta(days=365 * 1000)), strict=True):  # fmt: skip  # noqa: E501
            statement = (
                update(conversations).where(conversations.c.peer == peer).values(last_message_at=moment)
            )
            await connection.execute(statement)
    listed = [one.peer for page in await pages(still, 1) for one in page]
    assert listed == [peers(3)[at] for at in (1, 0, 2)]


@kinds_in_turn
async def test_a_message_that_did_not_arrive_says_why_in_plain_words(bot: Bot) -> None:
    await bot.hear(heard(), heard("stop", peer="+15555550102"))
    (reply,) = await bot.settled()
    await bot.hear(report(reply.provider_message_id or "", "Failed", "ErrorCode: 4004. ErrorMessage: Oops"))
    await bot.hear(heard(peer="+15555550102"))
    (failed,) = await bot.replies()
    assert (failed.status_details, failed.reason) == (
        "ErrorCode: 4004. ErrorMessage: Oops",
        "the number doesn't exist",
    )
    assert [one.reason for one in await bot.talk("+15555550102")][-1] == "the person opted out"
    assert reply.reason is None
