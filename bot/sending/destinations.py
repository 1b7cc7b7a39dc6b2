"""Where rules forward messages to: how many posts run at each destination and host, and which destinations answer.

A destination is an address without its query (`bot.text.hosts.destination_of`). One host may have many that do well
or badly by themselves, so that each has a circuit of its own; the posts at the host as a whole are bounded, too.
"""

from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime

from bot.clock import Clock
from bot.sending.asked_hosts import HostTrouble
from bot.sending.circuit_breaker import (
    Circuit,
    admits,
    after_failure,
    after_nothing,
    after_start,
    after_success,
    wait_of,
)
from bot.sending.limits import ForwardingLimits
from bot.sending.post_queues import Posted
from bot.text.hosts import host_in


class _Destination:
    """One of them, while posts run there or it does not answer."""

    def __init__(self) -> None:
        self.circuit = Circuit()
        self.running = 0
        #: When the first post failed of those in a row that failed.
        self.since: datetime | None = None


class Destinations:
    """All that posts run at or that do not answer, by name; the others cost nothing."""

    def __init__(self, limits: ForwardingLimits, seconds: Callable[[], float], clock: Clock) -> None:
        """`seconds`: a clock that only goes forward, for pauses; `clock`: the time, for people."""
        self._limits = limits
        self._seconds = seconds
        self._clock = clock
        self._known: dict[str, _Destination] = {}
        self._per_host: Counter[str] = Counter()
        self._running = 0

    def room(self, name: str) -> int:
        """How many posts may begin at a destination now; while it does not answer one at most, after a pause."""
        limits = self._limits
        left = min(limits.posts - self._running, limits.per_host - self._per_host[host_in(name)])
        destination = self._known.get(name)
        if destination is None:
            return max(min(left, limits.per_destination), 0)
        if not admits(destination.circuit, self._seconds()):
            return 0
        if destination.circuit.until is not None:
            return min(max(left, 0), 1)
        return max(min(left, limits.per_destination - destination.running), 0)

    def running(self, name: str) -> int:
        """How many posts run at a destination."""
        destination = self._known.get(name)
        return 0 if destination is None else destination.running

    def is_down(self, name: str) -> bool:
        """Whether a destination does not answer, so that single posts try it."""
        destination = self._known.get(name)
        return destination is not None and destination.circuit.until is not None

    def enter(self, name: str) -> bool:
        """A post begins, for which there was room; whether it is the one that tries a destination that is down."""
        destination = self._known.setdefault(name, _Destination())
        destination.circuit = after_start(destination.circuit)
        destination.running += 1
        self._per_host[host_in(name)] += 1
        self._running += 1
        return destination.circuit.is_probing

    def leave(self, name: str, posted: Posted | None, *, is_probe: bool) -> None:
        """A post has ended; None: it was given up by us.

        A refusal for good is an answer. What may be tried again speaks against the destination.
        """
        destination, host = self._known[name], host_in(name)
        destination.running -= 1
        self._running -= 1
        self._per_host[host] -= 1
        if not self._per_host[host]:
            del self._per_host[host]
        if posted is None:
            if is_probe:
                destination.circuit = after_nothing(destination.circuit)
        elif posted.reason is None or posted.is_final:
            destination.circuit = after_success(destination.circuit, is_probe=is_probe)
            if destination.circuit.until is None:
                destination.since = None
        else:
            destination.since = destination.since or self._clock()
            destination.circuit = after_failure(
                destination.circuit,
                self._seconds(),
                posted.reason,
                is_probe=is_probe,
                retry_after=posted.retry_after,
                limits=self._limits.breaker,
            )
        if not destination.running and destination.circuit == Circuit():
            del self._known[name]

    def down(self) -> list[str]:
        """The destinations that do not answer."""
        return [name for name, each in self._known.items() if each.circuit.until is not None]

    def forget(self, queued: Collection[str] = ()) -> None:
        """Forget those where nothing runs, but for what is queued: what nobody waits for is no trouble."""
        for name in [name for name, each in self._known.items() if not each.running and name not in queued]:
            del self._known[name]

    def next_try(self) -> float | None:
        """Seconds until one that does not answer is tried again; None where there is none to wait for."""
        now = self._seconds()
        waits = [wait_of(each.circuit, now) for each in self._known.values()]
        return min((wait for wait in waits if wait), default=None)

    def troubles(self) -> list[HostTrouble]:
        """The hosts that have destinations which do not answer, each once: since the first of them does not."""
        troubles: dict[str, HostTrouble] = {}
        for name in self.down():
            destination, host = self._known[name], host_in(name)
            since = destination.since or self._clock()
            before = troubles.get(host)
            if before is None or since < before.since:
                circuit = destination.circuit
                troubles[host] = HostTrouble(
                    host=host, reason=circuit.reason or "", failures=circuit.failures, since=since
                )
        return list(troubles.values())
