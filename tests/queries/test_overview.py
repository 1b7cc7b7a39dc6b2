"""The overview says what is so: what came and what became of it, what is not well, and what waits for a person."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from bot.conversation.events import UnreadableEvent
from bot.operator.actor import Actor
from bot.operator.acts import ActOrder, Acts
from bot.operator.planned_replies import PlannedReplies
from bot.queries.conversations import list_conversations
from bot.queries.filters import ConversationFilter
from bot.queries.inbox import count_inbox
from bot.queries.overview import PERIODS, Overview, OverviewView, Period, read_alarms
from bot.queries.traffic import HOUR, MINUTE, floor_to
from bot.queries.traffic_counter import TrafficCounter
from bot.queries.waiting_count import count_waiting
from bot.rulebook.editing.live_book import LiveBook
from bot.storage.tables import incidents
from tests.support.bots import Bot, age, heard, report
from tests.support.databases import kinds_in_turn
from tests.support.overview import RULES, met

A_RULE_MORE = "  - {name: address, when: {fuzzy: address}, reply: Harbour Street.}\n"


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


@pytest.fixture
def overview(shelf: LiveBook, busy: Bot) -> Overview:
    return Overview(shelf, busy.sender.link, lambda: 3)


async def look(
    bot: Bot, overview: Overview, period: Period = "hour", *, later: timedelta = timedelta()
) -> OverviewView:
    async with bot.database.reading() as connection:
        return await overview.look(connection, period, datetime.now(UTC) + later)


@kinds_in_turn
async def test_nothing_has_happened_and_nothing_needs_anybody(busy: Bot, overview: Overview) -> None:
    for period in PERIODS:
        view = await look(busy, overview, period)
        assert (view.counts.inbound, view.counts.outbound, view.counts.delivery_rate) == (0, 0, None)
        assert view.counts.reply_time(0.95) is None
        assert view.needs.is_nothing
        assert all((point.inbound, point.outbound, point.failed) == (0, 0, 0) for point in view.points)


async def test_the_newest_messages_are_counted_before_anybody_has_counted_them_and_only_once_after(
    busy: Bot, overview: Overview
) -> None:
    await busy.hear(heard("hours"), heard("person", peer="+15555550102"))
    await busy.settled()
    for passes in range(3):
        for period in PERIODS:
            view = await look(busy, overview, period, later=passes * MINUTE)
            counts = view.counts
            assert (counts.inbound, counts.answered, counts.outbound) == (2, 2, 2), period
            assert (sum(point.inbound for point in view.points), view.points[-1].failed) == (2, 0), period
        await TrafficCounter(busy.database).count(datetime.now(UTC) + passes * MINUTE)


async def test_each_period_has_what_belongs_to_it(busy: Bot, overview: Overview) -> None:
    for days in (20, 20, 1, 0):
        await busy.hear(heard("hours"))
        await busy.settled()
        if days:
            await age(busy, timedelta(days=days, hours=-1) if days == 1 else timedelta(days=days))
    await age(busy, 2 * HOUR)
    await busy.hear(heard("hours"))
    await busy.settled()
    while await TrafficCounter(busy.database).count(datetime.now(UTC)):
        pass
    found = {period: (await look(busy, overview, period)).counts.inbound for period in PERIODS}
    # 41 and 21 days old (out of every period and within the month), 25 h and 2 h old, and of now.
    assert found == {"hour": 1, "day": 2, "month": 4}


@kinds_in_turn
async def test_points_are_even_and_end_now(busy: Bot, overview: Overview) -> None:
    expected: dict[Period, int] = {"hour": 60, "day": 96, "month": 121}
    for period, points in expected.items():
        view = await look(busy, overview, period)
        step = timedelta(seconds=view.step_seconds)
        assert abs(len(view.points) - points) <= 1, period
        assert {b.start - a.start for a, b in zip(view.points, view.points[1:], strict=False)} == {step}
        assert view.points[-1].start <= datetime.now(UTC) < view.points[-1].start + step + MINUTE, period


@kinds_in_turn
async def test_failures_are_told_in_plain_words_with_their_code(busy: Bot, overview: Overview) -> None:
    for peer, code in (("+15555550102", "4004"), ("+15555550103", "4004"), ("+15555550104", "4006")):
        await busy.hear(heard("hours", peer=peer))
        (reply,) = await busy.settled(peer)
        await busy.hear(report(reply.provider_message_id or "", "Failed", f"ErrorCode: {code}. Oops"))
    view = await look(busy, overview)
    told = [(each.reason.words, each.reason.code, each.count) for each in view.needs.failures]
    assert told == [("the number doesn't exist", 4004, 2), ("the phone can't be reached now", 4006, 1)]
    assert (view.needs.failed, view.counts.delivery_rate, view.points[-1].failed <= 3) == (3, 0.0, True)


@kinds_in_turn
async def test_who_waits_for_a_person(busy: Bot, overview: Overview) -> None:
    await busy.hear(heard("person"), heard("hours", peer="+15555550102"))
    assert (await look(busy, overview)).needs.waiting == 1
    await busy.hear(heard("stop"))
    assert (await look(busy, overview)).needs.waiting == 0


@kinds_in_turn
async def test_who_is_snoozed_waits_nowhere_until_the_time(busy: Bot, overview: Overview) -> None:
    """The title, the first page and the metric counted them, and the list that they lead to was empty."""

    who: list[set[str]] = []

    async def counted() -> list[int]:
        needs = (await look(busy, overview)).needs
        async with busy.database.reading() as connection:
            told, alarms = await count_waiting(connection), await read_alarms(connection)
            inbox = await count_inbox(connection, "Ada")
            wanted = ConversationFilter(waiting=True)
            listed = (await list_conversations(connection, wanted, limit=9, cursor=None)).items
        who.append(set(told.who or ()))
        return [needs.waiting, told.count, alarms.waiting, inbox.waiting, len(listed)]

    await busy.hear(heard("person"), heard("person", peer="+15555550102"))
    key, *_ = [each.id for each in await busy.conversations()]
    assert await counted() == [2] * 5
    acts, until = Acts(busy.database, busy.writer), datetime.now(UTC) + HOUR
    await acts.do(ActOrder(kind="snooze", until=until), [key], by=Actor("Ada"))
    assert await counted() == [1] * 5
    later = until + MINUTE
    await PlannedReplies(busy.database, busy.writer, clock=lambda: later).look()
    assert await counted() == [2] * 5
    assert who[0] == who[2] > who[1], "an open page knows by them that somebody is back"


async def test_messages_that_no_rule_answers_are_grouped_until_one_does(
    busy: Bot, shelf: LiveBook, overview: Overview
) -> None:
    for peer, text in enumerate(("adress", "adress?", "Address", "do you deliver")):
        await met(busy, text, f"+1555555010{peer}")
    groups = (await look(busy, overview)).needs.unmatched
    assert [(group.newest.text, group.count) for group in groups] == [("Address", 3), ("do you deliver", 1)]
    (shelf.folder / "rules.yaml").write_text(
        RULES.replace("  - {name: greeting", A_RULE_MORE + "  - {name: greeting")
    )
    await shelf.reload()
    groups = (await look(busy, overview)).needs.unmatched
    assert [group.newest.text for group in groups] == ["do you deliver"], (
        "it stands in the way of nobody any more"
    )
    await met(busy, "do you deliver to France", "+15555550109")
    groups = (await look(busy, overview)).needs.unmatched
    assert [(group.newest.text, group.count) for group in groups] == [("do you deliver to France", 2)]


async def test_what_people_should_look_at(busy: Bot, overview: Overview) -> None:
    await busy.hear(heard("please take me off this list"))
    (conversation,) = await busy.conversations()
    loop_row = {
        "id": f"{'loop':0>36}", "conversation_id": conversation.id, "kind": "loop", "reason": "too many replies",
        "message_id": None, "opened_at": datetime.now(UTC),
    }  # fmt: skip
    async with busy.database.writing() as connection:
        await connection.execute(insert(incidents).values(**loop_row))
    await busy.hear(UnreadableEvent(reason="It is odd.", raw="{}"))
    needs = (await look(busy, overview)).needs
    assert needs.incidents == {"loop": 1, "opt-out": 1}
    (loop,), (opt_out,) = needs.loops, needs.opt_outs
    assert (loop.peer, loop.reason, loop.text) == ("+15555550101", "too many replies", None)
    assert opt_out.text == "please take me off this list"
    assert needs.rejected == 1
    assert not needs.is_nothing


@kinds_in_turn
async def test_what_is_not_well(busy: Bot, shelf: LiveBook, overview: Overview) -> None:
    (shelf.folder / "rules.yaml").write_text("rules: 5")
    await shelf.reload()
    view = await look(busy, overview)
    assert view.refused == 3
    assert view.rule_errors[0].file == "rules.yaml"
    assert view.book == shelf.book().version


async def test_it_says_when_older_messages_are_still_being_counted(busy: Bot, overview: Overview) -> None:
    await busy.hear(heard("hours"))
    await busy.settled()
    await age(busy, timedelta(days=3))
    assert (await look(busy, overview, "month")).counted_from is not None
    while await TrafficCounter(busy.database).count(datetime.now(UTC)):
        pass
    assert (await look(busy, overview, "month")).counted_from is None
    assert floor_to(datetime.now(UTC), HOUR) - HOUR < (await look(busy, overview, "hour")).since


@kinds_in_turn
async def test_when_more_comes_in_than_can_be_counted_at_once_it_says_up_to_when_it_is_counted(
    busy: Bot, overview: Overview, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.queries.overview._MOST_LIVE", 3)
    await busy.hear(heard("hours"), heard("hours", peer="+15555550102"))
    await busy.settled()
    view = await look(busy, overview)
    assert (view.counts.inbound, view.counted_to) == (0, floor_to(datetime.now(UTC), HOUR))
    later = 2 * MINUTE
    await TrafficCounter(busy.database).count(datetime.now(UTC) + later)
    view = await look(busy, overview, later=later)
    assert (view.counts.inbound, view.counted_to) == (2, None)
