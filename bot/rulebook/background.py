"""Long work off the event loop, which leaves the event loop its turns.

Python runs one thread at a time, and a loop that is busy with webhook calls gives its turn away at every match and
every read: against a thread that only works, it would wait hundreds of times for one batch of events.
"""

import asyncio
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

#: Seconds of work after which other threads get a turn, the length of it per second of work, and the longest.
_WORK = 0.001
_SHARE = 0.25
_LONGEST_NAP = 0.005

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Pace:
    """When one piece of work has last given way."""

    __slots__ = ("_clock", "_since", "_sleep")

    def __init__(
        self, clock: Callable[[], float] = time.perf_counter, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._since = clock()

    def give_way(self) -> None:
        """Sleep for a share of the time that was worked since; not after very little."""
        worked = self._clock() - self._since
        if worked >= _WORK:
            self._sleep(min(worked * _SHARE, _LONGEST_NAP))
            self._since = self._clock()


_PACE: ContextVar[Pace | None] = ContextVar("pace", default=None)


async def in_background(work: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
    """Do it in a thread that naps wherever it calls `give_way`."""

    def paced() -> Result:
        _PACE.set(Pace())  # the thread has a context of its own
        return work(*args, **kwargs)

    return await asyncio.to_thread(paced)


def give_way() -> None:
    """A place where long work can stop for a moment; does nothing outside of `in_background`."""
    pace = _PACE.get()
    if pace is not None:
        pace.give_way()
