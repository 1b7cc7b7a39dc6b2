"""Whether the machine's clock is right, by the times that ACS puts on its answers.

ACS refuses calls that were signed more than 5 minutes away from its own time, so with a wrong clock nothing is sent;
and the age of a repeatability pair, which decides whether a repeat is safe, is counted by this clock, too.
What the time alone brings about and nothing undoes (`bot.clock.ClockTrust`) waits while the clock is wrong by so much.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.clock import PastState
from bot.outage import Outage

#: Off by more, the clock is a trouble: a fifth of what ACS bears, and far from what a network or NTP makes of it.
BOUND: Final = timedelta(seconds=60)
#: Off by more, ACS refuses every call, and the clock is not trusted.
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

    Notices without another answer of ACS that the clock was set right since, by the monotonic clock. Is a
    `bot.clock.ClockTrust`.
    """

    def __init__(
        self, *, now: Callable[[], datetime] = _now, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._now = now
        self._steady = steady
        self._compared: tuple[timedelta, datetime, float] | None = None
        self._started = self._right_at = steady()
        #: By the steady clock, from when to when the clock was last not trusted; None: it still is not.
        self._untrusted: tuple[float, float | None] | None = None
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
        self._note_trust(is_trusted=abs(offset) <= REFUSED_AT)
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

    @property
    def is_trusted(self) -> bool:
        """Whether the clock is not known to be so wrong that ACS refuses every call."""
        return self.waits_for is None

    @property
    def waits_for(self) -> str | None:
        """Why it is not trusted, as a sentence without its full stop; None: it is."""
        reason, offset = self.look(), self.offset
        return None if offset is None or abs(offset) <= REFUSED_AT else reason

    def state_at(self, moment: datetime) -> PastState:
        """What a moment of the past found: this run, with a clock that was trusted or was not, or none."""
        then = self._steady() - (self._now() - moment).total_seconds()
        if self._untrusted is not None:
            since, until = self._untrusted
            if since <= then and (until is None or then <= until):
                return "wrong clock"
        return "stopped" if then < self._started else "running"

    def _note_trust(self, *, is_trusted: bool) -> None:
        now = self._steady()
        if not is_trusted:
            if self._untrusted is None or self._untrusted[1] is not None:
                self._untrusted = self._right_at, None
            return
        if self._untrusted is not None and self._untrusted[1] is None:
            self._untrusted = self._untrusted[0], now
        self._right_at = now


def _sentence(offset: timedelta) -> str:
    seconds = round(abs(offset).total_seconds())
    way = "ahead of" if offset > timedelta(0) else "behind"
    follows = (
        "ACS refuses every call, so nothing is sent; nor is anything removed or done that is due by the time"
    ) if abs(offset) > REFUSED_AT else (
        "from 300 on ACS refuses every call"
    )  # fmt: skip
    return f"The clock is {seconds:,} seconds {way} ACS's; {follows}. Mend: {MEND}"
