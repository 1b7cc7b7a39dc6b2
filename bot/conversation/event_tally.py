"""What became of each event, and what is counted of it once it is stored."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from msgspec import Struct

from bot.conversation.delivery import code_of, status_said
from bot.conversation.events import DeliveryReport, Event
from bot.conversation.message_lines import MessageLine, MessageLineLog
from bot.conversation.status_changes import StoredMessage
from bot.measures import Measures
from bot.rulebook.decision import Decision, HeldBack
from bot.text.storable import one_line


class Receipt(Struct, frozen=True, gc=False):
    """What became of one event."""

    outcome: str
    #: The sending number that has something to send now; None when there is no reply.
    lane: str | None = None
    #: A message was queued to be forwarded.
    has_forward: bool = False
    #: Something is to be fetched before the reply.
    has_fetch: bool = False
    #: What held the reply back.
    held_back_by: HeldBack | None = None
    #: What the log says of it, where it is a report; None where it says nothing.
    line: MessageLine | None = None
    #: Of a new message: the rule that decided, and what came of it.
    came_of_it: tuple[str, str] | None = None
    #: Of a new message: our id of it, and its conversation.
    stored_as: tuple[str, str] | None = None


def outcome_of(decision: Decision) -> str:
    """What came of a message, in a word or two."""
    silent = "asks elsewhere" if decision.fetch else "no reply"
    return decision.held_back_by or ("answered" if decision.replies else silent)


def count_events(measures: Measures, events: Sequence[Event], receipts: Sequence[Receipt]) -> None:
    """Count the new messages by rule and outcome, and the new delivery reports by what they say."""
    received, reported = measures.received.add_series, measures.reports.add_series
    for event, receipt in zip(events, receipts, strict=True):
        if receipt.came_of_it is not None:
            received(receipt.came_of_it)
        elif isinstance(event, DeliveryReport) and receipt.outcome != "duplicate":
            reported(_series_of(event.status, event.details))


@lru_cache(maxsize=256)  # nearly all reports say one of a few things
def _series_of(status: str, details: str | None) -> tuple[str, str]:
    """What a report says: a state and a code."""
    code = code_of(details)
    return status_said(status, details) or "unclear", "" if code is None else str(code)


def report_line(
    row: StoredMessage, report: DeliveryReport, message_log: MessageLineLog, now: datetime
) -> MessageLine:
    """What the log says of a delivery report once it is stored."""
    spent = round((now - row.updated_at).total_seconds() * 1_000, 1)
    return MessageLine(
        "message_reported", "A message was reported on", now, row.in_reply_to or row.id, row.id, row.conversation_id,
        row.rule, _outcome_said(report.status), spent, message_log.peer(report.peer or ""),
    )  # fmt: skip


@lru_cache(maxsize=256)
def _outcome_said(status: str) -> str:
    return one_line(status.lower(), 32)
