"""Long work in a thread leaves the event loop its turns."""

import asyncio
import time

import pytest

from bot.rulebook.background import give_way, in_background


def busy(seconds: float) -> float:
    """Work in small steps; the part of the time that was not slept through."""
    started, used = time.perf_counter(), time.thread_time()
    while time.perf_counter() - started < seconds:
        sum(range(500))
        give_way()
    return (time.thread_time() - used) / (time.perf_counter() - started)


async def test_work_in_the_background_naps() -> None:
    assert await in_background(busy, 0.3) < 0.95


def test_work_in_the_foreground_never_naps() -> None:
    started = time.perf_counter()
    for _ in range(1_000):
        give_way()
    assert time.perf_counter() - started < 0.1


async def test_the_event_loop_has_its_turns_meanwhile() -> None:
    turns = 0
    task = asyncio.create_task(in_background(busy, 0.3))
    while not task.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 30


async def test_what_the_work_raises_comes_back() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_background(divmod, 1, 0)
