"""The connections of a server by what they do, so that those which cost and bring nothing go first."""

import time
from typing import Final, Protocol

import structlog

#: A request is under way but not whole, or none was begun yet.
HALF_SENT: Final = 0
#: Answered, and kept for a next request.
IDLE: Final = 1
#: A whole request, or one with a good credential, waits for its answer.
BUSY: Final = 2
#: Does not take its answer.
STALLED: Final = 3
#: Refused or done: nothing is read from it any more.
CLOSING: Final = 4

#: Seconds between two log lines about connections that were dropped.
_QUIET: Final = 60

log = structlog.get_logger(__name__)


class Client(Protocol):
    """A connection as the crowd sees it."""

    #: Which of those above.
    stage: int
    #: When it is to be looked at again, on the loop's clock.
    deadline: float

    def expire(self) -> None:
        """Its deadline has passed."""
        ...

    def drop(self) -> None:
        """Make room for another."""
        ...


class Crowd:
    """Every open connection, oldest of each stage first."""

    def __init__(self, *, connections: int, half_sent: int) -> None:
        """`half_sent` bounds those that do not take their answer, too."""
        self._most = connections
        self._most_half_sent = half_sent
        self._stages: tuple[dict[Client, None], ...] = ({}, {}, {}, {}, {})
        #: Connections that had to make room since the start.
        self.dropped = 0
        self._said_at = -float(_QUIET)

    def __len__(self) -> int:
        return sum(map(len, self._stages))

    def count(self, stage: int) -> int:
        """How many are in a stage."""
        return len(self._stages[stage])

    def enter(self, client: Client) -> bool:
        """Take a new connection in, half sent as it is; False when all others are busy and it must go."""
        self._stages[HALF_SENT][client] = None
        costly: tuple[int, ...] = (HALF_SENT, STALLED)
        if sum(len(self._stages[stage]) for stage in costly) <= self._most_half_sent:
            if len(self) <= self._most:
                return True
            costly = (CLOSING, HALF_SENT, STALLED, IDLE)
        for stage in costly:
            oldest = next(iter(self._stages[stage]), client)
            if oldest is not client:
                self._drop(oldest)
                return True
        return False

    def move(self, client: Client, stage: int) -> None:
        """Put a connection into another stage."""
        self._stages[client.stage].pop(client, None)
        self._stages[stage][client] = None
        client.stage = stage

    def leave(self, client: Client) -> None:
        """A connection is gone."""
        self._stages[client.stage].pop(client, None)

    def sweep(self, now: float) -> None:
        """End what has taken too long."""
        for stage in self._stages:
            for client in [client for client in stage if client.deadline <= now]:
                client.expire()

    def _drop(self, client: Client) -> None:
        self.leave(client)
        client.drop()
        self.dropped += 1
        now = time.monotonic()
        if now - self._said_at >= _QUIET:
            self._said_at = now
            log.warning(
                "There are too many connections: the oldest that bring nothing are dropped",
                action="connections_dropped",
                connections=len(self),
                half_sent=len(self._stages[HALF_SENT]),
                dropped=self.dropped,
            )
