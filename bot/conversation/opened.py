"""A conversation while a transaction adds messages to it: read once, changed in memory, written once."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.conversation.events import Inbound
from bot.conversation.tables import conversations
from bot.rulebook.decision import Decision, Standing
from bot.text.segments import measure

#: Why a message was never sent, as its history says it.
OPTED_OUT = "The recipient has opted out."

_NEWCOMER = Standing()
_CHANGING = (
    "opted_out", "handed_over", "tags", "memory", "last_position", "last_message_at", "last_text",
    "latest_outbound_id", "delivery",
)  # fmt: skip
_UPDATE_CONVERSATION = (
    update(conversations)
    .where(conversations.c.id == bindparam("key"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGING})
)


class OpenConversation:
    """A conversation while a transaction adds messages to it."""

    __slots__ = (
        "changed", "created_at", "delivery", "id", "is_new", "last_message_at", "last_position", "last_text",
        "latest_outbound_id", "number", "peer", "standing",
    )  # fmt: skip

    def __init__(self, number: str, peer: str, now: datetime) -> None:
        self.id = str(uuid7())
        self.number = number
        self.peer = peer
        self.is_new = True
        self.changed = False
        self.standing = _NEWCOMER
        self.last_position = 0
        self.last_message_at = now
        self.last_text = ""
        self.latest_outbound_id: str | None = None
        self.delivery: str | None = None
        self.created_at = now

    @classmethod
    def stored(cls, row: Any) -> "OpenConversation":
        """A conversation as the database has it."""
        self = cls.__new__(cls)
        self.id, self.number, self.peer = row.id, row.number, row.peer
        self.is_new = self.changed = False
        self.last_position, self.last_message_at, self.last_text = (
            row.last_position,
            row.last_message_at,
            row.last_text,
        )
        self.latest_outbound_id, self.delivery, self.created_at = (
            row.latest_outbound_id,
            row.delivery,
            row.created_at,
        )
        memory = row.memory or {}
        self.standing = msgspec.convert(
            {
                "opted_out": row.opted_out,
                "handed_over": row.handed_over,
                "known": True,
                "tags": row.tags or (),
                **memory,
            },
            Standing,
        )
        return self

    def hear(
        self, message: Inbound, decision: Decision, version: str, now: datetime, rows: list[dict[str, Any]]
    ) -> bool:
        """Add an inbound message and the replies to it to `rows`; True when one of them is to be sent."""
        self.standing = decision.after
        heard = self._message(rows, message.text, "inbound", "received", now)
        heard["provider_message_id"] = message.message_id
        heard["received_at"] = message.received_at
        heard["rule"] = decision.rule
        heard["book_version"] = version
        for text in decision.replies:
            reply = self.say(rows, text, now, exempt=decision.exempt)
            reply["rule"], reply["in_reply_to"], reply["book_version"] = decision.rule, heard["id"], version
        for text in decision.withheld if decision.silence == "opted out" else ():
            reply = self.say(rows, text, now, status="suppressed")
            reply["rule"], reply["in_reply_to"], reply["book_version"] = decision.rule, heard["id"], version
        return bool(decision.replies)

    def say(
        self,
        rows: list[dict[str, Any]],
        text: str,
        now: datetime,
        *,
        status: str = "queued",
        exempt: bool = False,
    ) -> dict[str, Any]:
        """Add an outbound message to `rows` and return its row."""
        said = self._message(rows, text, "outbound", status, now)
        said["number"] = self.number
        said["exempt"] = exempt
        if status == "queued":
            # The id is the first repeatability id; its first-sent time is set by the try that first uses it.
            said["repeatability_id"] = said["id"]
        else:
            said["status_details"] = OPTED_OUT
        self.latest_outbound_id, self.delivery = said["id"], status
        return said

    def _message(
        self, rows: list[dict[str, Any]], text: str, direction: str, status: str, now: datetime
    ) -> dict[str, Any]:
        self.changed = True
        self.last_position += 1
        self.last_message_at, self.last_text = now, text
        size = measure(text)
        row = {
            "id": str(uuid7()),
            "conversation_id": self.id,
            "position": self.last_position,
            "direction": direction,
            "text": text,
            "status": status,
            "status_details": None,
            "provider_message_id": None,
            "rule": None,
            "in_reply_to": None,
            "segments": size.segments,
            "encoding": size.encoding,
            "created_at": now,
            "updated_at": now,
            "received_at": None,
            "decision": None,
            "book_version": None,
            "number": None,
            "exempt": None,
            "repeatability_id": None,
        }
        rows.append(row)
        return row

    def row(self) -> dict[str, Any]:
        """The conversation's columns, by name."""
        standing = self.standing
        return {
            "id": self.id,
            "number": self.number,
            "peer": self.peer,
            "opted_out": standing.opted_out,
            "handed_over": standing.handed_over,
            "tags": list(standing.tags) or None,
            "memory": _memory(standing),
            "last_position": self.last_position,
            "last_message_at": self.last_message_at,
            "last_text": self.last_text,
            "latest_outbound_id": self.latest_outbound_id,
            "delivery": self.delivery,
            "created_at": self.created_at,
        }


def _for_update(row: dict[str, Any]) -> dict[str, Any]:
    return {"key": row["id"], **{f"new_{name}": row[name] for name in _CHANGING}}


def _memory(standing: Standing) -> dict[str, Any] | None:
    memory: dict[str, Any] = {}
    if standing.values:
        memory["values"] = standing.values
    if standing.uses:
        memory["uses"] = standing.uses
    if standing.flow is not None:
        memory["flow"] = msgspec.to_builtins(standing.flow)
    return memory or None


async def open_conversations(
    connection: AsyncConnection, wanted: Collection[tuple[str, str]], now: datetime
) -> dict[tuple[str, str], OpenConversation]:
    """Read, and on PostgreSQL lock in key order, the conversations of these (number, peer); begin those not there."""
    query = (
        select(conversations)
        .where(conversations.c.peer.in_({peer for _, peer in wanted}))
        .order_by(conversations.c.peer, conversations.c.number)
        .with_for_update()
    )
    found = await connection.execute(query)
    opened = {(row.number, row.peer): OpenConversation.stored(row) for row in found}
    for number, peer in wanted:
        if (number, peer) not in opened:
            opened[number, peer] = OpenConversation(number, peer, now)
    return opened


async def save_conversations(connection: AsyncConnection, opened: Iterable[OpenConversation]) -> None:
    """Write what has changed."""
    changed = [conversation for conversation in opened if conversation.changed]
    new = [conversation.row() for conversation in changed if conversation.is_new]
    old = [_for_update(conversation.row()) for conversation in changed if not conversation.is_new]
    if new:
        await connection.execute(insert(conversations), new)
    if old:
        await connection.execute(_UPDATE_CONVERSATION, old)
