"""What is read again and again, or by the page, looks through no table that grows.

How long it takes is no test: here stands by which index rows are found, among however many others.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.alarms.alarm_rows import Found, read_changes
from bot.alarms.events_given_up import EventsGivenUp
from bot.queries.answers import AnswerFilter, list_answers
from bot.queries.consent import consent_since, imported_since
from bot.queries.inbox import count_inbox
from bot.queries.opt_outs import list_opt_outs
from bot.queries.outgoing_events import OutgoingEventFilter, list_outgoing_events, receiver_queues
from bot.queries.overview import Overview
from bot.queries.traffic_counter import TrafficCounter
from bot.rulebook.editing.live_book import LiveBook
from bot.storage.consent_tables import imported_opt_outs
from bot.storage.event_tables import outgoing_events
from bot.storage.pages import Order
from tests.support.bots import Bot, heard
from tests.support.overview import RULES
from tests.support.plans import plan_of, statements

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
RECEIVER = "http://127.0.0.1:9/events"
A_NUMBER = Order(imported_opt_outs.c.peer, imported_opt_outs.c.number).encode(("+15555550101", ""))
AN_EVENT = Order(outgoing_events.c.id).encode((7,))

Read = Callable[[AsyncConnection], Awaitable[Any]]


def opt_outs(digits: str | None = None, cursor: str | None = None) -> Read:
    return lambda connection: list_opt_outs(connection, digits, limit=50, cursor=cursor)


def queued(cursor: str | None = None) -> Read:
    wanted = OutgoingEventFilter(status="queued")
    return lambda connection: list_outgoing_events(connection, wanted, limit=50, cursor=cursor)


def answered(wanted: AnswerFilter) -> Read:
    return lambda connection: list_answers(connection, "poll", wanted, NOW, limit=50, cursor=None)


def changed(connection: AsyncConnection) -> Awaitable[Any]:
    found = Found(troubles=(), mine=(), now=NOW, unseen_since=NOW, stale_since=NOW)
    return read_changes(connection, found)


def noted(after: tuple[datetime, str] | None = None) -> Read:
    return lambda connection: consent_since(connection, NOW, after)


def imported(after: tuple[datetime, str, str] | None = None) -> Read:
    return lambda connection: imported_since(connection, NOW, after)


#: What is read, and how SQLite is to find the rows.
READINGS: dict[str, tuple[Read, tuple[str, ...]]] = {
    "opt-outs": (opt_outs(), ("USING INDEX ix_conversations_opted_out_peer",)),
    "opt-outs, a page far back": (
        opt_outs(cursor=A_NUMBER),
        (
            "USING INDEX ix_conversations_opted_out_peer ((peer,number)>(?,?))",
            "SEARCH imported_opt_outs USING INDEX sqlite_autoindex_imported_opt_outs_1 ((peer,number)>(?,?))",
        ),
    ),
    "opt-outs with these digits": (opt_outs("555"), ("USING INDEX ix_conversations_opted_out_peer",)),
    "queued events": (queued(), ("USING INDEX ix_outgoing_events_queued",)),
    "queued events, a page far back": (queued(AN_EVENT), ("USING INDEX ix_outgoing_events_queued",)),
    "receivers": (
        lambda connection: receiver_queues(connection, [RECEIVER]),
        ("USING INDEX ix_outgoing_events_given_up", "USING INDEX ix_outgoing_events_queued"),
    ),
    "cancelled answers": (
        answered(AnswerFilter(status="cancelled")),
        ("SEARCH answers USING INDEX ix_answers_status (rule=? AND status=?)",),
    ),
    "expired answers": (
        answered(AnswerFilter(status="expired")),
        ("SEARCH answers USING INDEX ix_answers_status (rule=? AND status=?)",),
    ),
    "the inbox's counts": (
        lambda connection: count_inbox(connection, "Ada"),
        ("SEARCH incidents USING INDEX ix_incidents_open (kind=?)",),
    ),
    "the ledger": (noted(), ("ix_consent_changes_noted (noted_at>?)",)),
    "the ledger, far on": (
        noted((NOW, "7")),
        ("SEARCH consent_changes USING INDEX ix_consent_changes_noted ((noted_at,id)>(?,?))",),
    ),
    "imported opt-outs of the ledger, far on": (
        imported((NOW, "+15555550101", "")),
        ("SEARCH imported_opt_outs USING INDEX ix_imported_opt_outs_imported_at (imported_at>?)",),
    ),
    "alarms": (changed, ("SCAN incidents USING INDEX ix_incidents_open",)),
}


async def all_steps(bot: Bot, made: list[tuple[str, Any]]) -> list[str]:
    return [
        step for statement, parameters in made for step in await plan_of(bot.database, statement, parameters)
    ]


def scans(steps: list[str]) -> list[str]:
    """The steps that read a table from beginning to end."""
    return [step for step in steps if re.search(r"SCAN (?!anon|CONSTANT)\w+$|Seq Scan on", step)]


async def test_nothing_that_grows_is_looked_through(bot: Bot) -> None:
    for name, (read, expected) in READINGS.items():
        with statements() as made:
            async with bot.database.reading() as connection:
                await read(connection)
        steps = await all_steps(bot, made)
        assert not scans(steps), name
        if bot.database.is_sqlite:
            assert not [each for each in expected if not any(each in step for step in steps)], (name, steps)


async def test_the_first_page_finds_open_incidents_by_their_kind_and_urgent_handovers_among_all(
    bot: Bot, tmp_path: Path
) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    shelf = LiveBook(tmp_path)
    shelf.open()
    overview = Overview(shelf, bot.sender.link, lambda: 0)
    with statements() as made:
        async with bot.database.reading() as connection:
            await overview.look(connection, "day", datetime.now(UTC))
    found = [each for each in made if "JOIN conversations" in each[0] and "incidents.kind" in each[0]]
    assert len(found) == 2
    steps = await all_steps(bot, found)
    assert not scans(steps)
    if bot.database.is_sqlite:
        assert sum("SEARCH incidents USING INDEX ix_incidents_open (kind=?)" in step for step in steps) == 2
    (needs,) = [each for each in made if "is_urgent" in each[0]]
    steps = await all_steps(bot, [needs])
    assert any("ix_handovers_urgent" in step for step in steps), "not by a look at each one who waits"


async def test_events_that_were_given_up_are_counted_for_each_receiver_by_itself(bot: Bot) -> None:
    with statements() as made:
        await EventsGivenUp(bot.database, [RECEIVER]).look(NOW)
    steps = await all_steps(bot, made)
    assert not scans(steps)
    if bot.database.is_sqlite:
        assert any("ix_outgoing_events_given_up (receiver=?)" in step for step in steps)


async def test_old_minutes_are_not_looked_for_among_all_hours(bot: Bot) -> None:
    """Each pass holds the writer, some seconds after the one before."""
    await bot.hear(heard())
    await bot.settled()
    counter, now = TrafficCounter(bot.database), datetime.now(UTC)
    await counter.count(now)
    await bot.hear(heard())
    await bot.settled()
    with statements() as made:
        await counter.count(now + timedelta(minutes=2))
    made = [each for each in made if each[0].startswith("DELETE FROM traffic") and "seconds" in each[0]]
    steps = await all_steps(bot, made)
    assert len(made) == 1
    if bot.database.is_sqlite:
        assert any("start>? AND start<?" in step for step in steps), steps
    else:
        assert any(
            re.search(r"Index Cond: .*start >= .*start <|Index Cond: .*start < .*start >=", step)
            for step in steps
        )
