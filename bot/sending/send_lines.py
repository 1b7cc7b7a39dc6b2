"""What a call to ACS has done: its lines in the log, and what is counted and timed of it."""

from collections.abc import Sequence
from datetime import datetime

from bot.conversation.message_lines import MessageLine, MessageLineLog, born_at
from bot.measures import Measures
from bot.sending.retry import RetryDecision
from bot.sending.sms_service import SendAccepted

#: Seconds; what a rule asks elsewhere is answered or given up long before.
_LATER = 120.0


def tell_sends(message_log: MessageLineLog, decisions: Sequence[RetryDecision], now: datetime) -> None:
    """A line for each message of a call, once how it ended is recorded."""
    if message_log.sink is None:
        return
    seconds = now.timestamp()
    message_log.sink(
        [
            MessageLine(
                "message_sent",
                "A message was sent" if outcome == "sent" else "A message could not be sent",
                now,
                message.in_reply_to or message.id,
                message.id,
                message.conversation_id,
                message.rule,
                outcome,
                round((seconds - born_at(message.id)) * 1_000, 1),
                message_log.peer(message.peer),
                message_log.text(message.text),
            )
            for each in decisions
            for message, outcome in [(each.settlement.message, _outcome_of(each))]
        ]
    )


def count_sends(measures: Measures, decisions: Sequence[RetryDecision], now: datetime) -> None:
    """Count how each message of a call ended, and how long the replies took that ACS accepted.

    What was decided later than its message (sent again by a person, say) is no reply whose time means anything.
    """
    seconds = now.timestamp()
    for each in decisions:
        outcome, message = _outcome_of(each), each.settlement.message
        measures.sends.add(outcome)
        if outcome == "sent" and message.in_reply_to is not None:
            asked_at = born_at(message.in_reply_to)
            if born_at(message.id) - asked_at < _LATER:
                measures.reply.add(seconds - asked_at)


def _outcome_of(decision: RetryDecision) -> str:
    if isinstance(decision.settlement.outcome, SendAccepted):
        return "sent"
    return "failed" if decision.again is None else "tried again"
