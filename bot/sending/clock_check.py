"""Whether the machine's clock is right, by the times that ACS puts on its answers.

ACS refuses calls that were signed more than 5 minutes away from its own time, so with a wrong clock nothing is sent;
and the age of a repeatability pair, which decides whether a repeat is safe, is counted by this clock, too.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.outage import Outage

#: Off by more, the clock is a trouble: a fifth of what ACS bears, and far from what a network or NTP makes of it.
BOUND: Final = timedelta(seconds=60)
#: Off by more, ACS refuses every call.
REFUSED_AT: Final = timedelta(minutes=5)

MEND: Final = "set the machine's clock: have NTP (chrony, systemd-timesyncd, w32time) run on the host"


def offset_of(date: datetime, asked_at: datetime, answered_at: datetime) -> timedelta:
    """The least that the machine's clock can be ahead of one that said `date` between these two times of the machine.

    A `Date` has whole seconds. A slow answer makes no offset, as the time may have been taken at either end.
    """
    if date + timedelta(seconds=1) < asked_at:
        return asked_at - date - timedelta(seconds=1)
    if date > answered_at:
        return answered_at - date
    return timedelta(0)


def _now() -> datetime:
    return datetime.now(UTC)


class ClockCheck:
    """Holds the newest comparison of the clock with ACS's; logs once when it is off, and once when it is right again.

    Notices without another answer of ACS that the clock was set since, by the monotonic clock.
    """

    def __init__(
        self, *, now: Callable[[], datetime] = _now, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._now = now
        self._steady = steady
        self._compared: tuple[timedelta, datetime, float] | None = None
        self._outage = Outage(
            "The clock of this machine is wrong",
            "The clock of this machine is right again",
            action="clock_wrong",
            clock=steady,
        )

    def compare(self, date: datetime, asked_at: datetime, answered_at: datetime) -> None:
        """Compare with the `Date` of an answer of ACS, which came between these two times of the machine."""
        self._compared = offset_of(date, asked_at, answered_at), answered_at, self._steady()
        self.look()

    @property
    def offset(self) -> timedelta | None:
        """How far our clock is ahead of ACS's; negative when it is behind, None before ACS has answered."""
        if self._compared is None:
            return None
        offset, at, steady = self._compared
        # What it was set by since. That can end a trouble, and begins none: a machine that slept looks the same.
        was_set = (self._now() - at) - timedelta(seconds=self._steady() - steady)
        return offset + was_set if abs(offset) > BOUND and abs(offset + was_set) < abs(offset) else offset

    def look(self) -> str | None:
        """What is wrong with the clock, with the mend; None when nothing is known to be."""
        offset = self.offset
        if offset is None:
            return None
        if abs(offset) <= BOUND:
            self._outage.succeed()
            return None
        reason = _sentence(offset)
        self._outage.fail(reason)
        return reason

    @property
    def since(self) -> datetime | None:
        """When the trouble began, by the wrong clock."""
        return self._outage.since


def _sentence(offset: timedelta) -> str:
    seconds = round(abs(offset).total_seconds())
    way = "ahead of" if offset > timedelta(0) else "behind"
    follows = "ACS refuses every call, so nothing is sent" if abs(offset) > REFUSED_AT else (
        "from 300 on ACS refuses every call"
    )  # fmt: skip
    return f"The clock is {seconds:,} seconds {way} ACS's; {follows}. Mend: {MEND}"
