"""The facts that others hear of as events: what transactions of this room and of those above it note."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from bot.conversation.delivery import SENTENCES, FailureCode
from bot.rulebook.decision import ConversationState
from bot.storage.facts import Fact

#: Who or what said that a peer wants messages or not.
ConsentSource = Literal["message", "carrier", "person", "import"]


class MessageFact(Fact, frozen=True, kw_only=True):
    """A message has come into a state that others hear of."""

    message_id: str
    conversation_id: str
    #: `received`, or a delivery state.
    status: str
    details: str | None = None
    failure_code: str | None = None


class ConsentFact(Fact, frozen=True, kw_only=True):
    """A peer has opted out or in."""

    conversation_id: str
    opted_out: bool
    source: ConsentSource
    #: When they said so, by their own time.
    at: datetime
    #: The message in which they did, or whose report says so.
    message_id: str | None = None
    reason: str | None = None


class WaitingFact(Fact, frozen=True, kw_only=True):
    """A conversation waits for a person."""

    conversation_id: str
    reason: str
    message_id: str | None = None


class AnswerFact(Fact, frozen=True, kw_only=True):
    """A row of answers is complete."""

    answer_id: str
    conversation_id: str
    rule: str
    values: Mapping[str, str]
    started_at: datetime
    finished_at: datetime | None


#: The delivery states that others hear of.
TOLD_STATES = frozenset({"sent", "delivered", "failed", "unconfirmed"})


def born_fact(message_id: str, conversation_id: str, status: str, code: FailureCode | None) -> MessageFact:
    """That a message was stored in a state that others hear of."""
    return MessageFact(
        message_id=message_id,
        conversation_id=conversation_id,
        status=status,
        details=None if code is None else SENTENCES[code],
        failure_code=code,
    )


def consent_facts(
    conversation_id: str, before: ConversationState, after: ConversationState, at: datetime, message_id: str
) -> list[Fact]:
    """That a peer has opted out or in by a message; none where nothing of that has changed."""
    if after.opted_out == before.opted_out:
        return []
    return [
        ConsentFact(
            conversation_id=conversation_id,
            opted_out=after.opted_out,
            source="message",
            at=at,
            message_id=message_id,
        )
    ]
