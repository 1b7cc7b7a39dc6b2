"""Others hear of each fact once, signed, in order within a conversation, whatever becomes of them or of the bot."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.operator.actor import Actor
from bot.operator.acts import ActOrder, Acts
from bot.operator.errors import CannotAct
from bot.queries.consent import find_consent
from bot.storage.writer import StorageUnavailable
from tests.support.bots import PEER, heard, report, until
from tests.support.databases import kinds_in_turn
from tests.support.event_bots import QUICK_EVENTS, SECRET, EventBot, event_bot
from tests.support.receivers import Receiver, is_signed
from tests.support.shops import a_shop

OTHER = "+15555550177"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


async def outgoing(bot: EventBot, peer: str = PEER) -> str:
    """Azure's id of the newest reply to a peer."""
    await bot.no_longer_queued(peer)
    return str((await bot.replies(peer))[-1].provider_message_id)


async def test_each_fact_is_told_once_signed_and_in_order(database_url: str, receiver: Receiver) -> None:
    async with event_bot(database_url, receiver.address) as bot:
        await bot.hear(heard("hours"))
        await bot.hear(report(await outgoing(bot), "Delivered"))
        await bot.hear(heard("hours"))
        await bot.hear(report(await outgoing(bot), "Failed", "4004: the number does not exist"))
        await bot.hear(report(await outgoing(bot), "Failed", "4004: the number does not exist"))
        for text in ("book", "Ann", "a window", "stop", "start", "person"):
            await bot.hear(heard(text))
            await bot.no_longer_queued()
        await until(bot.are_told)
        (conversation,) = await bot.conversations()
        texts = {each.id: each.text for each in await bot.talk()}
    assert receiver.of(PEER) == [
        "message.received", "message.sent", "message.delivered",
        "message.received", "message.sent", "message.failed",
        "message.received", "message.sent",
        "message.received", "message.sent",
        "message.received", "answer.finished", "message.sent",
        "message.received", "peer.opted_out", "message.sent",
        "message.received", "peer.opted_in", "message.sent",
        "message.received", "conversation.waiting", "message.sent",
    ]  # fmt: skip
    assert set(receiver.posted.values()) == {1}
    assert all(is_signed(*each, SECRET) for each in zip(receiver.headers, receiver.bodies, strict=True))
    for event, headers in zip(receiver.events, receiver.headers, strict=True):
        given = {name.lower(): value for name, value in headers.items()}
        assert given["webhook-id"] == event["id"]
        assert event["specversion"] == "1.0"
        assert event["source"] == f"/conversations/{conversation.id}"
        data = event["data"]
        assert (data["number"], data["peer"]) == (conversation.number, PEER)
        if event["type"].startswith("message."):
            assert data["text"] == texts[data["message_id"]] == texts[event["subject"]]
            assert data["status"] == event["type"].removeprefix("message.")
    (failed,) = [each["data"] for each in receiver.events if each["type"] == "message.failed"]
    assert (failed["code"], failed["status_details"]) == (4004, "4004: the number does not exist")
    (out,) = [each["data"] for each in receiver.events if each["type"] == "peer.opted_out"]
    assert (out["source"], out["text"]) == ("message", "stop")
    (answer,) = [each["data"] for each in receiver.events if each["type"] == "answer.finished"]
    assert answer["values"] == {"name": "Ann", "wish": "a window"}


@kinds_in_turn
async def test_people_and_carriers_opt_out_too(database_url: str, receiver: Receiver) -> None:
    async with event_bot(database_url, f"{receiver.address}?types=peer.opted_out,peer.opted_in") as bot:
        await bot.hear(heard("hours"))
        await bot.hear(report(await outgoing(bot), "Failed", "4007: opted out", seconds=5, peer=PEER))
        (conversation,) = await bot.conversations()
        await bot.operator.opt_out(conversation.id, reason="again")
        await bot.hear(heard("start"))
        await bot.operator.opt_out(conversation.id, reason="by mail")
        with pytest.raises(CannotAct):
            await bot.operator.reply(conversation.id, "hello")
        await until(bot.are_told)
    assert [(each["type"], each["data"]["source"], each["data"]["text"]) for each in receiver.events] == [
        ("peer.opted_out", "carrier", "the carrier reported it"),
        ("peer.opted_in", "message", "start"),
        ("peer.opted_out", "person", "by mail"),
    ]


async def test_what_is_done_to_many_at_once_is_told_and_so_is_its_undoing(
    database_url: str, receiver: Receiver
) -> None:
    types = "peer.opted_out,peer.opted_in,conversation.waiting"
    async with event_bot(database_url, f"{receiver.address}?types={types}") as bot:
        acts, ada = Acts(bot.database, bot.writer), Actor("Ada")
        await bot.hear(heard("person"), heard("hours", peer=OTHER))
        ids = [each.id for each in await bot.conversations()]
        for order in (ActOrder(kind="opt out", reason="by mail"), ActOrder(kind="done")):
            done = await acts.do(order, ids, by=ada)
            for _ in range(2):
                await acts.undo(done.id, by=ada)
        await until(bot.are_told)
        async with bot.database.reading() as connection:
            consent = (await find_consent(connection, OTHER)).events
    assert receiver.of(OTHER) == ["peer.opted_out", "peer.opted_in"]
    waiting = "conversation.waiting"
    assert sorted(receiver.of(PEER)) == [waiting, waiting, waiting, "peer.opted_in", "peer.opted_out"]
    told = {(each["type"], each["data"]["source"], each["data"]["text"]) for each in receiver.events
            if each["type"] != waiting}  # fmt: skip
    assert told == {
        ("peer.opted_out", "person", "by mail"),
        ("peer.opted_in", "person", "the opt-out was undone"),
    }
    assert [(each.opted_out, each.words, each.by) for each in consent] == [
        (True, "by mail", "Ada"),
        (False, "the opt-out was undone", "Ada"),
    ]


async def test_no_event_is_written_where_its_fact_is_rolled_back(
    database_url: str, receiver: Receiver
) -> None:
    async with a_shop() as shop:
        bot = EventBot(database_url, shop.address, receiver.address)
        await bot.start(telling=False)
        work = bot.inbox._events.work

        async def fails(connection: Any, events: Any) -> Any:
            await work(connection, events)
            raise ValueError("the transaction ends here")

        bot.inbox._events.work = fails
        with pytest.raises(StorageUnavailable):
            await bot.hear(heard("hours"))
        assert await bot.conversations() == []
        assert await bot.rows() == []
        bot.inbox._events.work = work
        await bot.hear(heard("hours"))
        assert [row.type for row in await bot.rows(type="message.received")] == ["message.received"]
        await bot.stop()


@kinds_in_turn
async def test_each_receiver_hears_what_it_asked_for(database_url: str, receiver: Receiver) -> None:
    second = Receiver()
    await second.start()
    addresses = f"{receiver.address}?types=message.sent, {second.address}?key=k&types=message.received"
    async with event_bot(database_url, addresses) as bot:
        await bot.hear(heard("hours"))
        await until(lambda: bool(receiver.events and second.events))
        places = {row.receiver for row in await bot.rows()}
    await second.stop()
    assert (receiver.types, second.types) == (["message.sent"], ["message.received"])
    assert places == {receiver.address, second.address}, "without the query, which may hold a secret"


@kinds_in_turn
@pytest.mark.parametrize("health", ["down", "slow", "failing", "dying", "poisoned"])
async def test_whatever_a_receiver_suffers_from_it_hears_all_in_order(
    database_url: str, receiver: Receiver, health: Any
) -> None:
    peers = [f"+1555555{number:04d}" for number in range(3000, 3006)]
    async with event_bot(database_url, receiver.address) as bot:
        receiver.health, receiver.poison = health, "message.sent"
        if health == "down":
            await receiver.stop()
        for text in ("hours", "person", "stop"):
            await bot.hear(*(heard(text, peer=peer) for peer in peers))
            await bot.none_queued()
        if health == "down":
            await until(lambda: next(iter(bot.events_out.forwarders.values())).is_down)
            await receiver.start()
        elif health != "slow":
            await until(lambda: sum(receiver.posted.values()) > 20)
        receiver.health = "well"
        await until(bot.are_told)
    expected = [
        "message.received", "message.sent",
        "message.received", "conversation.waiting", "message.sent",
        "message.received", "peer.opted_out", "message.sent",
    ]  # fmt: skip
    assert {peer: receiver.of(peer) for peer in peers} == dict.fromkeys(peers, expected)
    if health == "slow":
        assert set(receiver.posted.values()) == {1}


@kinds_in_turn
async def test_one_event_that_is_refused_holds_back_its_own_conversation_alone(
    database_url: str, receiver: Receiver
) -> None:
    receiver.health, receiver.poison = "poisoned", "conversation.waiting"
    async with event_bot(database_url, receiver.address) as bot:
        await bot.hear(heard("person"))
        await bot.no_longer_queued()
        for _ in range(3):
            await bot.hear(heard("hours", peer=OTHER))
            await bot.no_longer_queued(OTHER)
        await until(lambda: len(receiver.of(OTHER)) == 6)
        assert receiver.of(PEER) == ["message.received"]
        (poison,) = await bot.rows(type="conversation.waiting")
        assert poison.last_error == "It answered 500."
        assert poison.tries[0]["reason"] == "It answered 500."
        receiver.health = "well"
        await until(bot.are_told)
    assert receiver.of(PEER) == ["message.received", "conversation.waiting", "message.sent"]


@kinds_in_turn
async def test_an_hour_down_is_made_good_and_three_days_are_given_up(
    database_url: str, receiver: Receiver
) -> None:
    """Time is an argument: each pass is made by hand."""
    moment = datetime(2026, 11, 26, 12, tzinfo=UTC)
    async with a_shop() as shop:
        bot = EventBot(database_url, shop.address, receiver.address, clock=lambda: moment)
        await bot.start(telling=False)
        (forwarder,) = bot.events_out.forwarders.values()
        receiver.health = "failing"
        peers = [f"+1555555{number:04d}" for number in range(4000, 4010)]
        await bot.hear(*(heard("hours", peer=peer) for peer in peers))
        await bot.none_queued()
        tried = 0
        for _ in range(60):  # an hour
            tried += await forwarder.look()
            moment += timedelta(minutes=1)
        assert forwarder.is_down
        assert sum(receiver.posted.values()) < 100, "one post at a time, once it is down"
        assert len(await bot.rows(status="failed")) == 0
        receiver.health = "well"
        while await forwarder.look() or not await bot.are_told():
            moment += timedelta(minutes=1)
        assert tried > 10
        assert sorted(receiver.types) == ["message.received"] * 10 + ["message.sent"] * 10
        receiver.health = "failing"
        await bot.hear(heard("hours"))
        await bot.no_longer_queued()
        moment += timedelta(days=3, minutes=1)
        failed = bot.measures.forwards.counted["127.0.0.1", "failed"]
        assert await bot.events_out.ends.look() == 2
        assert bot.measures.forwards.counted["127.0.0.1", "failed"] == failed + 2
        assert {row.status for row in await bot.rows() if row.body.count(PEER)} == {"failed"}
        await bot.stop()


@kinds_in_turn
async def test_where_nobody_is_named_any_more_events_end_too(database_url: str, receiver: Receiver) -> None:
    """Else they would keep their messages and conversations for ever."""
    async with a_shop() as shop:
        before = EventBot(database_url, shop.address, receiver.address)
        await before.start(telling=False)
        await before.hear(heard("hours"))
        await before.no_longer_queued()
        assert await before.rows(status="queued")
        await before.stop()
        late = datetime.now(UTC) + timedelta(days=3, minutes=1)
        bot = EventBot(database_url, shop.address, "", clock=lambda: late)
        await bot.start()
        await until(bot.are_told)
        assert {row.status for row in await bot.rows()} == {"failed"}
        assert not bot.measures.forwards.counted, "nobody is to see to a receiver that was taken out"
        await bot.stop()


@kinds_in_turn
async def test_a_bot_that_dies_posts_again_by_the_same_id(database_url: str, receiver: Receiver) -> None:
    async with a_shop() as shop:
        for round_ in range(3):
            bot = EventBot(database_url, shop.address, receiver.address)
            forwarder = next(iter(bot.events_out.forwarders.values()))
            bot.inbox._on_queued = lambda _numbers: None
            await bot.start(sending=False, telling=False)
            await bot.hear(heard("hours"))
            (due,) = await bot.rows(status="queued")
            # It has posted and dies before it could note that.
            async with bot.database.reading() as connection:
                (waiting,) = await forwarder._queue.due(connection, datetime.now(UTC), 10)
            await forwarder._poster.post(waiting)
            assert len(receiver.events) == round_ + 1
            await bot.stop()
            again = EventBot(database_url, shop.address, receiver.address)
            await again.start(sending=False)
            await until(again.are_told)
            await again.stop()
            assert receiver.posted[due.event_id] == 2
    assert receiver.types == ["message.received"] * 3


@kinds_in_turn
async def test_a_conversation_waits_behind_what_is_queued_before_it(
    database_url: str, receiver: Receiver
) -> None:
    """However many it has, one of each conversation is posted at a time."""
    inside: dict[str, int] = defaultdict(int)
    async with event_bot(database_url, receiver.address, event_limits=QUICK_EVENTS) as bot:
        forwarder = next(iter(bot.events_out.forwarders.values()))
        post, most = forwarder._poster.post, 0

        async def watched(waiting: Any) -> Any:
            nonlocal most
            key = str(waiting.body).partition('"source":"')[2].partition('"')[0]
            inside[key] += 1
            most = max(most, inside[key])
            try:
                return await post(waiting)
            finally:
                inside[key] -= 1

        forwarder._poster.post = watched  # type: ignore[method-assign]
        receiver.health = "slow"
        await bot.hear(*(heard("hours") for _ in range(5)))
        await bot.no_longer_queued()
        await until(bot.are_told)
    assert most == 1
    assert receiver.types == ["message.received"] * 5 + ["message.sent"] * 5


@kinds_in_turn
async def test_no_receiver_waits_for_one_that_hangs(database_url: str, receiver: Receiver) -> None:
    """More posts hang than one pool of connections held, and none of them ever ends."""
    hanging = [Receiver() for _ in range(3)]
    gate = asyncio.Event()
    for each in hanging:
        each.gate = gate
        await each.start()
    addresses = ", ".join(f"{each.address}?types=message.received" for each in [*hanging, receiver])
    peers = [f"+1555555{number:04d}" for number in range(5000, 5040)]
    async with event_bot(database_url, addresses) as bot:
        await bot.hear(*(heard("hours", peer=peer) for peer in peers[:20]))
        await until(lambda: all(sum(each.posted.values()) == QUICK_EVENTS.posts for each in hanging))
        await bot.hear(*(heard("hours", peer=peer) for peer in peers[20:]))
        await until(lambda: len(receiver.events) == 40)
        assert not any(each.events for each in hanging)
        assert set(receiver.posted.values()) == {1}
        await until(lambda: _none_is_queued(bot, receiver.address))
        rows = await bot.rows(receiver=receiver.address)
        assert {row.status for row in rows} == {"delivered"}
        assert not any(row.tries for row in rows), "nobody's wait is its failure"
        gate.set()
    for each in hanging:
        await each.stop()


async def _none_is_queued(bot: EventBot, receiver: str) -> bool:
    return not await bot.rows(receiver=receiver, status="queued")
