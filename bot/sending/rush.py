"""Whether messages come in a rush, and how long the next call with the same text waits for more of them."""

from msgspec import Struct

#: How much one arrival counts at most: a large batch alone is no rush, either.
_MOST = 32


class RushLimits(Struct, frozen=True, kw_only=True):
    """From when on calls with the same text are spaced out, and how far.

    A call to ACS takes the processor longer than all else that is done for a message. Without spacing each single post
    over 16 connections is a call of its own: 840 messages a second against 1,700 (benchmarks/HISTORY.md).
    """

    #: How many arrivals the mean is of, about: neither a burst after a pause is a rush, nor a moment's hold-up. With 8,
    #: such moments began one at 1,000 texts a second: p99 93 ms in the place of 41.
    arrivals: int = 64
    #: Up to so many messages an arrival, in the mean, each call leaves at once: 1,000 texts a second come as 4 or 5,
    #: those of 16 connections as 8.
    calm: float = 7.0
    #: Seconds for each message above that, and at most.
    spacing: float = 0.1
    longest: float = 0.1


USUAL_RUSH = RushLimits()


class Rush:
    """How many messages arrive at a time of late: in one transaction, or in one look at the database."""

    def __init__(self, limits: RushLimits = USUAL_RUSH) -> None:
        self._limits = limits
        self._mean = 0.0

    def note(self, messages: int) -> None:
        """So many have arrived together."""
        self._mean += (min(messages, _MOST) - self._mean) / self._limits.arrivals

    @property
    def spacing(self) -> float:
        """Seconds between two calls with the same text, unless the second is full; 0 when there is no rush."""
        limits = self._limits
        return min(max(0.0, self._mean - limits.calm) * limits.spacing, limits.longest)
