"""The newest wish of a peer counts by their own time, in whatever order their messages arrive."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from bot.conversation.events import Inbound, time_written
from bot.storage.consent_tables import consent_changes
from tests.support.books import book_of
from tests.support.bots import Bot, heard, report
from tests.support.databases import kinds_in_turn

#: A while ago, so that no time of these tests lies in the future.
TEN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


def at(text: str, seconds: float | None, message_id: str = "") -> Inbound:
    written = None if seconds is None else TEN + timedelta(seconds=seconds)
    return replace(heard(text, message_id=message_id), received_at=written)


async def opted_out(bot: Bot) -> bool:
    (conversation,) = await bot.conversations()
    return conversation.opted_out


#: What a peer says, each with the seconds at which they wrote it, in the order of arrival; are they opted out then?
WISHES: list[tuple[list[tuple[str, float | None]], bool]] = [
    ([("stop", 20), ("start", 10)], True),
    ([("start", 20), ("stop", 10)], False),
    ([("stop", 10), ("start", 10)], True),
    ([("start", 10), ("stop", 10)], True),
    ([("stop", 10), ("start", 20)], False),
    ([("stop", 5), ("start", 20), ("stop", 10)], False),
    ([("stop", 20), ("start", 10), ("start", 15), ("hours", 30)], True),
    ([("stop", 20), ("hours", 40), ("start", 30)], False),
    ([("stop", 0.000001), ("start", 0)], True),
    ([("stop", None), ("start", 10)], True),
]


@pytest.mark.parametrize("in_one_batch", [True, False])
@kinds_in_turn
async def test_the_newest_wish_counts(bot: Bot, *, in_one_batch: bool) -> None:
    """Of each peer: all are tried on one bot."""
    for number, (times, _) in enumerate(WISHES):
        events = [replace(at(*each), peer=f"+1555555{number:04}") for each in times]
        if in_one_batch:
            await bot.hear(*events)
        else:
            for event in events:
                await bot.hear(event)
    found = {each.peer: each.opted_out for each in await bot.conversations()}
    assert [(times, found[f"+1555555{number:04}"]) for number, (times, _) in enumerate(WISHES)] == WISHES


async def test_every_order_of_arrival_ends_alike(bot: Bot) -> None:
    """With each message delivered twice, as Event Grid may."""
    wishes = [at("stop", 1), at("start", 2), at("stop", 3), at("start", 4)]
    for number, order in enumerate(itertools.permutations(wishes)):
        peer = f"+1555555{number:04}"
        mine = [replace(each, peer=peer, message_id=f"{peer}{each.message_id}") for each in order]
        await bot.hear(*mine[:2])
        await bot.hear(*mine[1:], mine[0])
    assert {each.opted_out for each in await bot.conversations()} == {False}


@kinds_in_turn
async def test_a_late_start_is_not_answered(bot: Bot) -> None:
    await bot.hear(at("stop", 20))
    await bot.hear(at("start", 10))
    await bot.hear(at("hours", 30))
    assert [(each.text, each.status == "suppressed") for each in await bot.replies()] == [
        ("Goodbye.", False),
        ("We are open.", True),
    ]
    late = (await bot.talk())[2]
    assert late.decision is not None
    assert late.decision["guard"] == "a newer wish counts"
    assert late.decision["withheld"] == ["Welcome back."]


@kinds_in_turn
async def test_a_late_stop_is_not_confirmed_and_nobody_waits(bot: Bot) -> None:
    await bot.hear(at("start", 20), at("stop", 10), at("hours", 30))
    assert [each.text for each in await bot.replies()] == ["Welcome back.", "We are open."]
    (conversation,) = await bot.conversations()
    assert conversation.unanswered_since is None


@kinds_in_turn
async def test_a_late_stop_keeps_what_the_rules_tag_as_it_was(database_url: str) -> None:
    book = book_of(
        "name: stop, when: {exact: stop}, opt_out: true, tag: gone, reply: Bye.",
        "name: start, when: {exact: start}, opt_in: true, untag: gone, reply: Hi.",
    )
    bot = Bot(database_url, book=book)
    await bot.start(sending=False)
    await bot.hear(at("start", 20), at("stop", 10))
    assert (await bot.conversations())[0].tags == []
    await bot.hear(at("stop", 30), at("start", 25))
    assert (await bot.conversations())[0].tags == ["gone"]
    await bot.stop()


async def test_the_last_answer_of_a_rule_that_opts_in_is_a_consent_of_its_time(database_url: str) -> None:
    book = book_of(
        "name: stop, when: {exact: stop}, opt_out: true, reply: Bye.",
        "name: join, when: {keyword: join}, opt_in: true, ask: {save: sure, question: Q?, expect: yes_no}, reply: Hi.",
    )
    bot = Bot(database_url, book=book)
    await bot.start(sending=False)
    await bot.hear(at("join", 10), at("yes", 20))
    async with bot.database.reading() as connection:
        noted = await connection.execute(select(consent_changes.c.opted_out, consent_changes.c.words))
        assert [tuple(each) for each in noted] == [(False, "yes")]
    await bot.hear(at("stop", 15))
    assert not await opted_out(bot)
    await bot.hear(at("stop", 25))
    assert await opted_out(bot)
    await bot.stop()


@kinds_in_turn
async def test_a_late_start_does_not_undo_what_a_carrier_reported_later(bot: Bot) -> None:
    await bot.hear(heard())
    (message,) = await bot.settled()
    report_of = report(message.provider_message_id or "", "Failed", "4007")
    await bot.hear(replace(report_of, reported_at=TEN + timedelta(seconds=20)))
    assert await opted_out(bot)
    await bot.hear(at("start", 10))
    assert await opted_out(bot)
    await bot.hear(at("start", 30))
    assert not await opted_out(bot)


@kinds_in_turn
async def test_a_start_that_arrived_late_is_not_newer_than_the_report_that_came_before(bot: Bot) -> None:
    await bot.hear(at("start", 10))
    await bot.hear(heard())
    message = (await bot.settled())[-1]
    report_of = report(message.provider_message_id or "", "Failed", "4007")
    await bot.hear(replace(report_of, reported_at=TEN + timedelta(seconds=20)))
    assert await opted_out(bot)


@pytest.mark.parametrize(
    ("received_at", "is_believed"),
    [
        (TEN, True),
        (TEN - timedelta(days=3), True),
        (TEN + timedelta(minutes=2), True),
        (TEN + timedelta(hours=2), False),
        (datetime(9999, 12, 31, tzinfo=UTC), False),
        (datetime(1, 1, 1, tzinfo=UTC), False),
        (datetime(1970, 1, 1, tzinfo=UTC), False),
        (None, False),
    ],
)
def test_a_time_that_nobody_can_have_written_at_is_that_of_the_arrival(
    received_at: datetime | None, *, is_believed: bool
) -> None:
    assert time_written(received_at, TEN) == (received_at if is_believed else TEN)


@kinds_in_turn
async def test_a_start_from_the_future_does_not_keep_a_stop_from_counting(bot: Bot) -> None:
    await bot.hear(at("start", 30 * 24 * 3600))
    await bot.hear(heard("stop"))
    assert await opted_out(bot)


ASKING = book_of(
    "name: book, when: {keyword: book}, ask: {save: note, question: Which?}, expires: 10m, reply: 'Noted {{ note }}.'",
    "name: open, when: {keyword: open}, only: {hours: 'Mon-Sun 9:00-17:00'}, reply: Open.",
    "name: shut, when: {keyword: open}, reply: Shut.",
    "name: day, when: {keyword: day}, only: {dates: 2026-03-01}, reply: The first.",
    "name: now, when: {keyword: now}, reply: '{{ now }}'",
)


@kinds_in_turn
async def test_expiry_hours_dates_and_now_go_by_when_the_peer_wrote(database_url: str) -> None:
    bot = Bot(database_url, book=ASKING)
    await bot.start(sending=False)
    morning = datetime(2026, 3, 1, 10, tzinfo=UTC)
    for text, written in [
        ("book", TEN), ("in time", TEN + timedelta(minutes=9)),
        ("book", TEN), ("too late", TEN + timedelta(minutes=11)),
        ("open", morning), ("open", morning.replace(hour=20)), ("day", morning), ("now", morning),
    ]:  # fmt: skip
        await bot.hear(replace(heard(text), received_at=written))
    assert [each.text for each in await bot.replies()] == [
        "Which?", "Noted in time.", "Which?", "Open.", "Shut.", "The first.", "2026-03-01 10:00:00+00:00",
    ]  # fmt: skip
    await bot.stop()


@kinds_in_turn
async def test_what_was_written_before_the_question_is_no_answer_to_it(database_url: str) -> None:
    bot = Bot(database_url, book=ASKING)
    await bot.start(sending=False)
    await bot.hear(at("book", 10))
    await bot.hear(at("now", 5))
    await bot.hear(at("an answer", 20))
    assert [each.text for each in await bot.replies()][::2] == ["Which?", "Noted an answer."]
    await bot.stop()


async def test_two_processes_that_hear_both_at_once_end_opted_out(database_url: str) -> None:
    bots = [Bot(database_url) for _ in range(2)]
    for each in bots:
        await each.start(sending=False)
    await asyncio.gather(bots[0].hear(at("start", 10)), bots[1].hear(at("stop", 20)))
    assert await opted_out(bots[0])
    for each in bots:
        await each.stop()
