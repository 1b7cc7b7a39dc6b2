"""The outbox: queued messages, claimed before the call to ACS and settled after it.

No transaction is open while a call runs. A claim is a lease (`bot.sending.leases`): while it lives nobody else
claims the message, and what becomes of a try is recorded for that try alone. A process that dies in between leaves the
message queued with `outcome_unknown` set: it is repeated with the same repeatability pair while ACS would still know
the pair, and becomes `unconfirmed` after that, never a second SMS.
"""

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.clock import TRUSTED, Clock, ClockTrust, utc_now
from bot.conversation.carrier_opt_outs import apply_carrier_opt_outs
from bot.conversation.delivery import (
    ACCEPTED,
    DeliveryEvent,
    Rejected,
    Suppressed,
    no_report,
    opted_out_after_unknown,
    outcome_unknown,
    refused_after_unknown,
    too_late,
)
from bot.conversation.delivery_reports import NAME_MESSAGE, NamedRow, overtaken_reports
from bot.conversation.events import DeliveryReport
from bot.conversation.status_changes import STORED_COLUMNS, StatusChanges, StoredMessage
from bot.sending.leases import LEASE, Holder
from bot.sending.outbox_rows import (
    CLAIM,
    CLAIMABLE,
    FORGET_PAIR,
    INSERT_FAILED_TRIES,
    QUEUED_ALL_THE_SAME,
    QUEUED_MESSAGES,
    SETTLE,
    SETTLE_MOVED,
    SETTLED,
    ClaimableRow,
    FailedTryRow,
    LeaseRow,
    PairRow,
    SettledRow,
    TryRow,
    moved_row,
)
from bot.sending.sms_service import SendAccepted, SendFailed, SendOutcome
from bot.storage.sql import status_is
from bot.storage.tables import messages
from bot.storage.writer import Batch

#: ACS remembers a repeatability id for 5 minutes at most; a try must start early enough to end within them.
REPEATABILITY_WINDOW = timedelta(minutes=4)


#: What seems to be too late by a clock that is not trusted is looked at again after this.
_UNTIL_TRUSTED = timedelta(seconds=30)


class Queued(Struct, frozen=True, kw_only=True):
    """A message that waits to be sent."""

    id: str
    conversation_id: str
    peer: str
    text: str
    attempts: int
    next_try_at: datetime | None
    #: The tag of the call that it leaves in: the caller's choice for the first try, kept for every one after it.
    #: What is repeated is the exact body of the first call, and a report that brings the tag back names the message.
    tag: str | None = None
    rule: str | None = None
    in_reply_to: str | None = None


class Claimed(Struct, frozen=True, kw_only=True):
    """A message that is being sent, with the repeatability pair of this try."""

    message: Queued
    repeatability_id: str
    first_sent_at: datetime
    #: What the call gives ACS as its tag.
    tag: str
    #: Which try of the message this is: 1, 2, 3 …
    attempt: int
    #: When the lease is over: others may repeat the try from then on.
    until: datetime
    #: An earlier try with this pair ended without an answer.
    was_unknown: bool = False


class Held(Struct, frozen=True, kw_only=True):
    """A message that another process is sending, or has tried meanwhile; its conversation waits for it here, too."""

    #: As it is to leave if it comes to that.
    message: Queued
    is_leased: bool
    #: When the lease is over, or the time of the next try has come; None: now.
    until: datetime | None


#: Of `Outbox.claim`.
ClaimBatch = Batch[Queued, Claimed | Held | None]


class Settlement(Struct, frozen=True, kw_only=True):
    """How a try ended."""

    message: Queued
    #: `Claimed.attempt`.
    attempt: int
    outcome: SendOutcome
    #: When to try again, if the outcome is neither a success nor final.
    next_try_at: datetime | None = None
    #: An earlier try ended without an answer: that this one was refused says nothing of that one.
    was_unknown: bool = False


ClaimDecision = Literal[
    "send", "send with a new pair", "suppress", "too late", "outcome unknown", "opted out meanwhile"
]


def claim_decision(row: ClaimableRow, now: datetime, reply_ttl: timedelta) -> ClaimDecision:
    """Whether a queued message may be sent now."""
    in_window = row.first_sent_at is not None and now - row.first_sent_at < REPEATABILITY_WINDOW
    if row.outcome_unknown:  # it may be on its way already: only the same pair again is safe
        if row.opted_out and not row.exempt:  # and a repeat could be the first that arrives
            return "opted out meanwhile"
        return "send" if in_window else "outcome unknown"
    if row.opted_out and not row.exempt:
        return "suppress"
    if now - row.created_at > reply_ttl:
        return "too late"
    return "send" if in_window or row.first_sent_at is None else "send with a new pair"


async def queued_lanes(connection: AsyncConnection) -> set[str]:
    """The sending numbers that have something to send."""
    query = select(messages.c.number).where(status_is("queued")).distinct()
    return set((await connection.execute(query)).scalars())


async def queued_messages(
    connection: AsyncConnection, number: str, after: str, limit: int, *, is_closed: bool = False
) -> list[Queued]:
    """The oldest queued messages of a lane with an id greater than `after`.

    `is_closed`: only those that leave although the number has reached its ceiling.
    """
    rows = await (QUEUED_ALL_THE_SAME if is_closed else QUEUED_MESSAGES).fetch(
        connection, number=number, after=after, most=limit
    )
    return [
        Queued(
            id=message_id,
            conversation_id=conversation_id,
            peer=peer,
            text=text,
            attempts=attempts,
            next_try_at=next_try_at,
            tag=tag,
            rule=rule,
            in_reply_to=in_reply_to,
        )
        for message_id, conversation_id, peer, text, attempts, next_try_at, tag, rule, in_reply_to in rows
    ]


class Outbox:
    """Works for `bot.storage.writer`: claims and settlements of many calls share a transaction."""

    def __init__(
        self,
        *,
        reply_ttl: timedelta,
        holder: Holder | None = None,
        lease: timedelta = LEASE,
        expired_at_once: int = 1_000,
        clock: Clock = utc_now,
        trust: ClockTrust = TRUSTED,
    ) -> None:
        """`holder`: who claims; without one this process is the only sender on the database.

        `trust`: nothing is too late, and no report is given up on, by a clock that is not trusted.

        `expired_at_once`: messages whose reports one transaction gives up on.
        """
        self._reply_ttl = reply_ttl
        self._holder = holder or Holder()
        self._lease = lease
        self._expired_at_once = expired_at_once
        self._clock = clock
        self._trust = trust

    async def claim(self, connection: AsyncConnection, queued: list[Queued]) -> list[Claimed | Held | None]:
        """Lease each message that may be sent now; None for one that is not to be sent any more, or not yet."""
        now = self._clock()
        until = now + self._lease
        found = await CLAIMABLE.fetch(connection, [message.id for message in queued])
        rows = {row.id: row for row in map(ClaimableRow._make, found)}
        others = {row.lease_holder for row in rows.values() if self._is_anothers(row, now)}
        living = await self._holder.living(connection, {each for each in others if each}) if others else set()
        claims: list[Claimed | Held | None] = []
        changes = StatusChanges()
        for message in queued:
            row = rows.get(message.id)
            if row is None or row.status != "queued":
                claims.append(None)
                continue
            is_leased = self._is_anothers(row, now) and row.lease_holder in living
            if is_leased or row.attempts != message.attempts:
                claims.append(_held(message, row, is_leased=is_leased))
                continue
            decided = claim_decision(row, now, self._reply_ttl)
            if decided == "too late" and not self._trust.is_trusted:
                claims.append(Held(message=message, is_leased=False, until=now + _UNTIL_TRUSTED))
                continue
            if decided in _INSTEAD:
                claims.append(None)
                changes.apply(row.stored(), _INSTEAD[decided])
                continue
            if _overtakes(row):
                claims.append(None)
                continue
            is_new_pair = decided == "send with a new pair"
            claims.append(_claimed(message, row, now, until, is_new_pair=is_new_pair))
        leased = [
            LeaseRow(
                id=claim.message.id,
                repeatability_id=claim.repeatability_id,
                first_sent_at=claim.first_sent_at,
                call_tag=claim.tag,
                lease_holder=self._holder.id,
                lease_until=until,
            )
            for claim in claims
            if isinstance(claim, Claimed)
        ]
        await CLAIM.execute(connection, leased)
        await changes.record(connection, now)
        return claims

    def _is_anothers(self, row: ClaimableRow, now: datetime) -> bool:
        """Whether somebody else has a lease that is not over."""
        return row.lease_until is not None and row.lease_until > now and row.lease_holder != self._holder.id

    async def settle(self, connection: AsyncConnection, settlements: list[Settlement]) -> list[None]:
        """Record how each try ended, and apply the delivery reports that overtook its answer.

        A try whose lease somebody else has taken over is no longer this process's to judge; but that ACS took the
        message, and under which MessageId, is recorded all the same.
        """
        now = self._clock()
        names = {
            settlement.outcome.provider_message_id: settlement.message.id
            for settlement in settlements
            if isinstance(settlement.outcome, SendAccepted) and settlement.outcome.provider_message_id
        }
        overtaken = await overtaken_reports(connection, names)
        found = await SETTLED.fetch(connection, [settlement.message.id for settlement in settlements])
        rows = {row.id: row for row in map(SettledRow._make, found)}
        changes = StatusChanges()
        tried: list[TryRow] = []
        named: list[NamedRow] = []
        useless: list[PairRow] = []
        reported: list[tuple[StoredMessage, DeliveryReport]] = []
        for settlement in settlements:
            row = rows.get(settlement.message.id)
            if row is None:  # purged meanwhile
                continue
            outcome = settlement.outcome
            if row.lease_holder == self._holder.id and row.attempts == settlement.attempt:
                tried.append(_as_tried(row, settlement))
            elif not isinstance(outcome, SendAccepted):
                continue
            elif outcome.provider_message_id and row.provider_message_id is None:
                named.append(NamedRow(row.id, outcome.provider_message_id))
            stored = row.stored()
            changes.apply(stored, *delivery_events(settlement))
            for report in overtaken.get(row.id, ()):
                changes.apply(stored, report)
                reported.append((stored, report))
            if isinstance(outcome, SendFailed) and outcome.is_pair_useless and not settlement.was_unknown:
                useless.append(PairRow(row.id, None, None))
        moved = changes.moved
        ends = {each.id: moved_row(each, moved[each.id], now) for each in tried if each.id in moved}
        await SETTLE.execute(connection, [each for each in tried if each.id not in ends])
        await SETTLE_MOVED.execute(connection, list(ends.values()))
        await NAME_MESSAGE.execute(connection, named)
        await FORGET_PAIR.execute(connection, useless)
        await INSERT_FAILED_TRIES.execute(connection, _failed_among(settlements, tried, now))
        await changes.record(connection, now, written=ends)
        await apply_carrier_opt_outs(connection, reported, now)
        return [None] * len(settlements)

    async def expire(self, connection: AsyncConnection, timeouts: list[timedelta]) -> list[int]:
        """Give up on reports: what was sent longer ago than the timeout becomes `unconfirmed`; how many did."""
        if not self._trust.is_trusted:
            return [0] * len(timeouts)
        now = self._clock()
        query = (
            select(*STORED_COLUMNS)
            .where(status_is("sent"), messages.c.updated_at < now - min(timeouts))
            .order_by(messages.c.updated_at)
            .limit(self._expired_at_once)
            .with_for_update()
        )
        changes = StatusChanges()
        for row in await connection.execute(query):
            changes.apply(StoredMessage(*row), no_report())
        return [await changes.record(connection, now)] * len(timeouts)


def _overtakes(row: ClaimableRow) -> bool:
    """Whether another message of the conversation is to leave first: one that its lane has not read yet.

    What confirms an opt-out waits for nothing; it leaves where others are held back.
    """
    return row.status_before == "queued" and not row.exempt and not row.attempts


def _held(message: Queued, row: ClaimableRow, *, is_leased: bool) -> Held:
    """What another process sends, or has tried since this one read it: it leaves again as that one has left it."""
    until = row.lease_until if is_leased else row.next_try_at
    as_it_is = replace(message, tag=row.call_tag, attempts=row.attempts, next_try_at=row.next_try_at)
    return Held(message=as_it_is, is_leased=is_leased, until=until)


def _claimed(
    message: Queued, row: ClaimableRow, now: datetime, until: datetime, *, is_new_pair: bool
) -> Claimed:
    is_first_sent = is_new_pair or row.first_sent_at is None
    # The message's own id is its first repeatability id.
    first = row.id if row.attempts == 0 else str(uuid7())
    return Claimed(
        message=message,
        repeatability_id=str(uuid7()) if is_new_pair else row.repeatability_id or first,
        first_sent_at=now if is_first_sent or row.first_sent_at is None else row.first_sent_at,
        tag=message.tag or message.id,
        attempt=row.attempts + 1,
        until=until,
        was_unknown=row.outcome_unknown,
    )


def delivery_events(settlement: Settlement) -> tuple[DeliveryEvent, ...]:
    """The delivery events that follow from the end of a try; none when it is tried again."""
    outcome = settlement.outcome
    if isinstance(outcome, SendAccepted):
        return (ACCEPTED,)
    if not outcome.is_final:
        return ()
    if settlement.was_unknown:
        # That this try was refused says nothing of the one before it: ACS refuses a pair that it knows, too.
        return (refused_after_unknown(outcome.reason),)
    return (Rejected(outcome.reason),)


#: What becomes of a message that is not to be sent any more.
_INSTEAD: dict[ClaimDecision, DeliveryEvent] = {
    "suppress": Suppressed(),
    "too late": too_late(),
    "outcome unknown": outcome_unknown(),
    "opted out meanwhile": opted_out_after_unknown(),
}


def _as_tried(row: SettledRow, settlement: Settlement) -> TryRow:
    outcome = settlement.outcome
    if isinstance(outcome, SendAccepted):
        # Where ACS gave no MessageId, a report may have.
        message_id = outcome.provider_message_id or row.provider_message_id
        return TryRow(row.id, message_id, next_try_at=None, last_error=None, outcome_unknown=False)
    return TryRow(
        row.id,
        row.provider_message_id,
        next_try_at=settlement.next_try_at,
        last_error=outcome.reason,
        outcome_unknown=outcome.is_unknown or settlement.was_unknown,
    )


def _failed_among(settlements: list[Settlement], tried: list[TryRow], now: datetime) -> list[FailedTryRow]:
    """The tries that did not go through, of those that are this process's to judge."""
    ours = {each.id for each in tried}
    return [
        FailedTryRow(each.message.id, each.attempt, now, each.outcome.reason)
        for each in settlements
        if isinstance(each.outcome, SendFailed) and each.message.id in ours
    ]
