"""The rows that the outbox reads and writes, and the statements for many of them at once."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Integer, bindparam, literal_column, null, select, true

from bot.conversation.delivery import DeliveryState, Status
from bot.conversation.status_changes import STORED_COLUMNS, StoredMessage
from bot.storage.bulk import BulkInsert, BulkUpdate
from bot.storage.inbox_tables import tries
from bot.storage.lookups import LookupByKeys, PreparedSelect
from bot.storage.sql import direction_is, status_is
from bot.storage.tables import conversations, messages

_QUEUED_MESSAGES = (
    select(
        messages.c.id,
        messages.c.conversation_id,
        conversations.c.peer,
        messages.c.text,
        messages.c.attempts,
        messages.c.next_try_at,
        messages.c.call_tag,
        messages.c.rule,
        messages.c.in_reply_to,
    )
    .join(conversations, conversations.c.id == messages.c.conversation_id)
    .where(
        status_is("queued"),
        messages.c.number == bindparam("number"),
        messages.c.id > bindparam("after"),
    )
    .order_by(messages.c.id)
    .limit(bindparam("most", type_=Integer))
)
QUEUED_MESSAGES = PreparedSelect(_QUEUED_MESSAGES)
#: Where a number has reached its ceiling: what confirms an opt-out, and what was tried before.
QUEUED_ALL_THE_SAME = PreparedSelect(
    _QUEUED_MESSAGES.where(messages.c.exempt.is_(true()) | (messages.c.attempts > 0))
)


class ClaimableRow(NamedTuple):
    """What must be known of a message to claim it."""

    id: str
    conversation_id: str
    provider_message_id: str | None
    status: Status
    status_details: str | None
    failure_code: str | None
    reported_at: datetime | None
    rule: str | None
    in_reply_to: str | None
    updated_at: datetime
    created_at: datetime
    exempt: bool | None
    repeatability_id: str | None
    first_sent_at: datetime | None
    outcome_unknown: bool
    call_tag: str | None
    attempts: int
    next_try_at: datetime | None
    lease_holder: str | None
    lease_until: datetime | None
    opted_out: bool
    #: The status of the outbound message before it in its conversation: the lane may not know of that one yet.
    status_before: Status | None

    def stored(self) -> StoredMessage:
        """What must be known to move the delivery state."""
        return StoredMessage._make(self[: len(STORED_COLUMNS)])


_CLAIMABLE = (
    select(
        *STORED_COLUMNS,
        messages.c.created_at,
        messages.c.exempt,
        messages.c.repeatability_id,
        messages.c.first_sent_at,
        messages.c.outcome_unknown,
        messages.c.call_tag,
        messages.c.attempts,
        messages.c.next_try_at,
        messages.c.lease_holder,
        messages.c.lease_until,
        conversations.c.opted_out,
    )
    .join(conversations, conversations.c.id == messages.c.conversation_id)
    .order_by(messages.c.id)
    .with_for_update(of=messages)
)
_before = messages.alias("before")
_STATUS_BEFORE = (
    select(_before.c.status)
    .where(
        _before.c.conversation_id == messages.c.conversation_id,
        _before.c.position < messages.c.position,
        direction_is("outbound", _before.c.direction),
    )
    .order_by(_before.c.position.desc())
    .limit(literal_column("1"))
    .offset(literal_column("0"))  # else SQLite's dialect makes a parameter of it
    .scalar_subquery()
)
CLAIMABLE = LookupByKeys(_CLAIMABLE.add_columns(_STATUS_BEFORE.label("status_before")), messages.c.id)


class LeaseRow(NamedTuple):
    """What a claim writes."""

    id: str
    repeatability_id: str
    first_sent_at: datetime
    call_tag: str
    lease_holder: str
    lease_until: datetime


CLAIM = BulkUpdate(
    messages,
    LeaseRow,
    constants={"attempts": literal_column("attempts + 1"), "outcome_unknown": true()},
)


class SettledRow(NamedTuple):
    """What must be known of a message to record how a try of it ended."""

    id: str
    conversation_id: str
    provider_message_id: str | None
    status: Status
    status_details: str | None
    failure_code: str | None
    reported_at: datetime | None
    rule: str | None
    in_reply_to: str | None
    updated_at: datetime
    attempts: int
    lease_holder: str | None

    def stored(self) -> StoredMessage:
        """What must be known to move the delivery state."""
        return StoredMessage._make(self[: len(STORED_COLUMNS)])


SETTLED = LookupByKeys(
    select(*STORED_COLUMNS, messages.c.attempts, messages.c.lease_holder)
    .order_by(messages.c.id)
    .with_for_update(),
    messages.c.id,
)


class TryRow(NamedTuple):
    """What the end of a try writes."""

    id: str
    provider_message_id: str | None
    next_try_at: datetime | None
    last_error: str | None
    outcome_unknown: bool


class PairRow(NamedTuple):
    """The repeatability pair of a message."""

    id: str
    repeatability_id: str | None
    first_sent_at: datetime | None


class MovedTryRow(NamedTuple):
    """What the end of a try writes where it moves the message's delivery state, too: a message is updated once."""

    id: str
    provider_message_id: str | None
    next_try_at: datetime | None
    last_error: str | None
    outcome_unknown: bool
    status: str
    status_details: str | None
    failure_code: str | None
    reported_at: datetime | None
    updated_at: datetime


class FailedTryRow(NamedTuple):
    """A try that did not go through."""

    message_id: str
    attempt: int
    at: datetime
    reason: str


INSERT_FAILED_TRIES = BulkInsert(tries, FailedTryRow)
_NO_LEASE = {"lease_holder": null(), "lease_until": null()}
SETTLE = BulkUpdate(messages, TryRow, constants=_NO_LEASE)
SETTLE_MOVED = BulkUpdate(messages, MovedTryRow, constants=_NO_LEASE)
FORGET_PAIR = BulkUpdate(messages, PairRow)


def moved_row(row: TryRow, state: DeliveryState, now: datetime) -> MovedTryRow:
    """How a try has left its row, which has another status by it."""
    return MovedTryRow(
        *row,
        status=state.status,
        status_details=state.details,
        failure_code=state.failure_code,
        reported_at=state.reported_at,
        updated_at=now,
    )
