"""What becomes of an outbound message: pure functions from a state and what happened to the next state.

    queued ──▶ sent ──▶ delivered | failed | unconfirmed
       │         ▲          newest report by ReceivedTimestamp wins among these
       └─────────┴──▶ failed, unconfirmed, suppressed

A report may come before the answer of the send call: it is applied on top of `queued`, and the late answer adds only
the provider's id.
"""

import re
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from bot.conversation.events import DeliveryReport

Status = Literal["received", "queued", "sent", "delivered", "failed", "suppressed", "unconfirmed"]

#: The delivery states of an outbound message, in the order in which the API counts them.
DELIVERY_STATES: tuple[Status, ...] = ("queued", "sent", "delivered", "failed", "suppressed", "unconfirmed")

#: The carrier gave no report within its time: the message may well have arrived.
NO_REPORT_FROM_CARRIER = 5002
#: The recipient opted out at the carrier's or at Azure's.
RECIPIENT_OPTED_OUT = 4007

_CODE = re.compile(r"(?<!\d)\d{4}(?!\d)")
_BLOCKED = "sender blocked for given recipient"
_SAYS_FAILED = re.compile(r"fail|undeliver|reject|expired", re.IGNORECASE)
#: Where a report without a timestamp stands: before every other.
_FIRST = datetime.fromtimestamp(0, UTC)
#: Among reports with the same timestamp the higher one stands, so that their order of arrival does not matter.
_RANK = {"queued": 0, "sent": 0, "unconfirmed": 1, "failed": 2, "delivered": 3}


class DeliveryState(Struct, frozen=True, kw_only=True):
    """How a message stands on its way to the phone."""

    status: Status
    details: str | None = None
    #: The ReceivedTimestamp of the newest report that was applied; None before any.
    reported_at: datetime | None = None


def code_of(details: str | None) -> int | None:
    """The four-digit code in a report's DeliveryStatusDetails, whatever it is wrapped in."""
    if not details:
        return None
    found = _CODE.search(details)
    return int(found.group()) if found else None


def says_opted_out(report: DeliveryReport) -> bool:
    """Whether a report says that the recipient blocks our number."""
    details = report.details or ""
    return code_of(details) == RECIPIENT_OPTED_OUT or _BLOCKED in details.casefold()


def status_of(report: DeliveryReport) -> Status | None:
    """The final state that a report speaks of; None for a word that Azure has not documented."""
    said = report.status.strip().casefold()
    if said == "delivered":
        return "delivered"
    if _SAYS_FAILED.search(said):
        return "unconfirmed" if code_of(report.details) == NO_REPORT_FROM_CARRIER else "failed"
    return None


def after_report(state: DeliveryState, report: DeliveryReport) -> DeliveryState:
    """The state once `report` is known; the same object when the report is no news."""
    if state.status in ("suppressed", "received"):
        return state
    status = status_of(report)
    if status is None:
        return _after_unknown_word(state, report)
    moment = report.reported_at or _FIRST
    if state.reported_at is not None:
        if moment < state.reported_at:
            return state
        if moment == state.reported_at and _RANK[status] <= _RANK[state.status]:
            return state
    return DeliveryState(status=status, details=report.details, reported_at=moment)


def after_accepted(state: DeliveryState) -> DeliveryState:
    """The state once ACS has taken the message; a report that overtook this answer stands."""
    return replace(state, status="sent", details=None) if state.status == "queued" else state


def after_refused(state: DeliveryState, reason: str) -> DeliveryState:
    """The state once ACS has refused the message for good, or it became too late to send it."""
    return DeliveryState(status="failed", details=reason) if state.status == "queued" else state


def after_silence(state: DeliveryState, reason: str) -> DeliveryState:
    """The state once nobody can know any more whether the message arrived."""
    if state.status not in ("queued", "sent"):
        return state
    return DeliveryState(status="unconfirmed", details=reason, reported_at=state.reported_at)


def _after_unknown_word(state: DeliveryState, report: DeliveryReport) -> DeliveryState:
    if state.reported_at is not None:  # a report that we understand says more
        return state
    details = f"{report.status}: {report.details}" if report.details else report.status
    return state if details == state.details else replace(state, details=details)
