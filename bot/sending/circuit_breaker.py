"""Circuit breaker: after consecutive failures only single probes run, with exponential pauses, until one succeeds.

There is one for ACS as a whole, which every lane shares, and one for each sending number. Pure: a circuit is a value,
and each event makes the next one. `now` is in seconds, by any clock that only goes forward.
"""

import random
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace


class BreakerLimits(Struct, frozen=True, kw_only=True):
    """When a circuit opens, and how long it waits."""

    #: Consecutive failures that open it: single calls fail in good times too, and their messages wait for themselves.
    threshold: int = 5
    #: Seconds before the first probe, doubling from there.
    first_pause: float = 1.0
    #: Seconds between probes at most: for this long everybody may wait in vain after the end of an outage.
    longest_pause: float = 30.0


USUAL_BREAKER = BreakerLimits()

_dice = random.Random()  # noqa: S311 - no secret

State = Literal["closed", "open", "half-open"]


class Circuit(Struct, frozen=True, kw_only=True):
    """How calls have fared lately."""

    #: In a row, while the circuit is closed.
    failures: int = 0
    #: Probes are due from then on; None while the circuit is closed.
    until: float | None = None
    #: Probes that failed.
    probes: int = 0
    #: A probe is running.
    is_probing: bool = False
    #: `until` is from a Retry-After: no success but the probe's cuts it short.
    is_asked: bool = False
    #: What the newest failure was.
    reason: str | None = None


def state_of(circuit: Circuit, now: float) -> State:
    """Closed: calls are made. Open: none. Half-open: one at a time, as a probe."""
    if circuit.until is None:
        return "closed"
    return "half-open" if now >= circuit.until else "open"


def admits(circuit: Circuit, now: float) -> bool:
    """Whether a call may be made."""
    return circuit.until is None or (now >= circuit.until and not circuit.is_probing)


def wait_of(circuit: Circuit, now: float) -> float | None:
    """Seconds until a call may be made; None while a probe decides that."""
    if circuit.until is None:
        return 0.0
    if now < circuit.until:
        return circuit.until - now
    return None if circuit.is_probing else 0.0


def after_start(circuit: Circuit) -> Circuit:
    """A call has been made, which `admits` allowed; unless the circuit is closed it is the probe."""
    return circuit if circuit.until is None else replace(circuit, is_probing=True)


def after_success(circuit: Circuit, *, is_probe: bool) -> Circuit:
    """ACS has answered a call, the probe or one made before the outage: either way it is there again.

    Where it has asked to wait, one that it took before it asked says nothing.
    """
    return circuit if circuit.is_asked and not is_probe else Circuit()


def after_nothing(circuit: Circuit) -> Circuit:
    """The probe ended without a call: the next call is the probe."""
    return replace(circuit, is_probing=False)


def after_failure(
    circuit: Circuit,
    now: float,
    reason: str,
    *,
    is_probe: bool,
    at_once: bool = False,
    retry_after: float | None = None,
    limits: BreakerLimits = USUAL_BREAKER,
    chance: float | None = None,
) -> Circuit:
    """A call failed in a way that concerns others too.

    `at_once` opens the circuit without waiting for more of the same; a Retry-After always does. `chance` (0 to 1) takes
    the place of the dice in tests.
    """
    asked = None if retry_after is None else now + retry_after
    if circuit.until is not None and not is_probe:
        # One that was made before the circuit opened: it only knows what is known already, but for the Retry-After.
        if asked is None or asked <= circuit.until:
            return circuit
        return replace(circuit, until=asked, is_asked=True)
    failures, probes = circuit.failures + 1, circuit.probes + (1 if circuit.until is not None else 0)
    if circuit.until is None and failures < limits.threshold and not at_once and asked is None:
        return replace(circuit, failures=failures, reason=reason)
    until = now + _pause(probes, limits, chance)
    is_asked = asked is not None and asked >= until
    return Circuit(
        failures=failures,
        until=asked if asked is not None and is_asked else until,
        probes=probes,
        is_asked=is_asked,
        reason=reason,
    )


def _pause(probes: int, limits: BreakerLimits, chance: float | None) -> float:
    """Between half of the doubling bound and all of it: bots that failed together do not come back together."""
    bound = min(limits.longest_pause, limits.first_pause * 2.0 ** min(probes, 16))
    return bound * (0.5 + 0.5 * (_dice.random() if chance is None else chance))
