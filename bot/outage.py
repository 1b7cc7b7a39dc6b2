"""An outage: one log line when it begins and one when it ends; in between only its cause is kept."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

log = structlog.get_logger(__name__)


class Outage:
    """Something that can fail and come back; `cause` is why it fails now, or None."""

    def __init__(
        self,
        begins: str,
        ends: str,
        *,
        action: str,
        quiet: float = 0.0,
        is_told: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`begins` and `ends` are logged as `action` and `action` with `_over`.

        `quiet`: seconds without a failure before a success ends it. Without, every other try would be logged.
        """
        self._action = action
        self._begins = begins
        self._ends = ends
        self._quiet = quiet
        self._clock = clock
        #: Whether it is logged.
        self.is_told = is_told
        self.cause: str | None = None
        self.since: datetime | None = None
        self._began = self._failed_at = 0.0
        self._failing: set[object] = set()

    @property
    def length(self) -> float:
        """Seconds between the first failure of the trouble and the newest."""
        return 0.0 if self.cause is None else self._failed_at - self._began

    def fail(self, cause: str, whose: object = None) -> None:
        """A try has failed; `whose`, where several try."""
        self._failing.add(whose)
        self._failed_at = self._clock()
        if self.cause is None:
            self._began = self._failed_at
            self.since = datetime.now(UTC)
            if self.is_told:
                log.error(self._begins, action=self._action, cause=cause)
        self.cause = cause

    def succeed(self, whose: object = None) -> None:
        """A try succeeded: the outage is over when nobody's fails any more. Without one this reads one variable."""
        if self.cause is None:
            return
        self._failing.discard(whose)
        if self._failing:
            return
        now = self._clock()
        if now - self._failed_at < self._quiet:
            return
        self.cause = self.since = None
        if self.is_told:
            log.info(self._ends, action=f"{self._action}_over", after_seconds=round(now - self._began, 1))
