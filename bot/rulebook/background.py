"""Long work off the event loop, which leaves the event loop its turns.

Python runs one thread at a time, and a loop that is busy with webhook calls gives its turn away at every match and
every read: against a thread that only works, it would wait hundreds of times for one batch of events.

No thread can be stopped from outside, so these are daemons, and none of asyncio's, whose end waits for all of its own:
a process that is told to stop ends without them.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from typing import ParamSpec, TypeVar

#: Seconds of work after which other threads get a turn, the length of it per second of work, and the longest.
_WORK = 0.001
_SHARE = 0.25
_LONGEST_NAP = 0.005
#: Threads at work at the same time; what comes beside them waits.
_MOST_THREADS = 16
#: The same for threads that wait for others and work little.
_MOST_WAITING = 64

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
#: Where the work of this thread ends, by its own clock; None: nowhere.
_END: ContextVar[float | None] = ContextVar("end", default=None)
#: Says whether the one client for whom all of this is done has left; None: nobody knows.
_ASKER: ContextVar[Callable[[], bool] | None] = ContextVar("asker", default=None)
#: The same where the work ends with that.
_LEFT: ContextVar[Callable[[], bool] | None] = ContextVar("left", default=None)


class TookTooLong(Exception):
    """The work was given up at a place where it gives way, as it had used up its seconds or nobody waits for it."""


def name_asker(has_left: Callable[[], bool]) -> None:
    """Say by whom the present task was asked; `has_left` is called in other threads, and often."""
    _ASKER.set(has_left)


@contextmanager
def within(seconds: float, *, for_asker: bool = False) -> Iterator[None]:
    """Let what is done inside work for so many seconds at most: after them `give_way` raises `TookTooLong`.

    They are seconds of the processor in this thread: what it waits for, and what others do meanwhile, counts nothing.
    Of two bounds, one in the other, the nearer one holds. `for_asker`: it is of no use to anybody but the client that
    `name_asker` has named, and ends when that one has left.
    """
    end, outer = time.thread_time() + seconds, _END.get()
    before = _END.set(end if outer is None else min(end, outer))
    left_before = _LEFT.set(_ASKER.get() if for_asker else _LEFT.get())
    try:
        yield
    finally:
        _LEFT.reset(left_before)
        _END.reset(before)


class _Threads:
    """Daemons that work off what is handed to them, and end when nothing is left."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._jobs: deque[Callable[[], object]] = deque()
        self.running = 0

    def start(self, job: Callable[[], object]) -> None:
        """Do it as soon as a thread is free; `job` raises nothing."""
        with self._lock:
            self._jobs.append(job)
            if self.running >= self._most:
                return
            self.running += 1
        threading.Thread(target=self._work, name="background", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self.running -= 1
                    return
                job = self._jobs.popleft()
            job()


_THREADS = _Threads(_MOST_THREADS)
_WAITING = _Threads(_MOST_WAITING)


async def in_background(work: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
    """Do it in a thread that naps wherever it calls `give_way`; raises what the work raises.

    The thread goes on where the caller is cancelled, and ends with the process at the latest.
    """
    return await _done_by(_THREADS, lambda: work(*args, **kwargs))


async def in_waiting_thread(
    work: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
) -> Result:
    """The same for what waits for somebody else, such as a server that may never answer: it holds up no long work.

    For 64 at a time; who may be kept waiting for ever gives up by `asyncio.timeout`, and starts no second one.
    """
    return await _done_by(_WAITING, lambda: work(*args, **kwargs))


async def _done_by(threads: _Threads, work: Callable[[], Result]) -> Result:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if done.done():
            return  # nobody waits any more
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # a result, where there is no error

    def job() -> None:
        _PACE.set(Pace())  # in the context that was copied
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:  # noqa: BLE001 - it is raised where the work is waited for
            error = raised
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, result, error)

    context = copy_context()
    threads.start(lambda: context.run(job))
    return await done


def is_at_work() -> bool:
    """Whether a thread still works or waits here, which the end of the process has to leave behind."""
    return _THREADS.running > 0 or _WAITING.running > 0


def give_way() -> None:
    """A place where long work can stop for a moment; naps in `in_background` alone. Raises what `within` says."""
    end = _END.get()
    if end is not None:
        left = _LEFT.get()
        if time.thread_time() >= end or (left is not None and left()):
            raise TookTooLong
    pace = _PACE.get()
    if pace is not None:
        pace.give_way()
