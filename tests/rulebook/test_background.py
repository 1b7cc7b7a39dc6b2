"""Long work in a thread leaves the event loop its turns."""

import threading
import time

import pytest

from bot.rulebook.background import Pace, give_way, in_background


def naps_after(*worked: float) -> list[float]:
    """How long work sleeps where it gives way after these seconds of work."""
    now, naps = 0.0, list[float]()
    pace = Pace(clock=lambda: now, sleep=naps.append)
    for seconds in worked:
        now += seconds
        pace.give_way()
    return naps


def test_work_sleeps_for_a_quarter_of_the_time_that_it_worked() -> None:
    assert naps_after(0.002, 0.01) == [0.0005, pytest.approx(0.0025)]


def test_work_sleeps_after_a_millisecond_at_the_earliest() -> None:
    assert naps_after(0.0004, 0.0004, 0.0004) == [pytest.approx(0.0003)]


def test_work_never_sleeps_for_long() -> None:
    assert naps_after(10) == [0.005]


async def test_work_in_the_background_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[str] = []
    monkeypatch.setattr(time, "sleep", lambda _: naps.append(threading.current_thread().name))

    def busy() -> None:
        until = time.thread_time() + 0.01
        while time.thread_time() < until:
            give_way()

    # A pace made in the thread takes the clock and the sleep of its time.
    monkeypatch.setattr(Pace.__init__, "__defaults__", (time.perf_counter, time.sleep))
    await in_background(busy)
    assert naps
    assert threading.main_thread().name not in naps


def test_work_in_the_foreground_never_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr(Pace, "give_way", lambda _: naps.append(1))
    give_way()
    assert naps == []


async def test_what_the_work_raises_comes_back() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_background(divmod, 1, 0)
