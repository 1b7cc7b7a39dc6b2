"""The time of day, as parts are handed it, so that a test may say what time it is; and waiting."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

#: Gives an aware datetime in UTC.
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The machine's own clock."""
    return datetime.now(UTC)


async def is_set_within(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait until an event is set, so many seconds at most; None: for as long as it takes. Returns whether it is.

    `asyncio.timeout` takes 8 µs, so it is left out where the event is set already and where the wait has no bound.
    """
    if seconds is None or event.is_set():
        return await event.wait()
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
