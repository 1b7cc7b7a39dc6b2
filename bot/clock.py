"""The time of day, as parts are handed it, so that a test may say what time it is; its trust; and waiting."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Literal, Protocol

#: Gives an aware datetime in UTC.
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The machine's own clock."""
    return datetime.now(UTC)


#: What a moment of the past found: no bot, one whose clock was known to be wrong, or one that ran well.
PastState = Literal["stopped", "wrong clock", "running"]


class ClockTrust(Protocol):
    """The gate of all that the time alone brings about and nothing undoes: `bot.sending.clock_check` has it."""

    @property
    def is_trusted(self) -> bool:
        """Whether the clock is not known to be wrong."""
        ...

    @property
    def waits_for(self) -> str | None:
        """Why it is not trusted, as a sentence without its full stop; None: it is."""
        ...

    def state_at(self, moment: datetime) -> PastState:
        """What a moment of the past found."""
        ...


class TrustedClock:
    """A clock that nobody checks, such as a test's."""

    is_trusted = True
    waits_for: str | None = None

    def state_at(self, _moment: datetime, /) -> PastState:
        """What missed its time can only have waited for a bot."""
        return "stopped"


TRUSTED: Final = TrustedClock()


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
