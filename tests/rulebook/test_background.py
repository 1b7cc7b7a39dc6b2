"""Long work in a thread leaves the event loop its turns."""

import asyncio
import subprocess
import sys
import threading
import time
from contextvars import ContextVar
from pathlib import Path

import pytest

from bot.rulebook.background import Pace, TookTooLong, give_way, in_background, is_at_work, name_asker, within


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


async def test_the_context_comes_along() -> None:
    known: ContextVar[str] = ContextVar("known")
    known.set("yes")
    assert await in_background(known.get) == "yes"


async def test_who_goes_leaves_the_work_behind_and_it_is_known_until_it_is_done() -> None:
    begun, free = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def work() -> None:
        threads.append(threading.current_thread())
        begun.set()
        free.wait(60)

    task = asyncio.create_task(in_background(work))
    await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert is_at_work()
    assert threads[0].daemon, "the end of the process would wait for it"
    free.set()
    await asyncio.to_thread(threads[0].join, 60)
    assert not threads[0].is_alive()


async def test_more_work_than_threads_is_all_done() -> None:
    names = await asyncio.gather(
        *(in_background(lambda at: (at, threading.active_count()), at) for at in range(200))
    )
    assert [at for at, _ in names] == list(range(200))


def test_a_process_ends_without_the_work_that_nobody_waits_for(tmp_path: Path) -> None:
    script = tmp_path / "ends.py"
    script.write_text(
        "import asyncio, time\n"
        "from bot.rulebook.background import in_background\n"
        "async def main():\n"
        "    task = asyncio.create_task(in_background(time.sleep, 600))\n"
        "    await asyncio.sleep(0.1)\n"
        "    task.cancel()\n"
        "asyncio.run(main())\n"
    )
    assert subprocess.run([sys.executable, str(script)], timeout=60, check=False).returncode == 0


def busy(seconds: float) -> None:
    """Work for so long, and give way all the time."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        give_way()


async def test_bounded_work_is_given_up_where_it_gives_way_and_the_next_is_not() -> None:
    def bounded(seconds: float) -> None:
        with within(seconds):
            busy(0.05)
        give_way()

    await in_background(bounded, 60)
    with pytest.raises(TookTooLong):
        await in_background(bounded, 0.01)
    give_way()
    await in_background(busy, 0.01)


@pytest.mark.parametrize(("outer", "inner"), [(0.01, 60), (60, 0.01)])
def test_of_two_bounds_the_nearer_one_holds(outer: float, inner: float) -> None:
    with pytest.raises(TookTooLong), within(outer), within(inner):
        busy(0.05)


def test_what_work_waits_for_counts_nothing() -> None:
    with within(0.05):
        time.sleep(0.1)
        give_way()


async def test_work_for_one_who_has_left_is_given_up_and_work_for_others_is_not() -> None:
    left = threading.Event()

    def bounded(*, for_asker: bool) -> None:
        with within(60, for_asker=for_asker), within(60):
            give_way()
            left.set()
            give_way()

    async def asked(*, for_asker: bool) -> None:
        left.clear()
        name_asker(left.is_set)
        await in_background(bounded, for_asker=for_asker)

    with pytest.raises(TookTooLong):
        await asyncio.create_task(asked(for_asker=True))
    await asyncio.create_task(asked(for_asker=False))
    await in_background(bounded, for_asker=True)  # of a task that nobody has asked
