"""What the parts count and time while they work; `/metrics` shows it. All of it begins anew with the process."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

#: Upper bounds in seconds. What ends within a second is what people feel as at once.
_REPLY_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
_SHORT_BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0)
COMMIT_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

#: As many series one metric may have; what comes after them is counted together.
_MOST_SERIES = 1_000
OTHER = "(other)"


class Durations:
    """A histogram; adding a time costs a search in a dozen numbers."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        """Count a time. One below zero, after a clock was set back, counts as none."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        if seconds > 0:
            self.sum += seconds

    def buckets(self) -> Iterator[tuple[str, int]]:
        """Each upper bound, and how many times were no longer."""
        total = 0
        for bound, count in zip([*map(str, self._bounds), "+Inf"], self._counts, strict=True):
            total += count
            yield bound, total


class Tally:
    """A counter with labels, of which there are never too many: rules and hosts may come and go for years."""

    def __init__(self, *labels: str) -> None:
        self.labels = labels
        self.counted: Counter[tuple[str, ...]] = Counter()

    def add(self, *values: str) -> None:
        """Count one."""
        self.add_series(values)

    def add_series(self, values: tuple[str, ...]) -> None:
        """Count one, by the values of all labels."""
        if values not in self.counted and len(self.counted) >= _MOST_SERIES:
            values = (OTHER,) * len(values)
        self.counted[values] += 1


class Measures:
    """The measures of one service."""

    def __init__(self) -> None:
        #: From the storing of a message to ACS's acceptance of its reply.
        self.reply = Durations(_REPLY_BOUNDS)
        #: What the rules took to decide on a message.
        self.decision = Durations(_SHORT_BOUNDS)
        #: From a call's events in hand to their commit.
        self.intake = Durations(COMMIT_BOUNDS)
        self.received = Tally("rule", "outcome")
        self.sends = Tally("outcome")
        self.reports = Tally("state", "code")
        self.forwards = Tally("host", "outcome")
        #: Messages whose report never came.
        self.unreported = 0
