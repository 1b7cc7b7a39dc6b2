"""The hosts that rules ask: how many requests run at each, and whether it answers at all."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from bot.clock import Clock, is_set_within, utc_now
from bot.sending.circuit_breaker import (
    Circuit,
    admits,
    after_failure,
    after_nothing,
    after_start,
    after_success,
    state_of,
    wait_of,
)
from bot.sending.fetch_limits import FetchLimits

#: Hosts stand in rule files, so there are few; of more than so many the idle ones are forgotten.
_MOST = 500


class HostTrouble(Struct, frozen=True, kw_only=True):
    """A host that does not answer."""

    host: str
    reason: str
    #: Requests in a row that failed, and when the first of them did.
    failures: int
    since: datetime


class AskedHost:
    """One host: so many requests at once, and none but single probes while it is down."""

    def __init__(
        self, name: str, limits: FetchLimits, clock: Callable[[], float], now: Clock = utc_now
    ) -> None:
        self.name = name
        self._limits = limits
        self._clock = clock
        self._now = now
        #: When the first request failed of those in a row that failed.
        self._since: datetime | None = None
        self._circuit = Circuit()
        self._running = 0
        self._changed = asyncio.Event()
        #: How requests ended.
        self.counts: Counter[str] = Counter()

    @property
    def trouble(self) -> HostTrouble | None:
        """What is wrong with it, while it is down."""
        if state_of(self._circuit, self._clock()) == "closed":
            return None
        return HostTrouble(
            host=self.name,
            reason=self._circuit.reason or "",
            failures=self._circuit.failures,
            since=self._since or self._now(),
        )

    async def enter(self, deadline: float) -> bool:
        """Wait for leave to ask; False when there will be none before the deadline."""
        while True:
            now = self._clock()
            if now >= deadline:
                return False
            if self._running < self._limits.per_host and admits(self._circuit, now):
                self._circuit = after_start(self._circuit)
                self._running += 1
                return True
            wait = wait_of(self._circuit, now)
            if wait and now + wait >= deadline:
                return False
            left = deadline - now
            self._changed.clear()
            await is_set_within(self._changed, min(left, wait) if wait else left)

    def leave(self, reason: str | None, *, is_probe: bool, retry_after: float | None = None) -> None:
        """A request has ended; a reason says that the host did not answer it."""
        self._running -= 1
        if reason is None:
            self._circuit = after_success(self._circuit, is_probe=is_probe)
            if self._circuit.until is None:
                self._since = None
        else:
            self._since = self._since or self._now()
            self._circuit = after_failure(
                self._circuit,
                self._clock(),
                reason,
                is_probe=is_probe,
                retry_after=retry_after,
                limits=self._limits.breaker,
            )
        self._changed.set()

    def abandon(self) -> None:
        """A request was given up by us."""
        self._running -= 1
        self._circuit = after_nothing(self._circuit)
        self._changed.set()

    @property
    def is_probing(self) -> bool:
        """Whether the request that has just entered is a probe."""
        return self._circuit.is_probing

    @property
    def is_idle(self) -> bool:
        """Whether nothing is lost with it."""
        return not self._running and self._circuit == Circuit()


class AskedHosts:
    """All of them, by name."""

    def __init__(self, limits: FetchLimits, clock: Callable[[], float], now: Clock = utc_now) -> None:
        """`clock`: seconds, for pauses; `now`: the time, for people."""
        self._limits = limits
        self._clock = clock
        self._now = now
        self._hosts: dict[str, AskedHost] = {}

    def of(self, name: str) -> AskedHost:
        """The host of a name."""
        host = self._hosts.get(name)
        if host is None:
            if len(self._hosts) >= _MOST:
                self._hosts = {key: each for key, each in self._hosts.items() if not each.is_idle}
            host = self._hosts[name] = AskedHost(name, self._limits, self._clock, self._now)
        return host

    def troubles(self) -> list[HostTrouble]:
        """The hosts that are down."""
        return [trouble for host in self._hosts.values() if (trouble := host.trouble)]

    def counts(self) -> dict[str, Counter[str]]:
        """How requests ended, by host."""
        return {name: host.counts for name, host in self._hosts.items()}
