"""A background task that ends with an error is started again, seen and told; one that is ended stays so."""

import asyncio
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.outage import Outage
from bot.supervisor import Supervisor


@pytest.fixture
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    with capture_logs() as logs:
        yield logs


async def until(holds: Any) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - it has no event for it
            await asyncio.sleep(0.002)


async def test_a_task_that_fails_is_started_again_and_told_once(logs: Any) -> None:
    supervisor = Supervisor(pause=0.01, longest=0.02, well_after=0.05)
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs <= 3:
            raise ValueError("a text of somebody +15555550101")
        await asyncio.sleep(60)

    task = supervisor.watch("work", work)
    await until(lambda: runs == 3)
    (ended,) = supervisor.ended()
    assert (ended.task, ended.error) == ("work", "ValueError")
    await until(lambda: not supervisor.ended())
    assert (runs, supervisor.restarts) == (4, 3)
    assert [line["event"] for line in logs] == [
        "A background task has ended; it is started again",
        "A background task runs again",
    ]
    assert "15555550101" not in str(logs)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert supervisor.ended() == []


async def test_a_task_that_is_cancelled_from_within_is_started_again(logs: Any) -> None:
    """What it waits for may be cancelled by somebody else: that ends only this wait."""
    supervisor = Supervisor(pause=0.001)
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise asyncio.CancelledError
        await asyncio.sleep(60)

    task = supervisor.watch("work", work)
    await until(lambda: runs == 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


async def test_a_task_that_returns_is_done(logs: Any) -> None:
    async def work() -> None:
        pass

    await Supervisor().watch("work", work)
    assert logs == []


def test_an_outage_is_told_when_it_begins_and_when_it_is_over(logs: Any) -> None:
    time = 0.0
    outage = Outage("It fails", "It works", action="it_failed", quiet=5, clock=lambda: time)
    outage.succeed()
    for at in range(100):
        time = float(at)
        outage.fail("broken")
        outage.succeed()  # something else went well meanwhile
    assert (outage.cause, outage.length) == ("broken", 99)
    time = 110
    outage.succeed()
    outage.succeed()
    assert outage.cause is None
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("It fails", "error"),
        ("It works", "info"),
    ]
