"""What a lane keeps of its calls: the one that is in flight, and the messages that leave again."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from bot.sending.lane_context import LaneContext
from bot.sending.limits import SendingLimits
from bot.sending.outbox import ClaimBatch, Claimed, Held, Queued, Settlement
from bot.sending.retry import RetryDecision
from bot.sending.send_queue import CallGroup
from bot.sending.sms_service import SmsCall, SmsRecipient
from bot.storage.writer import Batch, StorageUnavailable

log = structlog.get_logger(__name__)


class CallInFlight(Struct, frozen=True, kw_only=True):
    """One API call in flight, and which circuit breakers it probes."""

    group: CallGroup
    claims: ClaimBatch
    probes_service: bool
    probes_lane: bool


class ReturningMessage(Struct, frozen=True, kw_only=True):
    """A message that leaves again, and when, by the loop's time."""

    message: Queued
    due: float
    #: In calls of this many recipients at most.
    most: int | None = None


def sms_call(number: str, claimed: Sequence[Claimed]) -> SmsCall:
    """The call in which claimed messages leave."""
    return SmsCall(
        number=number,
        text=claimed[0].message.text,
        tag=claimed[0].tag,
        recipients=tuple(
            SmsRecipient(
                peer=claim.message.peer,
                repeatability_id=claim.repeatability_id,
                first_sent_at=claim.first_sent_at,
            )
            for claim in claimed
        ),
    )


def is_too_late(number: str, claimed: Sequence[Claimed], now: datetime, longest: timedelta) -> bool:
    """Whether a call may not be made any more, because it could outlast its leases: this process stood still.

    Another process may have made the call meanwhile, and ACS may have forgotten its repeatability pairs.
    """
    if not claimed or now + longest <= claimed[0].until:
        return False
    log.warning(
        "A call came too late to be made; its messages are claimed again",
        action="call_too_late",
        lane=number,
        messages=len(claimed),
    )
    return True


def returning(decisions: Sequence[RetryDecision], now: float) -> dict[str, ReturningMessage]:
    """The messages that leave again, by id; `now` by the loop's time."""
    return {
        each.again.id: ReturningMessage(message=each.again, due=now + each.wait, most=each.most)
        for each in decisions
        if each.again is not None
    }


def untried(messages: Sequence[Queued]) -> int:
    """How many of them were never tried."""
    return sum(not each.attempts for each in messages)


def held_again(held: Held, now: datetime, loop_now: float, limits: SendingLimits) -> ReturningMessage:
    """A message that another process sends, and when to look whether that one is done with it."""
    most = limits.look_at_leased if held.is_leased else limits.look_at_held
    wait = 0.0 if held.until is None else (held.until - now).total_seconds()
    return ReturningMessage(message=held.message, due=loop_now + min(max(wait, 0.0), most))


async def submit_claims(
    context: LaneContext, number: str, batch: ClaimBatch, group: list[Queued]
) -> list[Claimed | Held | None]:
    """Claim a group; with it, note that so much leaves at this pace."""
    if context.per_minute(number) is None:
        return await batch.submit(group)
    claims: list[Claimed | Held | None]
    using = context.memory.begin_use(number, len(group), is_within=batch is context.claims_within)
    claims, _ = await asyncio.gather(batch.begin(group), using)
    return claims


async def record(batch: Batch[Settlement, None], settlements: Sequence[Settlement], pause: float) -> None:
    """Record how tries ended, for as long as it takes; `pause` is between two tries of this, in seconds."""
    while True:
        try:
            recording = batch.begin(settlements)
            recording.add_done_callback(_log_and_ignore)
            # Shielded: what ACS answered must be recorded, even when the lane is cancelled.
            await asyncio.shield(recording)
        except StorageUnavailable:  # the writer says so itself
            await asyncio.sleep(pause)
        else:
            return


def _log_and_ignore(recording: asyncio.Future[list[None]]) -> None:
    """Retrieve the error, which the lane has seen unless it was cancelled, so that asyncio does not log it."""
    if not recording.cancelled():
        recording.exception()
