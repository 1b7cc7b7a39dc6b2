"""When Event Grid tries a delivery again, when it gives an event up, and when it puts a webhook on probation.

The numbers are those of Azure's documentation (event-grid/delivery-and-retry).
"""

from datetime import timedelta
from typing import Final

#: Seconds that Event Grid waits for an answer.
ANSWER_WAIT: Final = 30.0
DELIVERED: Final = frozenset({200, 201, 202, 203, 204})
NEVER_AGAIN: Final = frozenset({400, 401, 403, 413})
#: The least wait after these answers; after all others the schedule alone counts.
LEAST_WAIT: Final = {408: timedelta(minutes=2), 503: timedelta(seconds=30)}
#: The wait after the first try, the second, …; the last one repeats.
SCHEDULE: Final = (
    *(timedelta(seconds=seconds) for seconds in (10, 30)),
    *(timedelta(minutes=minutes) for minutes in (1, 5, 10, 30)),
    *(timedelta(hours=hours) for hours in (1, 3, 6, 12)),
)
MOST_TRIES: Final = 30
OLDEST: Final = timedelta(hours=24)

#: Failed deliveries in a row after which Event Grid holds back new events and retries alike.
FAILURES_BEFORE_PROBATION: Final = 10
#: Azure documents "in some cases up to several hours" and no schedule; this one ends while somebody watches.
PROBATIONS: Final = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 60, 300))


def wait_before_next_try(tries: int, status: int | None, age: timedelta) -> timedelta | None:
    """Return how long to wait after try number `tries`, or None: give up.

    `status` is what that try was answered, None where no answer came.
    """
    if status in NEVER_AGAIN or tries >= MOST_TRIES:
        return None
    wait = SCHEDULE[min(tries, len(SCHEDULE)) - 1]
    if status is not None:
        wait = max(wait, LEAST_WAIT.get(status, wait))
    return wait if age + wait <= OLDEST else None


class Probation:
    """Counts a webhook's failures in a row and says until when its events are held back. Times are seconds."""

    def __init__(self, pace: float) -> None:
        self._pace = pace
        self._failures = 0
        self._probations = 0
        self._until = 0.0

    def remaining(self, now: float) -> float:
        """Return how long events are still held back."""
        return max(0.0, self._until - now)

    def note_delivered(self) -> None:
        """End the probation: the webhook has taken events."""
        self._failures = self._probations = 0
        self._until = 0.0

    def note_failed(self, now: float) -> None:
        """Count a failed delivery; those under way when a probation begins do not lengthen it."""
        self._failures += 1
        if self._failures < FAILURES_BEFORE_PROBATION or self.remaining(now):
            return
        wait = PROBATIONS[min(self._probations, len(PROBATIONS) - 1)]
        self._probations += 1
        self._until = now + wait.total_seconds() / self._pace
