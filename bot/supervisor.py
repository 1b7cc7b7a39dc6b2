"""Watches the background tasks: one that ends with an error is started again, and seen in health and in the log."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog
from msgspec import Struct

#: Seconds before a task that has ended is started again: the first time, and at most while it keeps ending.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
#: Seconds that it must have run since before that is over.
WELL_AFTER = 10.0

log = structlog.get_logger(__name__)


class Ended(Struct, frozen=True, kw_only=True):
    """A background task that ended and has not yet run for a while since."""

    task: str
    #: The kind of the error; what it says may be somebody's text.
    error: str
    since: datetime
    restarts: int


class Supervisor:
    """Keeps tasks running. The part that started one ends it by cancelling it."""

    def __init__(
        self, *, pause: float = FIRST_PAUSE, longest: float = LONGEST_PAUSE, well_after: float = WELL_AFTER
    ) -> None:
        self._pause = pause
        self._longest = longest
        self._well_after = well_after
        self._ended: dict[asyncio.Task[None], Ended] = {}
        #: How often tasks were started again; `/metrics` shows it.
        self.restarts = 0

    def watch(self, name: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Run `run` until it returns or the task that this returns is cancelled, again after each error."""
        task = asyncio.create_task(self._keep(name, run), name=name)
        task.add_done_callback(self._forget)
        return task

    def ended(self) -> list[Ended]:
        """The tasks that ended and have not yet run long enough since; empty when all run."""
        return list(self._ended.values())

    async def _keep(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a task is watched from within itself")
        loop = asyncio.get_running_loop()
        pause = self._pause
        recovery: asyncio.TimerHandle | None = None
        while True:
            started = loop.time()
            try:
                if task in self._ended:
                    recovery = loop.call_later(self._well_after, self._recover, task)
                await run()
            except (Exception, asyncio.CancelledError) as error:
                if isinstance(error, asyncio.CancelledError) and task.cancelling():
                    raise
                self._note(task, name, error)
            else:
                return
            finally:
                if recovery is not None:
                    recovery.cancel()
            if loop.time() - started > self._well_after:
                pause = self._pause
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._longest)
            self.restarts += 1

    def _note(self, task: asyncio.Task[None], name: str, error: BaseException) -> None:
        before = self._ended.get(task)
        self._ended[task] = Ended(
            task=name,
            error=type(error).__name__,
            since=before.since if before else datetime.now(UTC),
            restarts=before.restarts + 1 if before else 1,
        )
        if before is None:
            frames = traceback.extract_tb(error.__traceback__)
            where = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames[-6:]]
            log.error(
                "A background task has ended; it is started again",
                action="background_task_ended",
                task=name,
                error=type(error).__name__,
                at=where,
            )

    def _recover(self, task: asyncio.Task[None]) -> None:
        ended = self._ended.pop(task, None)
        if ended is not None:
            seconds = round((datetime.now(UTC) - ended.since).total_seconds(), 1)
            log.info(
                "A background task runs again",
                action="background_task_recovered",
                task=ended.task,
                after_seconds=seconds,
            )

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._ended.pop(task, None)
        if not task.cancelled():
            task.exception()
