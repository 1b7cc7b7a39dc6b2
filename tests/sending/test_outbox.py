"""Whether a queued message may be sent now follows from what is stored of it and from the time."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from bot.sending.backoff import USUAL_BACKOFF, wait_before_try
from bot.sending.outbox import REPEATABILITY_WINDOW, ClaimDecision, Outbox, claim_decision, queued_messages
from tests.support.bots import OURS, asleep, heard
from tests.support.databases import Databases

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TTL = timedelta(hours=24)
JUST_NOW = NOW - timedelta(seconds=1)
LONG_AGO = NOW - REPEATABILITY_WINDOW


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, "send"),
        ({"created_at": NOW - TTL}, "send"),
        ({"created_at": NOW - TTL - timedelta(seconds=1)}, "too late"),
        ({"opted_out": True}, "suppress"),
        ({"opted_out": True, "exempt": True}, "send"),
        ({"opted_out": True, "created_at": NOW - TTL * 2}, "suppress"),
        ({"first_sent_at": JUST_NOW}, "send"),
        ({"first_sent_at": LONG_AGO}, "send with a new pair"),
        ({"first_sent_at": JUST_NOW, "outcome_unknown": True}, "send"),
        ({"first_sent_at": LONG_AGO, "outcome_unknown": True}, "outcome unknown"),
        # A repeat could be the first that arrives: nothing is risked with who has opted out since.
        ({"first_sent_at": JUST_NOW, "outcome_unknown": True, "opted_out": True}, "opted out meanwhile"),
        ({"first_sent_at": LONG_AGO, "outcome_unknown": True, "opted_out": True}, "opted out meanwhile"),
        (
            {"first_sent_at": JUST_NOW, "outcome_unknown": True, "opted_out": True, "exempt": True},
            "send",
        ),
        # What may be on its way already is only finished, however old it is.
        ({"first_sent_at": JUST_NOW, "outcome_unknown": True, "created_at": NOW - TTL * 2}, "send"),
        ({"first_sent_at": LONG_AGO, "created_at": NOW - TTL * 2}, "too late"),
    ],
)
def test_verdicts(row: dict[str, object], expected: ClaimDecision) -> None:
    stored = {
        "created_at": NOW, "first_sent_at": None, "outcome_unknown": False, "opted_out": False, "exempt": False,
    }  # fmt: skip
    assert claim_decision(SimpleNamespace(**stored | row), NOW, TTL) == expected


def test_waits_double_up_to_a_bound_and_are_spread_over_all_of_it() -> None:
    bounds = [wait_before_try(attempts, chance=1).total_seconds() for attempts in range(12)]
    assert bounds[:4] == [0.5, 1, 2, 4]
    assert bounds[-1] == USUAL_BACKOFF.longest
    assert wait_before_try(3, chance=0) == timedelta(0)
    assert wait_before_try(10_000, chance=1).total_seconds() == USUAL_BACKOFF.longest


def test_the_server_is_given_the_time_that_it_asks_for() -> None:
    assert wait_before_try(0, 90.0, chance=0).total_seconds() == 90
    assert wait_before_try(3, 1.0, chance=1).total_seconds() == 4


@pytest.mark.parametrize("at_once", [1, 100])
async def test_a_claim_writes_no_index_anew(databases: Databases, at_once: int) -> None:
    """PostgreSQL leaves all indexes of a message alone when no indexed column changes and its page has room.

    Not each page has it for all: texts have different lengths, and what others have deleted takes room, too.
    """
    with databases.lent("postgresql") as address:
        bot = await asleep(address)
        events = [heard(peer=f"+1555{place:07d}") for place in range(100)]
        for place in range(0, 100, at_once):
            await bot.hear(*events[place : place + at_once])
        async with bot.database.writing() as connection:
            queued = await queued_messages(connection, OURS, "", 200)
            claims = await Outbox(reply_ttl=TTL).claim(connection, queued)
            alone = await connection.scalar(
                select(func.pg_stat_get_xact_tuples_hot_updated(func.to_regclass("messages")))
            )
        await bot.stop()
    assert None not in claims
    assert alone >= 80
