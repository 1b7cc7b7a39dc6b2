"""Whether messages come in a rush, and how long the next call with the same text waits for more of them."""

from msgspec import Struct

#: How many arrivals the mean is of, about: a single burst after a pause is no rush.
_ARRIVALS = 8
#: How much one arrival counts at most: a large batch alone is no rush, either.
_MOST = 32


class RushLimits(Struct, frozen=True, kw_only=True):
    """From when on calls with the same text are spaced out, and how far.

    A call to ACS takes the processor longer than all else that is done for a message. Without spacing each single post
    over 16 connections is a call of its own: 840 messages a second against 1,700 (benchmarks/HISTORY.md).
    """

    #: Up to so many messages an arrival, in the mean, each call leaves at once.
    calm: float = 5.0
    #: Seconds for each message above that, and at most.
    spacing: float = 0.03
    longest: float = 0.1


USUAL_RUSH = RushLimits()


class Rush:
    """How many messages arrive at a time of late: in one transaction, or in one look at the database."""

    def __init__(self, limits: RushLimits = USUAL_RUSH) -> None:
        self._limits = limits
        self._mean = 0.0

    def note(self, messages: int) -> None:
        """So many have arrived together."""
        self._mean += (min(messages, _MOST) - self._mean) / _ARRIVALS

    @property
    def spacing(self) -> float:
        """Seconds between two calls with the same text, unless the second is full; 0 when there is no rush."""
        limits = self._limits
        return min(max(0.0, self._mean - limits.calm) * limits.spacing, limits.longest)
