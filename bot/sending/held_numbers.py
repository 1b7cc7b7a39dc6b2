"""Numbers that ACS has asked not to call for long: their messages wait, and somebody may want to know until when."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from bot.sending.circuit_breaker import Circuit

#: Seconds. A shorter wait is over before anybody has read of it; while much is sent ACS asks for such ones.
LONG: Final = 120.0


class ServiceTrouble(Struct, frozen=True, kw_only=True):
    """Why messages wait."""

    reason: str
    since: datetime


def nobody_waits() -> Mapping[str, Circuit]:
    """No number is held back."""
    return {}


class HeldNumbers:
    """Since when each number is held back, as far as this process knows."""

    def __init__(self, asked: Callable[[], Mapping[str, Circuit]] = nobody_waits) -> None:
        """`asked`: by number, the circuit breakers that a Retry-After has opened while messages wait."""
        self._asked = asked
        self._since: dict[str, datetime] = {}

    def note(self, number: str, at: datetime) -> None:
        """ACS has asked to wait."""
        self._since.setdefault(number, at)

    def end(self, number: str) -> None:
        """ACS has taken a call, or nothing waits any more."""
        self._since.pop(number, None)

    def troubles(self, now: float, at: datetime) -> Iterator[ServiceTrouble]:
        """One for each number that may not call for long from now on; `now` on the loop's clock is `at`."""
        for number, circuit in sorted(self._asked().items()):
            left = 0.0 if circuit.until is None else circuit.until - now
            if left > LONG:
                self.note(number, at)  # where another process met it, that is not known
                until = (at + timedelta(seconds=left)).strftime("%Y-%m-%d %H:%M:%S")
                reason = f"ACS asks {number} to make no call before {until} UTC: {circuit.reason}"
                yield ServiceTrouble(reason=reason, since=self._since[number])
