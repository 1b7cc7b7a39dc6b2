"""Events for others: a CloudEvent for each fact and receiver, written in the fact's own transaction.

The rows are posted by `bot.sending.forwarder`. What is in an event is what the database says when its transaction ends,
but for the state of a message, which is the fact's own.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.clock import Clock, utc_now
from bot.conversation.delivery import code_of
from bot.conversation.facts import AnswerFact, ConsentFact, MessageFact, WaitingFact
from bot.event_receivers import EventReceiver
from bot.storage.bulk import BulkInsert
from bot.storage.event_tables import outgoing_events
from bot.storage.facts import Fact
from bot.storage.lookups import LookupByKeys
from bot.storage.tables import conversations, messages


class MessageData(Struct, frozen=True, kw_only=True):
    """`data` of the events of a message."""

    conversation_id: str
    #: Ours and theirs.
    number: str
    peer: str
    message_id: str
    direction: Literal["inbound", "outbound"]
    text: str
    #: Azure's id; none before Azure gave one.
    provider_message_id: str | None
    rule: str | None
    #: The inbound message that it answers.
    in_reply_to: str | None
    segments: int
    encoding: str
    status: str
    status_details: str | None
    #: Azure's code in `status_details`, such as 4004; none where it has none.
    code: int | None
    #: The bot's own name for why a message was not sent or not confirmed, such as `bot:too-late`.
    failure_code: str | None
    created_at: datetime


class ConsentData(Struct, frozen=True, kw_only=True):
    """`data` of `peer.opted_out` and `peer.opted_in`."""

    conversation_id: str
    number: str
    peer: str
    #: Whose word it is: the peer's own message, the carrier's, a person's, or a list that was imported.
    source: Literal["message", "carrier", "person", "import"]
    #: When they said so.
    at: datetime
    message_id: str | None
    #: What they wrote, where a message said so; else what the person or the list gave as the reason.
    text: str | None


class WaitingData(Struct, frozen=True, kw_only=True):
    """`data` of `conversation.waiting`."""

    conversation_id: str
    number: str
    peer: str
    reason: str
    message_id: str | None
    #: What they wrote last, where a message began it.
    text: str | None


class AnswerData(Struct, frozen=True, kw_only=True):
    """`data` of `answer.finished`."""

    conversation_id: str
    number: str
    peer: str
    answer_id: str
    rule: str
    values: dict[str, str]
    started_at: datetime
    finished_at: datetime | None


class _Message(NamedTuple):
    id: str
    direction: str
    text: str
    provider_message_id: str | None
    rule: str | None
    in_reply_to: str | None
    segments: int
    encoding: str
    created_at: datetime


class _EventRow(NamedTuple):
    event_id: str
    type: str
    receiver: str
    conversation_id: str
    message_id: str | None
    body: str
    created_at: datetime
    updated_at: datetime


class EventLog:
    """Writes the events of a transaction's facts; work for `bot.storage.facts`."""

    def __init__(self, receivers: Sequence[EventReceiver], clock: Clock = utc_now) -> None:
        self._receivers = [(each.place, each.types) for each in receivers]
        self._wanted = frozenset[str]().union(*(types for _, types in self._receivers))
        self._clock = clock

    async def write(self, connection: AsyncConnection, facts: list[Fact]) -> None:
        """Write them, in the order of the facts."""
        told = [(type_of(fact), fact) for fact in facts]
        told = [each for each in told if each[0] in self._wanted]
        if not told:
            return
        peers = {
            key: (number, peer)
            for key, number, peer in await _PEERS.fetch(
                connection, {_conversation_of(fact) for _, fact in told}
            )
        }
        named = {message_id for _, fact in told if (message_id := _message_of(fact))}
        texts = {row[0]: _Message._make(row) for row in await _MESSAGES.fetch(connection, named)}
        now = self._clock()
        rows: list[_EventRow] = []
        for kind, fact in told:
            conversation_id, message_id = _conversation_of(fact), _message_of(fact)
            if conversation_id not in peers:  # erased in the same breath
                continue
            data = _data_of(fact, peers[conversation_id], texts.get(message_id or ""))
            if data is not None:
                rows += self._rows(kind, data, conversation_id, message_id, now)
        await _INSERT_EVENTS.execute(connection, rows)

    def _rows(
        self, kind: str, data: Any, conversation_id: str, message_id: str | None, now: datetime
    ) -> Iterable[_EventRow]:
        event_id = str(uuid7())
        body = msgspec.json.encode(
            {
                "specversion": "1.0",
                "id": event_id,
                "source": f"/conversations/{conversation_id}",
                "type": kind,
                "subject": message_id or conversation_id,
                "time": now,
                "datacontenttype": "application/json",
                "data": data,
            }
        ).decode()
        for place, types in self._receivers:
            if kind in types:
                yield _EventRow(event_id, kind, place, conversation_id, message_id, body, now, now)


def type_of(fact: Fact) -> str:
    """The type of the event that tells a fact; empty for none."""
    match fact:
        case MessageFact():
            return f"message.{fact.status}"
        case ConsentFact():
            return "peer.opted_out" if fact.opted_out else "peer.opted_in"
        case WaitingFact():
            return "conversation.waiting"
        case AnswerFact():
            return "answer.finished"
    return ""


def _conversation_of(fact: Fact) -> str:
    return str(getattr(fact, "conversation_id", ""))


def _message_of(fact: Fact) -> str | None:
    found: str | None = getattr(fact, "message_id", None)
    return found


def _data_of(fact: Fact, ours_and_theirs: tuple[str, str], message: _Message | None) -> Any:
    number, peer = ours_and_theirs
    match fact:
        case MessageFact():
            return None if message is None else _message_data(fact, number, peer, message)
        case ConsentFact():
            said = message.text if message is not None and message.direction == "inbound" else fact.reason
            return ConsentData(
                conversation_id=fact.conversation_id, number=number, peer=peer, source=fact.source, at=fact.at,
                message_id=fact.message_id, text=said,
            )  # fmt: skip
        case WaitingFact():
            return WaitingData(
                conversation_id=fact.conversation_id, number=number, peer=peer, reason=fact.reason,
                message_id=fact.message_id, text=None if message is None else message.text,
            )  # fmt: skip
        case AnswerFact():
            return AnswerData(
                conversation_id=fact.conversation_id, number=number, peer=peer, answer_id=fact.answer_id,
                rule=fact.rule, values=dict(fact.values), started_at=fact.started_at, finished_at=fact.finished_at,
            )  # fmt: skip
    return None


def _message_data(fact: MessageFact, number: str, peer: str, message: _Message) -> MessageData:
    return MessageData(
        conversation_id=fact.conversation_id,
        number=number,
        peer=peer,
        message_id=message.id,
        direction="inbound" if message.direction == "inbound" else "outbound",
        text=message.text,
        provider_message_id=message.provider_message_id,
        rule=message.rule,
        in_reply_to=message.in_reply_to,
        segments=message.segments,
        encoding=message.encoding,
        status=fact.status,
        status_details=fact.details,
        code=code_of(fact.details),
        failure_code=fact.failure_code,
        created_at=message.created_at,
    )


_PEERS = LookupByKeys(
    select(conversations.c.id, conversations.c.number, conversations.c.peer), conversations.c.id
)
_MESSAGES = LookupByKeys(select(*(messages.c[name] for name in _Message._fields)), messages.c.id)
_INSERT_EVENTS = BulkInsert(outgoing_events, _EventRow, constants={"status": "queued"})
