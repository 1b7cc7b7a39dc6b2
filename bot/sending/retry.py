"""Retry policy: settles each recipient of a finished call, or schedules its next attempt."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from bot.sending.backoff import USUAL_BACKOFF, Backoff, wait_before_try
from bot.sending.outbox import Claimed, Queued, Settlement
from bot.sending.sms_service import SendFailed, SendOutcome

#: Seconds at most by which a message that failed leaves the next probe of an outage to others.
_AFTER_OTHERS = 1.0


class RetryDecision(Struct, frozen=True, kw_only=True):
    """One message of a call that has ended."""

    #: What is to be recorded.
    settlement: Settlement
    #: The message as it is to leave again; None when it is done with.
    again: Queued | None = None
    #: Seconds until then.
    wait: float = 0.0
    #: With how many others of its call at most, when fewer may go better.
    most: int | None = None


def decide_retries(
    claimed: Sequence[Claimed],
    outcomes: Sequence[SendOutcome],
    *,
    hold: float,
    now: datetime,
    backoff: Backoff = USUAL_BACKOFF,
) -> list[RetryDecision]:
    """What becomes of each message; `hold`: the seconds for which circuit breakers keep the lane waiting."""
    first = outcomes[0]
    most = None
    if len(claimed) > 1 and isinstance(first, SendFailed) and first.is_final and first.scope == "call":
        # ACS refused the call without saying for whom: one bad recipient must not take 99 with it.
        most = max(1, len(claimed) // 10)
        outcomes = [replace(first, is_final=False)] * len(claimed)
    # What failed together is repeated together.
    together = wait_before_try(claimed[0].message.attempts, backoff=backoff).total_seconds()
    if most is not None:
        together = 0.0
    elif hold:
        # When the circuits let one go, another goes first: this one may be what ACS can't take.
        together = hold + min(together, _AFTER_OTHERS)
    judged: list[RetryDecision] = []
    for claim, outcome in zip(claimed, outcomes, strict=True):
        message = claim.message
        if not isinstance(outcome, SendFailed) or outcome.is_final:
            judged.append(RetryDecision(settlement=_settlement(claim, outcome)))
            continue
        wait = together
        if outcome.scope == "recipient":
            wait = wait_before_try(message.attempts, backoff=backoff).total_seconds()
        judged.append(
            RetryDecision(
                settlement=_settlement(claim, outcome, now + timedelta(seconds=wait)),
                again=replace(message, attempts=message.attempts + 1),
                wait=wait,
                most=most,
            )
        )
    return judged


def _settlement(claim: Claimed, outcome: SendOutcome, next_try_at: datetime | None = None) -> Settlement:
    return Settlement(
        message=claim.message,
        attempt=claim.attempt,
        outcome=outcome,
        next_try_at=next_try_at,
        was_unknown=claim.was_unknown,
    )
