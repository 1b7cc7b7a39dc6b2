"""Health of the SMS service: the circuit breaker shared by all lanes, and one log line for each transition."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog
from msgspec import Struct
from msgspec.structs import replace

from bot.clock import Clock, utc_now
from bot.sending.circuit_breaker import (
    USUAL_BREAKER,
    BreakerLimits,
    Circuit,
    admits,
    after_failure,
    after_nothing,
    after_start,
    after_success,
    state_of,
    wait_of,
)
from bot.sending.held_numbers import HeldNumbers, ServiceTrouble, nobody_waits
from bot.sending.sms_service import SendAccepted, SendFailed, SendOutcome

log = structlog.get_logger(__name__)


def _nobody_asks(_before: Circuit, _after: Circuit) -> None:
    """No other replica wants to know."""


class _RefusedNumber(Struct, frozen=True, kw_only=True):
    """ACS refuses the credential of one of our numbers."""

    outcome: SendFailed
    since: datetime


class ServiceHealth:
    """Holds every lane back while ACS is down, and logs an outage once when it begins and once when it ends.

    A refused credential is logged here, and holds back only the lane that met it: ACS refuses a number that is not the
    resource's with the same 401, and such a number must not silence the others.
    """

    def __init__(
        self,
        *,
        on_change: Callable[[], None],
        on_recovery: Callable[[], None],
        on_circuit: Callable[[Circuit, Circuit], None] = _nobody_asks,
        asked_to_wait: Callable[[], Mapping[str, Circuit]] = nobody_waits,
        limits: BreakerLimits = USUAL_BREAKER,
        clock: Clock = utc_now,
    ) -> None:
        """`on_change` is called when a probe has ended, `on_recovery` when ACS takes calls again.

        `on_circuit` is called with the circuit before and after each call that changed it. `asked_to_wait`: see
        `HeldNumbers`.
        """
        self._on_circuit = on_circuit
        self._limits = limits
        self._clock = clock
        self._on_change = on_change
        self._on_recovery = on_recovery
        self._circuit = Circuit()
        self._down_since: datetime | None = None
        #: By our number, the one refused first in front.
        self._refusals: dict[str, _RefusedNumber] = {}
        self._held = HeldNumbers(asked_to_wait)
        #: Calls, by how they ended; `/metrics` shows them.
        self.calls: Counter[str] = Counter()

    def admits(self, now: float) -> bool:
        """Whether a call may be made now."""
        return admits(self._circuit, now)

    def wait(self, now: float) -> float | None:
        """Seconds until a call may be made; None while a probe decides that."""
        return wait_of(self._circuit, now)

    def start(self) -> bool:
        """A call is made; whether it is the probe."""
        self._circuit = after_start(self._circuit)
        return self._circuit.is_probing

    def abandon(self) -> None:
        """End a probe whose call was not made."""
        self._circuit = after_nothing(self._circuit)
        self._on_change()

    def record(self, number: str, outcome: SendOutcome, *, is_probe: bool) -> None:
        """How a call ended, by the outcome of its first recipient."""
        self.calls[_kind_of(outcome)] += 1
        if isinstance(outcome, SendAccepted):
            self._held.end(number)
        elif outcome.retry_after is not None:
            self._held.note(number, self._clock())
        is_refused = False
        before = self._circuit
        if isinstance(outcome, SendFailed) and outcome.is_credential:
            is_refused = True
            self._note_refusal(number, outcome)
        if isinstance(outcome, SendFailed) and outcome.scope == "service":
            self._fail(outcome, is_probe=is_probe)
            self._on_circuit(before, self._circuit)
            return
        if self._circuit.failures:
            self._succeed()
            self._on_circuit(before, self._circuit)
        if number in self._refusals and not is_refused:
            self._end_refusal(number)

    def forget(self, number: str) -> None:
        """Nothing waits here any more for this number: that ACS refused its credential is no trouble now."""
        self._held.end(number)
        if self._refusals.pop(number, None):
            log.info(
                "Nothing waits any more for a number whose credential ACS refused",
                action="credential_refusal_over",
                number=number,
            )

    def rest(self, calls: int) -> None:
        """Nothing waited for any number, here or elsewhere, when so many calls had been made: ACS keeps nobody waiting.

        Whether it takes calls again nobody can say before the next message. Without this an outage whose last message
        was given up would last until then, in the health and in every alarm.
        """
        is_quiet = self.calls.total() == calls and not self._circuit.is_probing
        if not is_quiet or state_of(self._circuit, asyncio.get_running_loop().time()) != "half-open":
            return
        before, self._circuit, self._down_since = self._circuit, Circuit(), None
        log.info(
            "Nothing waits any more for ACS, which was down", action="acs_down_over", reason=before.reason
        )
        self._on_circuit(before, self._circuit)
        self._on_recovery()

    def adopt(self, circuit: Circuit) -> None:
        """Go on from what another replica met: it found ACS down, or there again."""
        if circuit.until is None:
            if self.is_down and not self._circuit.is_probing:
                self._succeed()
            return
        if self._circuit.until is None or circuit.until > self._circuit.until:
            if not self.is_down:
                self._down_since = self._clock()
            self._circuit = replace(circuit, is_probing=self._circuit.is_probing)
            self._on_change()

    @property
    def is_down(self) -> bool:
        """Whether calls are made one at a time, if at all."""
        return self._circuit.until is not None

    @property
    def is_credential_refused(self) -> bool:
        """Whether ACS refuses our credential, for one of our numbers at least."""
        return bool(self._refusals)

    def troubles(self) -> list[ServiceTrouble]:
        """What keeps messages waiting; empty when nothing does."""
        troubles = []
        if self._refusals:
            first = next(iter(self._refusals.values()))
            reason = f"ACS refuses our credential or number: {first.outcome.reason}"
            troubles.append(ServiceTrouble(reason=reason, since=first.since))
        if self._down_since is not None and self.is_down:
            state = state_of(self._circuit, asyncio.get_running_loop().time())
            how = "one call at a time is tried" if state == "half-open" else "calls pause"
            troubles.append(ServiceTrouble(reason=f"{self._circuit.reason} ({how})", since=self._down_since))
        return [*troubles, *self._held.troubles(asyncio.get_running_loop().time(), self._clock())]

    def _fail(self, outcome: SendFailed, *, is_probe: bool) -> None:
        was_down = self.is_down
        now = asyncio.get_running_loop().time()
        self._circuit = after_failure(
            self._circuit,
            now,
            outcome.reason,
            is_probe=is_probe,
            at_once=outcome.is_credential,
            limits=self._limits,
        )
        if self.is_down and not was_down:
            self._down_since = self._clock()
            if not outcome.is_credential:  # that has its own line
                log.warning(
                    "ACS is down or can't be reached; messages wait", action="acs_down", reason=outcome.reason
                )
        if is_probe:
            self._on_change()

    def _succeed(self) -> None:
        was_down = self.is_down
        self._circuit = after_success(self._circuit, is_probe=True)
        if was_down and self._down_since is not None:
            seconds = round((self._clock() - self._down_since).total_seconds(), 1)
            log.info("ACS takes calls again", action="acs_up_again", after_seconds=seconds)
            self._down_since = None
            self._on_recovery()

    def _note_refusal(self, number: str, outcome: SendFailed) -> None:
        # By status: what ACS says beside it may differ from call to call.
        is_news = outcome.http_status not in {each.outcome.http_status for each in self._refusals.values()}
        before = self._refusals.get(number)
        since = before.since if before else self._clock()
        self._refusals[number] = _RefusedNumber(outcome=outcome, since=since)
        if is_news:
            log.error(
                "ACS refuses our credential or number; messages wait",
                action="credential_refused",
                number=number,
                reason=outcome.reason,
                mend="check BOT_ACS_CONNECTION_STRING or the managed identity and its role, that the resource is there,"
                " and that the number belongs to it; nothing is lost meanwhile",
            )

    def _end_refusal(self, number: str) -> None:
        del self._refusals[number]
        if not self._refusals:
            log.info("ACS accepts our credential and number again", action="credential_accepted_again")
        self._on_recovery()  # where the credential was wrong and is right now, the other numbers find it out at once


def _kind_of(outcome: SendOutcome) -> str:
    if isinstance(outcome, SendAccepted) or outcome.scope == "recipient":
        return "answered"
    if outcome.is_credential:
        return "credential refused"
    if outcome.scope == "call":
        return "refused"
    return "throttled" if outcome.scope == "number" else "failed"
