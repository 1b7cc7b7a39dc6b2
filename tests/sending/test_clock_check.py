"""The machine's clock against ACS's: a slow answer is no offset, and a clock that was set is seen by itself."""

from collections.abc import MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.sending.clock_check import ClockCheck, offset_of

NOW = datetime(2026, 11, 25, 12, 0, 0, 500_000, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("date", "took", "offset"),
    [
        (NOW, 0.0, 0),
        (NOW.replace(microsecond=0), 0.0, 0),  # a Date has whole seconds
        (NOW + 15 * SECOND, 20.0, 0),  # taken anywhere within a slow call
        (NOW - 600 * SECOND, 0.0, 599),
        (NOW - 600 * SECOND, 20.0, 599),
        (NOW + 600 * SECOND, 0.0, -600),
        (NOW + 600 * SECOND, 20.0, -580),
    ],
)
def test_the_offset_is_as_little_as_it_can_be(date: datetime, took: float, offset: float) -> None:
    assert offset_of(date, NOW, NOW + timedelta(seconds=took)) == timedelta(seconds=offset)


class Clocks:
    """A clock that people set, and one that nobody does."""

    def __init__(self) -> None:
        self.wall, self.steady = NOW, 1_000.0
        self.check = ClockCheck(now=lambda: self.wall, steady=lambda: self.steady)

    def answer(self, ahead: float) -> None:
        """ACS answers, and our clock is so many seconds ahead of its."""
        self.check.compare(self.wall - timedelta(seconds=ahead), self.wall, self.wall)

    def wait(self, seconds: float, *, set_by: float = 0.0) -> None:
        self.steady += seconds
        self.wall += timedelta(seconds=seconds + set_by)


@pytest.mark.parametrize(
    ("ahead", "is_wrong"), [(0, False), (59, False), (62, True), (-59, False), (-62, True)]
)
def test_a_minute_is_borne(ahead: float, is_wrong: bool) -> None:
    clocks = Clocks()
    clocks.answer(ahead)
    assert (clocks.check.look() is not None) == is_wrong


def test_nothing_is_known_before_an_answer() -> None:
    assert Clocks().check.look() is None
    assert Clocks().check.offset is None


def test_a_wrong_clock_is_told_once_with_the_offset_and_the_mend(
    logs: list[MutableMapping[str, Any]],
) -> None:
    clocks = Clocks()
    for _ in range(5):
        clocks.answer(601)
        clocks.wait(10)
    assert (clocks.check.look() or "").startswith(
        "The clock is 600 seconds ahead of ACS's; ACS refuses every call"
    )
    assert "NTP" in (clocks.check.look() or "")
    clocks.answer(0)
    clocks.answer(0)
    assert [(line["log_level"], line["event"]) for line in logs] == [
        ("error", "The clock of this machine is wrong"),
        ("info", "The clock of this machine is right again"),
    ]
    assert "600 seconds ahead" in logs[0]["cause"]


def test_a_clock_that_was_set_is_right_without_another_answer() -> None:
    """With nothing to send ACS answers nothing."""
    clocks = Clocks()
    clocks.answer(601)
    clocks.wait(30)
    assert clocks.check.look() is not None
    clocks.wait(5, set_by=-600)
    assert clocks.check.look() is None
    assert clocks.check.offset is not None
    assert abs(clocks.check.offset) <= SECOND


def test_a_machine_that_slept_is_not_said_to_have_a_wrong_clock() -> None:
    clocks = Clocks()
    clocks.answer(0)
    clocks.wait(1, set_by=8 * 3600)
    assert clocks.check.look() is None


def test_the_clock_is_trusted_but_where_acs_refuses_every_call() -> None:
    clocks = Clocks()
    trusted = [clocks.check.is_trusted]  # nothing is known
    for ahead in (200, 400):
        clocks.answer(ahead)
        trusted.append(clocks.check.is_trusted)
    assert "ACS refuses every call" in (clocks.check.waits_for or "")
    clocks.wait(10, set_by=-400)
    trusted.append(clocks.check.is_trusted)
    assert trusted == [True, True, False, True]


def test_what_a_moment_of_the_past_found_is_known() -> None:
    clocks = Clocks()
    clocks.wait(100)
    clocks.answer(0)
    clocks.wait(100)
    clocks.answer(4_000)  # since when nobody knows: it was right 100 s ago
    clocks.wait(1_000)
    clocks.answer(4_000)
    clocks.wait(100, set_by=-4_000)
    clocks.answer(0)
    clocks.wait(1_000)
    clocks.answer(0)
    ago = {
        seconds: clocks.check.state_at(clocks.wall - seconds * SECOND)
        for seconds in (10, 1_500, 2_250, 2_400)
    }
    assert ago == {10: "running", 1_500: "wrong clock", 2_250: "running", 2_400: "stopped"}
