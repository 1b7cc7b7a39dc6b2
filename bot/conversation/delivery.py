"""What becomes of an outbound message: `next_state`, a pure function from a state and what happened to the next one.

    queued ──▶ sent ──▶ delivered | failed | unconfirmed      the newest report decides among these three
       └──────▶ failed, unconfirmed, suppressed               what never got an answer from ACS, or a final no

What happened may be heard in any order and any number of times: the end is the same. A report may come before the
answer of the send call, which then adds nothing but the provider's id; a late `sent` never takes back a `delivered`.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
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

#: The codes of Azure's page (docs: communication-services/resources/troubleshooting/voice-video-calling/
#: troubleshooting-codes, SMS). Another number of four digits, such as a year, is no code.
KNOWN_CODES = frozenset(
    {2000, 4000, 4001, 4002, 4003, 4004, 4005, 4006, 4007, 4008, 4010, 4020, 5000, 5001, 5002, 9999}
)

#: Four digits that are not part of a longer number, of a date or of a fraction.
_CODE = re.compile(r"(?<!\d)(?<!\d[-/.])\d{4}(?!\d)(?![-/.]\d)")
_BLOCKED = "sender blocked for given recipient"
#: What Azure and carriers call a report that did not come in time: the message may have arrived.
_TIMED_OUT = re.compile(r"timed?[\s_-]*out|expired", re.IGNORECASE)
#: The words of a status such as "DeliveryFailed", "NOT_DELIVERED", "rejected by carrier".
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_SAY_FAILED = {
    "fail", "failed", "failure", "undelivered", "undeliverable", "undeliv", "rejected", "rejectd", "reject",
    "deleted", "blocked",
}  # fmt: skip
#: Words of Azure's that the state says again.
_PLAIN_STATUSES = {"delivered", "failed"}
_SAY_NOT = {"no", "not", "non", "never", "un"}
#: Where a report without a timestamp stands: before every other.
_FIRST = datetime.fromtimestamp(0, UTC)
#: Among reports with the same timestamp the higher one stands, so that their order of arrival does not matter.
_RANK = {"queued": 0, "sent": 0, "unconfirmed": 1, "failed": 2, "delivered": 3}


class DeliveryState(Struct, frozen=True, kw_only=True):
    """How a message stands on its way to the phone."""

    status: Status
    details: str | None = None
    #: The ReceivedTimestamp of the report that `details` are from; None when they are not from a report.
    reported_at: datetime | None = None


class Accepted(Struct, frozen=True):
    """ACS has taken the message."""


class Rejected(Struct, frozen=True):
    """It was never taken and will never be tried again: ACS refused every try, or it became too late."""

    reason: str


class Suppressed(Struct, frozen=True):
    """It was not sent, and must not be: the recipient has opted out."""

    reason: str


class NoAnswer(Struct, frozen=True):
    """Nobody can know any more whether it was sent, or whether it arrived."""

    reason: str


DeliveryEvent = Accepted | Rejected | Suppressed | NoAnswer | DeliveryReport

ACCEPTED = Accepted()


def next_state(state: DeliveryState, happened: DeliveryEvent) -> DeliveryState:
    """The state after what happened; the same object when it is no news."""
    match happened:
        case DeliveryReport():
            return _after_report(state, happened)
        case Accepted() if state.status == "queued":
            return replace(state, status="sent")
        case Rejected(reason) if state.status == "queued":
            return DeliveryState(status="failed", details=reason)
        case Suppressed(reason) if state.status == "queued":
            return DeliveryState(status="suppressed", details=reason)
        case NoAnswer(reason) if state.status in ("queued", "sent"):
            return DeliveryState(status="unconfirmed", details=reason)
    return state


def status_of(report: DeliveryReport) -> Status | None:
    """The final state that a report speaks of; None for words that say none.

    `unconfirmed` says that no report came in time: a status such as `Expired`, the code 5002, or details that speak of
    a timeout and have no code.
    """
    said = _said_by(report.status)
    if said == "delivered":
        return said
    code = code_of(report.details)
    has_timed_out = code is None and is_timeout(report.details or "")
    if code == NO_REPORT_FROM_CARRIER or is_timeout(report.status) or has_timed_out:
        return "unconfirmed"
    return said


@lru_cache(maxsize=256)
def _said_by(status: str) -> Status | None:
    said = [word.casefold() for word in _WORD.findall(status)]
    if said == ["delivered"]:
        return "delivered"
    says_failed = any(
        word == "delivered" if before in _SAY_NOT else word in _SAY_FAILED
        for before, word in zip(["", *said], said, strict=False)
    )
    return "failed" if says_failed else None


def code_of(details: str | None) -> int | None:
    """The first known code in a report's DeliveryStatusDetails, whatever it is wrapped in."""
    codes = (int(found) for found in _CODE.findall(details or ""))
    return next((code for code in codes if code in KNOWN_CODES), None)


def details_of(report: DeliveryReport) -> str | None:
    """What a report says, for people: Azure's word is part of it unless it is the name of a state."""
    if report.status.strip().casefold() in _PLAIN_STATUSES:
        return report.details
    return f"{report.status}: {report.details}" if report.details else report.status


def says_opted_out(report: DeliveryReport) -> bool:
    """Whether a report says that the recipient blocks our number."""
    details = report.details
    return details is not None and (code_of(details) == RECIPIENT_OPTED_OUT or says_blocked(details))


def says_blocked(details: str) -> bool:
    """Whether details say so in words, without a code."""
    return _BLOCKED in details.casefold()


def is_timeout(words: str) -> bool:
    """Whether Azure's words say that no report came in time: the message may have arrived."""
    return _TIMED_OUT.search(words) is not None


def _after_report(state: DeliveryState, report: DeliveryReport) -> DeliveryState:
    if state.status in ("suppressed", "received"):
        return state
    moment, status = report.reported_at or _FIRST, status_of(report)
    if status is None:
        # It is shown while nothing better is known, and decides nothing.
        if state.status not in ("queued", "sent"):
            return state
        after = replace(state, details=details_of(report), reported_at=moment)
    else:
        after = DeliveryState(status=status, details=details_of(report), reported_at=moment)
        if state.status in ("queued", "sent"):
            return after
    return after if state.reported_at is None or _report_rank(after) > _report_rank(state) else state


def _report_rank(state: DeliveryState) -> tuple[datetime, int, str]:
    """Which of two reports decides: the greater one."""
    return state.reported_at or _FIRST, _RANK[state.status], state.details or ""
