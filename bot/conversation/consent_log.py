"""What was said of whether messages are wanted: each opt-out and opt-in as a row that stays."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from uuid_utils import uuid7

from bot.conversation.facts import ConsentSource
from bot.rulebook.decision import ConversationState, Decision
from bot.storage.bulk import BulkInsert
from bot.storage.consent_tables import consent_changes


class ConsentRow(NamedTuple):
    """A row of `consent_changes`."""

    id: str
    conversation_id: str
    number: str
    peer: str
    opted_out: bool
    source: ConsentSource
    at: datetime
    noted_at: datetime
    message_id: str | None = None
    provider_message_id: str | None = None
    words: str | None = None
    our_words: Sequence[str] | None = None
    rule: str | None = None
    book_version: str | None = None
    by: str | None = None


class Said(NamedTuple):
    """A message, as far as it may say something of consent."""

    message_id: str
    provider_message_id: str
    #: None where only its row has it.
    text: str | None
    #: When it was written, by Azure's time.
    written: datetime


def consent_rows(
    whose: tuple[str, str, str],
    before: ConversationState,
    decision: Decision,
    said: Said,
    version: str,
    now: datetime,
) -> list[ConsentRow]:
    """The row of an opt-out or opt-in by a message, also of a repeated one; none where it says nothing of that.

    `whose`: the ids of the conversation, of our number and of the peer.
    """
    after = decision.after
    if after.consent_at == before.consent_at and after.opted_out == before.opted_out:
        return []
    return [
        ConsentRow(
            str(uuid7()), *whose, after.opted_out, "message", said.written, now, said.message_id,
            said.provider_message_id, said.text, list(decision.replies), decision.rule, version, None,
        )
    ]  # fmt: skip


INSERT_CONSENTS = BulkInsert(consent_changes, ConsentRow)
