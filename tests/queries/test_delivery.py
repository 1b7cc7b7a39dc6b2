"""How delivery fares, by code, country, number, rule and hour, beside what is usual; each figure has its messages."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from bot.operator.actions import Operator
from bot.operator.actor import Actor
from bot.operator.bulk_resend import BulkResend
from bot.queries.delivery import DeliveryLine, DeliveryView, look_at_delivery
from bot.queries.delivery_counts import country_of
from bot.queries.delivery_messages import DeliveryFilter, DeliveryMessage, list_delivery_messages
from bot.queries.delivery_sheets import delivery_csv
from bot.queries.traffic_counter import TrafficCounter
from bot.storage.tables import conversations, messages, status_changes
from tests.support.bots import BOOK, OURS, PEER, Bot, age, heard, report
from tests.support.databases import kinds_in_turn

FRENCH, CANADIAN = "+33612345678", "+14165550123"


async def view_of(bot: Bot, period: str = "day") -> DeliveryView:
    """Counted, and looked at, some minutes from now: the running minute is left out."""
    now = datetime.now(UTC) + timedelta(minutes=2)
    counter = TrafficCounter(bot.database)
    while await counter.count(now):
        pass
    async with bot.database.reading() as connection:
        return await look_at_delivery(connection, period, now)  # type: ignore[arg-type]


async def messages_of(bot: Bot, **wanted: object) -> list[DeliveryMessage]:
    now = datetime.now(UTC)
    wanted = {"since": now - timedelta(days=60), "until": now + timedelta(minutes=1)} | wanted
    async with bot.database.reading() as connection:
        return (
            await list_delivery_messages(connection, DeliveryFilter(**wanted), limit=50, cursor=None)
        ).items  # type: ignore[arg-type]


async def answered(bot: Bot, *peers: str) -> dict[str, str]:
    """Azure's ids of the replies to `hours`, by peer."""
    await bot.hear(*(heard(peer=peer) for peer in peers))
    replies = (
        select(conversations.c.peer, messages.c.provider_message_id, messages.c.status)
        .join(conversations)
        .where(messages.c.direction == "outbound", conversations.c.peer.in_(peers))
        .order_by(messages.c.position)
    )
    while True:
        async with bot.database.asking() as connection:
            rows = (await connection.execute(replies)).all()
        if all(row.status != "queued" for row in rows):
            return {row.peer: row.provider_message_id or "" for row in rows}
        await asyncio.sleep(0.02)


def line(lines: list[DeliveryLine], name: str) -> DeliveryLine:
    (found,) = [each for each in lines if each.name == name]
    return found


async def test_each_message_is_in_each_table_once_and_behind_its_figure(bot: Bot) -> None:
    ids = await answered(bot, PEER, FRENCH, CANADIAN)
    await bot.hear(report(ids[PEER]))
    await bot.hear(report(ids[FRENCH], "Failed", "4004: the number does not exist"))
    view = await view_of(bot)
    whole = view.whole
    assert (whole.messages, whole.delivered, whole.failed, whole.waiting) == (3, 1, 1, 1)
    assert (whole.failed_share, whole.usual_failed_share) == (0.5, None)
    assert whole.p50_ms is not None
    assert {each.name: each.messages for each in view.by_country} == {"US": 1, "FR": 1, "CA": 1}
    assert {each.name: each.messages for each in view.by_number} == {OURS: 3}
    assert {each.name: each.messages for each in view.by_rule} == {"hours": 3}
    assert [(each.name, each.words, each.failed) for each in view.by_code] == [
        ("4004", "the number doesn't exist", 1)
    ]
    assert sum(each.messages for each in view.by_hour) == 3
    for wanted, peers in (
        ({"state": "failed"}, {FRENCH}),
        ({"code": "4004"}, {FRENCH}),
        ({"country": "CA"}, {CANADIAN}),
        ({"country": ""}, set()),
        ({"rule": "hours", "state": "delivered"}, {PEER}),
        ({"number": OURS, "state": "waiting"}, {CANADIAN}),
        ({"rule": ""}, set()),
        ({}, {PEER, FRENCH, CANADIAN}),
        ({"since": datetime.now(UTC) + timedelta(minutes=1)}, set()),
    ):
        assert {each.peer for each in await messages_of(bot, **wanted)} == peers, wanted
    assert b"\r\ncode,4004,the number doesn't exist,1,0,1,0,0,0,0.5000," in delivery_csv(view)


@kinds_in_turn
async def test_a_report_that_comes_later_moves_the_figure(bot: Bot) -> None:
    ids = await answered(bot, PEER)
    assert (await view_of(bot)).whole.waiting == 1
    await bot.hear(report(ids[PEER]))
    view = await view_of(bot)
    assert (view.whole.waiting, view.whole.delivered, sum(each.messages for each in view.by_hour)) == (
        0,
        1,
        1,
    )


async def test_what_is_not_as_in_the_weeks_before_is_said(bot: Bot) -> None:
    peers = [f"+1555556{number:04d}" for number in range(110)]
    ids = await answered(bot, *peers)
    await bot.hear(*(report(each) for each in ids.values()))
    await age(bot, timedelta(days=9))
    ids = await answered(bot, *peers[:40])
    await bot.hear(*(report(each, "Failed", "4005: blocked") for each in list(ids.values())[:20]))
    await bot.hear(*(report(each) for each in list(ids.values())[20:]))
    async with bot.database.writing() as connection:  # however long each took here
        made = select(messages.c.created_at).where(messages.c.id == status_changes.c.message_id)
        await connection.execute(update(status_changes).values(at=made.scalar_subquery()))
    view = await view_of(bot)
    assert view.whole.unusual == ["more failures than usual: 50.0%, usually 0.0%"]
    assert line(view.by_code, "4005").unusual == ["more often than usual: 50.0%, usually 0.0%"]
    assert line(view.by_country, "US").unusual == view.whole.unusual
    assert line(view.by_rule, "hours").usual_failed_share == 0.0
    month = await view_of(bot, "month")
    assert month.whole.messages == 150
    assert len(month.by_hour) == 2


async def test_failed_ones_are_sent_again_in_bulk_and_never_to_the_opted_out(bot: Bot) -> None:
    gone, back = "+15555560001", "+15555560002"
    ids = await answered(bot, PEER, gone, back, FRENCH)
    for peer in (PEER, gone, back):
        await bot.hear(report(ids[peer], "Failed", "4006: unreachable"))
    await bot.hear(report(ids[FRENCH], "Failed", "5002: no report"))
    await bot.hear(heard("stop", peer=gone))
    await bot.no_longer_queued(gone)
    operator = Operator(bot.writer, bot.sender.wake, lambda: BOOK)
    bulk = BulkResend(bot.database, operator)
    now = datetime.now(UTC)
    wanted = DeliveryFilter(since=now - timedelta(days=1), until=now + timedelta(minutes=1), state="failed")
    before = len(bot.sms.recipients(gone))
    done = await bulk.resend(wanted, by=Actor("Ann"))
    assert (done.resent, done.opted_out, done.sent_before, done.more) == (2, 1, 0, False)
    for peer in (PEER, back):
        await bot.no_longer_queued(peer)
        assert len(bot.sms.recipients(peer)) == 2
    again = await bulk.resend(wanted, by=Actor("Ann"))
    assert (again.resent, again.opted_out, again.sent_before) == (0, 1, 2)
    assert len(bot.sms.recipients(gone)) == before
    doubtful = DeliveryFilter(since=wanted.since, until=wanted.until, state="unconfirmed")
    assert (await bulk.resend(doubtful)).may_arrive_twice == 1
    assert (await bulk.resend(doubtful, may_arrive_twice=True)).resent == 1


@pytest.mark.parametrize(
    ("number", "country"),
    [("+12125550100", "US"), ("+14165550100", "CA"), ("+15555550100", "US"), ("+447700900123", "GB"),
     ("+33612345678", "FR"), ("+353861234567", "IE"), ("InfoSMS", ""), ("12345", ""), ("+", ""), ("+0123", "")],
)  # fmt: skip
def test_a_number_tells_its_country(number: str, country: str) -> None:
    assert country_of(number[:5]) == country
