"""The pace of a sending number: how many messages may leave in a minute.

What is counted are messages, one for each recipient of a call, and each try anew. Azure limits both the calls and the
"message units" of a number to the same figure a minute (docs: communication-services/concepts/service-limits), and a
message unit is one message to one phone: a call to 100 phones uses up 100. So a limit of messages
keeps the calls within theirs as well. Carriers count messages too.
"""

from collections import deque
from collections.abc import Iterable

#: Seconds until a token comes back. One more than a minute: a call may take longer on its way to Azure than one that
#: leaves a minute later.
MINUTE = 61.0
#: Seconds of use that are remembered as one, so that what is remembered stays small at any pace.
_TOGETHER = 0.25


class Bucket:
    """A bucket of as many tokens as messages may leave in a minute; each comes back a minute after it was taken.

    So a number that was quiet answers a rush at once, with all of a minute's messages; and in no minute, wherever it
    begins, do more leave than Azure takes. A bucket that starts full and fills steadily would let nearly twice as many
    go in its first minute, which is answered with 429.

    `now` is in seconds, by any clock that only goes forward.
    """

    def __init__(self) -> None:
        # (when the last of them was taken, how many, when the first of them was taken), oldest first
        self._taken: deque[tuple[float, int, float]] = deque()
        self._out = 0

    def room(self, now: float, per_minute: int | None) -> int | None:
        """How many messages may leave now; None: as many as there are."""
        if per_minute is None:
            return None
        self._return_tokens(now)
        return max(0, per_minute - self._out)

    def take(self, now: float, count: int) -> None:
        """Count messages that leave now."""
        self._return_tokens(now)
        self._out += count
        if self._taken and now - self._taken[-1][2] < _TOGETHER:
            _, before, first = self._taken.pop()
            self._taken.append((now, before + count, first))
        else:
            self._taken.append((now, count, now))

    def recall(self, now: float, sent: Iterable[tuple[float, int]]) -> None:
        """Count what another replica sent, each so many seconds ago, oldest first, in the place of what is known."""
        self._taken = deque((now - ago, count, now - ago) for ago, count in sent if count)
        self._out = sum(count for _, count, _ in self._taken)

    def put_back(self, count: int) -> None:
        """Take back the count of messages that did not leave after all."""
        while count and self._taken:
            last, taken, first = self._taken.pop()
            self._out -= min(count, taken)
            if taken > count:
                self._taken.append((last, taken - count, first))
            count -= min(count, taken)

    def wait(self, now: float, per_minute: int | None) -> float:
        """Seconds until there is room for a message."""
        if self.room(now, per_minute) != 0:
            return 0.0
        surplus = self._out - (per_minute or 0)  # a pace that was made slower is kept to at once
        for last, count, _ in self._taken:
            surplus -= count
            if surplus < 0:
                return last + MINUTE - now
        return MINUTE

    def _return_tokens(self, now: float) -> None:
        while self._taken and self._taken[0][0] + MINUTE <= now:
            self._out -= self._taken.popleft()[1]
