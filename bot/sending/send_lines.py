"""The log's lines for what a call to ACS has done."""

from collections.abc import Sequence
from datetime import datetime

from bot.conversation.message_lines import MessageLine, MessageLines, born_at
from bot.sending.retry import RetryDecision
from bot.sending.sms_service import SendAccepted


def tell_sends(message_log: MessageLines, decisions: Sequence[RetryDecision], now: datetime) -> None:
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


def _outcome_of(decision: RetryDecision) -> str:
    if isinstance(decision.settlement.outcome, SendAccepted):
        return "sent"
    return "failed" if decision.again is None else "tried again"
