"""What becomes of an outbound message: `next_state`, a pure function from a state and what happened to the next one.

    queued ──▶ sent ──▶ delivered | failed | unconfirmed      the newest report decides among these three
       └──────▶ failed, unconfirmed, suppressed               what never got an answer from ACS, or a final no

Events may come in any order and any number of times: the end is the same. A report may come before the answer of the
send call, which then adds nothing but the provider's id; a late `sent` never takes back a `delivered`.
"""

import re
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from bot.conversation.events import DeliveryReport

Status = Literal[
    # Inbound: it is stored, and the reply to it decided.
    "received",
    # It is stored and ACS has not accepted it yet: it is being sent or waits for the next try.
    "queued",
    # ACS has accepted it, and no delivery report has come.
    "sent",
    # A delivery report says that it has arrived.
    "delivered",
    # A delivery report says that it has not arrived, or it was never accepted and will not be tried again.
    "failed",
    # It was not sent and will not be: the recipient has opted out.
    "suppressed",
    # Nobody can know whether it has arrived; a late report still decides.
    "unconfirmed",
]

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


class FailureCode(StrEnum):
    """Why a message was not sent or not confirmed, where that is the bot's own finding.

    The values are stored and shown by the API: they never change. What a carrier finds has Azure's codes.
    """

    #: It waited longer than BOT_REPLY_TTL.
    TOO_LATE = "bot:too-late"
    #: The recipient has opted out.
    OPTED_OUT = "bot:opted-out"
    #: A try got no answer, and it is too late to repeat it with the same repeatability pair.
    OUTCOME_UNKNOWN = "bot:outcome-unknown"
    #: A try got no answer, and ACS refused a later one.
    REFUSED_AFTER_UNKNOWN = "bot:refused-after-unknown"
    OPTED_OUT_AFTER_UNKNOWN = "bot:opted-out-after-unknown"
    #: No delivery report came within BOT_REPORT_TIMEOUT.
    NO_REPORT = "bot:no-report"
    #: The database came from a backup, and the message may have been sent since that was made.
    RESTORED = "bot:restored"


#: What a message's history says of each; a reason of ACS may follow.
SENTENCES: dict[FailureCode, str] = {
    FailureCode.TOO_LATE: "Too late: it waited longer than BOT_REPLY_TTL.",
    FailureCode.OPTED_OUT: "The recipient has opted out.",
    FailureCode.OUTCOME_UNKNOWN: "It may have been sent: no answer came from ACS while it could still tell a"
    " repeat from a new message.",
    FailureCode.REFUSED_AFTER_UNKNOWN: "It may have been sent: a try got no answer from ACS, and a later one this:",
    FailureCode.OPTED_OUT_AFTER_UNKNOWN: (
        "It may have been sent: a try got no answer from ACS, and then the recipient opted out."
    ),
    FailureCode.NO_REPORT: "No delivery report came within BOT_REPORT_TIMEOUT.",
    FailureCode.RESTORED: (
        "It may have been sent: the database came from a backup, and nobody knows what was sent after that was made."
    ),
}


class DeliveryState(Struct, frozen=True, kw_only=True):
    """How a message stands on its way to the phone."""

    status: Status
    details: str | None = None
    #: None: the reason is ACS's or a carrier's.
    failure_code: str | None = None
    #: The ReceivedTimestamp of the report that `details` are from; None when they are not from a report.
    reported_at: datetime | None = None


class Accepted(Struct, frozen=True):
    """ACS has taken the message."""


class Rejected(Struct, frozen=True):
    """ACS never accepted the message, and it is not tried again: ACS refused every try, or it became too late."""

    reason: str
    failure_code: FailureCode | None = None


class Suppressed(Struct, frozen=True):
    """The message was not sent and must not be: the recipient has opted out."""

    reason: str = SENTENCES[FailureCode.OPTED_OUT]
    failure_code: FailureCode = FailureCode.OPTED_OUT


class NoAnswer(Struct, frozen=True):
    """Nobody can know any more whether the message was sent, or whether it arrived."""

    reason: str
    failure_code: FailureCode | None = None


DeliveryEvent = Accepted | Rejected | Suppressed | NoAnswer | DeliveryReport

ACCEPTED = Accepted()


def too_late() -> Rejected:
    """The message waited longer than BOT_REPLY_TTL."""
    return Rejected(SENTENCES[FailureCode.TOO_LATE], FailureCode.TOO_LATE)


def outcome_unknown() -> NoAnswer:
    """A try got no answer, and it is too late to repeat it."""
    return NoAnswer(SENTENCES[FailureCode.OUTCOME_UNKNOWN], FailureCode.OUTCOME_UNKNOWN)


def refused_after_unknown(reason: str) -> NoAnswer:
    """A try got no answer, and ACS refused a later one for this reason."""
    sentence = SENTENCES[FailureCode.REFUSED_AFTER_UNKNOWN]
    return NoAnswer(f"{sentence} {reason}", FailureCode.REFUSED_AFTER_UNKNOWN)


def opted_out_after_unknown() -> NoAnswer:
    """A try got no answer, and the recipient opted out before it could be repeated."""
    code = FailureCode.OPTED_OUT_AFTER_UNKNOWN
    return NoAnswer(SENTENCES[code], code)


def no_report() -> NoAnswer:
    """No delivery report came within BOT_REPORT_TIMEOUT."""
    return NoAnswer(SENTENCES[FailureCode.NO_REPORT], FailureCode.NO_REPORT)


def next_state(state: DeliveryState, event: DeliveryEvent) -> DeliveryState:
    """The state after an event; `state` itself when nothing changes."""
    match event:
        case DeliveryReport():
            return _after_report(state, event)
        case Accepted():
            return replace(state, status="sent") if state.status == "queued" else state
        case Rejected():
            return _ended("failed", event) if state.status == "queued" else state
        case Suppressed():
            return _ended("suppressed", event) if state.status == "queued" else state
        case NoAnswer():
            return _ended("unconfirmed", event) if state.status in ("queued", "sent") else state
    assert_never(event)


def _ended(status: Status, event: Rejected | Suppressed | NoAnswer) -> DeliveryState:
    return DeliveryState(status=status, details=event.reason, failure_code=event.failure_code)


def status_of(report: DeliveryReport) -> Status | None:
    """The final state that a report speaks of; None for words that say none.

    `unconfirmed` says that no report came in time: a status such as `Expired`, the code 5002, or details that speak of
    a timeout and have no code.
    """
    return status_said(report.status, report.details)


@lru_cache(maxsize=256)  # nearly all reports say one of a few things
def status_said(status: str, details: str | None) -> Status | None:
    """The final state that a report with this status and these details speaks of, as `status_of` has it."""
    said = _said_by(status)
    if said == "delivered":
        return said
    code = code_of(details)
    has_timed_out = code is None and is_timeout(details or "")
    if code == NO_REPORT_FROM_CARRIER or is_timeout(status) or has_timed_out:
        return "unconfirmed"
    return said


def _said_by(status: str) -> Status | None:
    said = [word.casefold() for word in _WORD.findall(status)]
    if said == ["delivered"]:
        return "delivered"
    says_failed = any(
        word == "delivered" if before in _SAY_NOT else word in _SAY_FAILED
        for before, word in zip(["", *said], said, strict=False)
    )
    return "failed" if says_failed else None


@lru_cache(maxsize=256)
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
    return report.details is not None and _say_opted_out(report.details)


@lru_cache(maxsize=256)
def _say_opted_out(details: str) -> bool:
    return code_of(details) == RECIPIENT_OPTED_OUT or says_blocked(details)


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


def _report_rank(state: DeliveryState) -> tuple[datetime, int, bool, str]:
    """Which of two reports decides: the greater one. No two reports that leave different states are equal."""
    has_details = state.details is not None
    return state.reported_at or _FIRST, _RANK[state.status], has_details, state.details or ""
