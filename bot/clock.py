"""The time of day, as parts are handed it: so that a test may say what time it is."""

from collections.abc import Callable
from datetime import UTC, datetime

#: Gives an aware datetime in UTC.
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The machine's own clock."""
    return datetime.now(UTC)
