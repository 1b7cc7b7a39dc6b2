"""A cursor brings back its place, and a forged one is refused."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from bot.storage.pages import Key, Order, WrongCursor, read_page
from bot.storage.tables import actions, conversations, messages, rule_edits
from tests.support.bots import Bot
from tests.support.cursors import FORGED, forged

BY_POSITION = Order(messages.c.position)
NEWEST_FIRST = Order(conversations.c.last_message_at, conversations.c.id, newest_first=True)
BY_ID = Order(rule_edits.c.id, newest_first=True)


@given(st.integers(0, 2**31 - 1))
def test_a_position_comes_back(position: int) -> None:
    assert BY_POSITION.decode(BY_POSITION.encode((position,))) == (position,)


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_moment_and_an_id_come_back(moment: datetime, key: UUID) -> None:
    place: Key = (moment, str(key))
    assert NEWEST_FIRST.decode(NEWEST_FIRST.encode(place)) == place


@pytest.mark.parametrize("order", [BY_POSITION, NEWEST_FIRST, BY_ID], ids=["position", "moment and id", "id"])
@pytest.mark.parametrize("cursor", FORGED)
def test_what_no_list_gave_is_refused(order: Order, cursor: str) -> None:
    with pytest.raises(WrongCursor, match="leave it out"):
        order.decode(cursor)


@given(st.text() | st.builds(lambda each: forged(json.dumps(each)), st.lists(st.text() | st.integers())))
def test_any_text_is_a_place_or_refused(text: str) -> None:
    for order in (BY_POSITION, NEWEST_FIRST, BY_ID):
        with suppress(WrongCursor):
            assert order.encode(order.decode(text))


def test_a_list_can_not_be_sorted_by_what_no_cursor_can_be_checked_for() -> None:
    with pytest.raises(TypeError, match=r"rule_edits\.file"):
        Order(rule_edits.c.file)


@pytest.mark.parametrize("newest_first", [False, True])
async def test_pages_together_are_the_list(bot: Bot, newest_first: bool) -> None:
    """Each row once, whatever the size of a page, and the last page says that it is the last."""
    (conversation_id,) = [str(key) for key in _ids(1)]
    async with bot.database.writing() as connection:
        now = datetime.now(UTC)
        await connection.execute(
            conversations.insert().values(
                id=conversation_id, number="+1", peer="+2", opted_out=False, handed_over=False, last_position=0,
                last_message_at=now, last_text="", created_at=now,
            )
        )  # fmt: skip
        rows = [
            {"id": key, "conversation_id": conversation_id, "action": "tag", "by": "x", "at": now}
            for key in _ids(5)
        ]
        await connection.execute(actions.insert(), rows)
    order = Order(actions.c.id, newest_first=newest_first)
    wanted = sorted((row["id"] for row in rows), reverse=newest_first)
    async with bot.database.reading() as connection:
        for size in (1, 2, 5, 9):
            found, cursor = [], None
            for _ in range(-(-5 // size)):
                page = await read_page(
                    connection, select(actions.c.id), order, lambda row: row.id, limit=size, cursor=cursor
                )
                found += page.items
                cursor = page.next
            assert (found, cursor) == (wanted, None)


def _ids(count: int) -> Iterator[str]:
    return (f"{place:08x}-0000-7000-8000-000000000000" for place in range(1, count + 1))
