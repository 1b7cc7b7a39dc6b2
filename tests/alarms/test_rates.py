"""What goes wrong more often than it should begins, and ends, by how much came within a stretch of time."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from bot.alarms.rates import Increase, rate_troubles
from bot.alarms.stored_troubles import StoredTroubles
from bot.alarms.trouble import AlarmLimits, Trouble
from bot.measures import COMMIT_BOUNDS, Durations, Measures
from bot.storage.database import Database

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Watched:
    """Measures, and what is found wrong with them."""

    def __init__(self) -> None:
        self.measures = Measures()
        self.commits = Durations(COMMIT_BOUNDS)
        self._conditions = rate_troubles(self.measures, self.commits)

    def look(self, minutes: float = 0) -> list[Trouble]:
        now = NOON + minutes * MINUTE
        return [trouble for condition in self._conditions for trouble in condition(now)]

    def kinds(self, minutes: float = 0) -> list[str]:
        return [each.kind for each in self.look(minutes)]


def test_growth_is_that_of_the_stretch_and_what_a_start_has_counted_is_new() -> None:
    count = Counter({("x",): 3})
    increase = Increase(lambda: count, timedelta(hours=1))
    assert increase.look(NOON) == {("x",): 3}
    for minute in range(1, 121):
        count["x",] += 1
        found = increase.look(NOON + minute * MINUTE)
        assert found["x",] == (3 + minute if minute <= 60 else 60)
    assert increase.look(NOON + 30 * MINUTE)["x",] >= 60, "a clock that was set back does no harm"


@pytest.mark.parametrize(
    ("delivered", "failed", "is_told"), [(80, 21, True), (81, 20, False), (0, 20, False)]
)
def test_more_than_a_fifth_of_an_hours_deliveries_fail(delivered: int, failed: int, is_told: bool) -> None:
    watched = Watched()
    assert watched.look() == []
    for state, count in (("delivered", delivered), ("failed", failed)):
        for _ in range(count):
            watched.measures.reports.add(state, "4010" if state == "failed" else "2000")
    assert watched.kinds(1) == (["deliveries"] if is_told else [])
    assert watched.kinds(59) == (["deliveries"] if is_told else [])
    assert watched.look(62) == [], "an hour later it is over"


def test_a_forward_that_was_given_up_is_told_by_its_host_for_an_hour() -> None:
    watched = Watched()
    watched.measures.forwards.add("shop.example.com", "done")
    assert watched.look() == []
    watched.measures.forwards.add("shop.example.com", "failed")
    (found,) = watched.look(1)
    assert (found.kind, found.key, found.reason) == (
        "forwards",
        "forwards:shop.example.com",
        "shop.example.com: 1",
    )
    assert watched.look(62) == []


def test_missing_reports_are_those_of_six_hours() -> None:
    watched = Watched()
    watched.measures.unreported = 10
    assert watched.look() == []
    watched.measures.unreported = 21
    assert watched.kinds(7) == ["reports"]
    assert watched.kinds(6 * 60 + 8) == []


@pytest.mark.parametrize(
    ("quick", "slow", "is_told"), [(0, 2, False), (0, 3, True), (56, 3, True), (57, 3, False)]
)
def test_one_in_twenty_is_slow(quick: int, slow: int, is_told: bool) -> None:
    watched = Watched()
    watched.look()
    for durations, seconds in ((watched.measures.reply, 10.0), (watched.commits, 0.5)):
        for _ in range(quick):
            durations.add(seconds)
        for _ in range(slow):
            durations.add(seconds + 0.1)
    assert watched.kinds(1) == (["slow-replies", "slow-commits"] if is_told else [])
    assert watched.kinds(17) == []


async def test_a_database_that_grows_is_told_by_the_pace_of_hours(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = iter([10**9, 10**9 + 10**8, 3 * 10**9, 3 * 10**9 + 1])

    async def read_size(_connection: object) -> int:
        return next(sizes)

    monkeypatch.setattr("bot.alarms.stored_troubles.read_size", read_size)
    stored = StoredTroubles(database, AlarmLimits())
    found: list[Sequence[Trouble]] = [
        await stored.look(NOON + timedelta(hours=hours)) for hours in (0, 0.5, 3, 9)
    ]
    assert [[each.kind for each in one] for one in found] == [[], [], ["database-grows"], []]
    assert found[2][0].reason == "3.0 GB now, and more than 100 GB in a week: see BOT_KEEP_MESSAGES"
