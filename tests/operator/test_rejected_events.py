"""A rejected event leaves when it is taken or dismissed, and only then."""

from collections.abc import MutableMapping, Sequence
from typing import Any

import pytest

from bot.conversation.audit_log import list_actions
from bot.conversation.events import Event, UnreadableEvent
from bot.operator.actor import Actor
from bot.operator.rejected_events import (
    NotRejected,
    RejectedEvents,
    SettledEventView,
    StillUnreadable,
    list_settled,
)
from bot.web.console.labels import action_sentence
from tests.support.bots import Bot, heard
from tests.support.databases import kinds_in_turn


class Reader:
    """Reads an event as it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, _raw: str) -> Sequence[Event]:
        return self.events


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def rejected(bot: Bot, reader: Reader) -> RejectedEvents:
    return RejectedEvents(bot.database, bot.writer, reader, bot.inbox.accept)


async def reject(bot: Bot) -> str:
    """The id of an event that could not be read."""
    await bot.hear(UnreadableEvent(reason="It was odd.", raw='{"odd": true}'))
    (event,) = await bot.rejected()
    return event.id


async def settled(bot: Bot) -> list[SettledEventView]:
    """What people did with rejected events, the latest first."""
    async with bot.database.reading() as connection:
        return list((await list_settled(connection, limit=9, cursor=None)).items)


async def test_what_can_be_read_now_is_answered_and_leaves(
    bot: Bot, rejected: RejectedEvents, reader: Reader
) -> None:
    event_id = await reject(bot)
    reader.events = [heard("hours")]
    assert await rejected.retry(event_id, by=Actor("Ada", "id-of-ada")) == "accepted"
    assert [reply.text for reply in await bot.settled()] == ["We are open."]
    assert await bot.rejected() == []
    (asked, _) = await bot.talk()
    async with bot.database.reading() as connection:
        (done,) = (await list_actions(connection, asked.conversation_id, limit=9, cursor=None)).items
    assert (done.action, done.by, done.person_id, done.message_id) == ("retry", "Ada", "id-of-ada", asked.id)
    assert [(each.outcome, each.by, each.person_id) for each in await settled(bot)] == [
        ("taken", "Ada", "id-of-ada")
    ]
    assert action_sentence(done) == "Ada had the event of this message, which could not be read, tried again"
    with pytest.raises(NotRejected):
        await rejected.retry(event_id)


@kinds_in_turn
async def test_what_still_can_not_be_read_stays_with_its_reason(
    bot: Bot, rejected: RejectedEvents, reader: Reader
) -> None:
    event_id = await reject(bot)
    reader.events = [UnreadableEvent(reason="It is odd still.", raw="{}")]
    with pytest.raises(StillUnreadable, match="It still can't be taken: It is odd still"):
        await rejected.retry(event_id)
    assert [event.id for event in await bot.rejected()] == [event_id]
    assert await settled(bot) == []


@kinds_in_turn
async def test_what_came_again_meanwhile_is_a_duplicate_and_leaves(
    bot: Bot, rejected: RejectedEvents, reader: Reader
) -> None:
    event_id = await reject(bot)
    await bot.hear(heard("hours", message_id="same"))
    reader.events = [heard("hours", message_id="same")]
    assert await rejected.retry(event_id) == "duplicate"
    assert await bot.rejected() == []
    assert len(await bot.settled()) == 1


@kinds_in_turn
async def test_an_event_that_means_nothing_to_the_bot_leaves(
    bot: Bot, rejected: RejectedEvents, reader: Reader
) -> None:
    event_id = await reject(bot)
    reader.events = []
    assert await rejected.retry(event_id) == "accepted"
    assert await bot.rejected() == []


@kinds_in_turn
async def test_a_dismissed_event_is_gone_and_who_did_so_is_kept(
    bot: Bot, rejected: RejectedEvents, logs: list[MutableMapping[str, Any]]
) -> None:
    await bot.hear(UnreadableEvent(reason="It was odd: +15555550101.", raw='{"odd": true}'))
    ((event_id, arrived_at),) = [(found.id, found.arrived_at) for found in await bot.rejected()]
    await rejected.dismiss(event_id, by=Actor("ada", "id-of-ada"))
    assert await bot.rejected() == []
    (dismissed,) = await settled(bot)
    assert dismissed == SettledEventView(
        id=event_id, arrived_at=arrived_at, reason="It was odd: ….", outcome="dismissed", by="ada",
        person_id="id-of-ada", at=dismissed.at,
    )  # fmt: skip
    assert [each["by"] for each in logs if each.get("action") == "rejected_event_dismissed"] == ["ada"]
    with pytest.raises(NotRejected, match="There is no rejected event"):
        await rejected.dismiss(event_id)
    assert len(await settled(bot)) == 1
