"""What is to be said to conversations later: the rows, and what cancels them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import Row, Select, exists, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.clock import PastState
from bot.rulebook.decision import Decision
from bot.rulebook.follow_up import FollowUp
from bot.storage.bulk import BulkInsert
from bot.storage.commits import mark_changed
from bot.storage.pages import Order, Page, read_page
from bot.storage.sql import status_is
from bot.storage.tables import conversations, messages
from bot.storage.task_tables import follow_ups
from bot.text.languages import in_language

#: Why something was not said. These are stored and shown: they never change.
OPTED_OUT = "they opted out"
TAKEN_OVER = "a person took over"
ANSWERED = "they wrote meanwhile"
ASKED_AGAIN = "the rule answered again"
RULE_GONE = "the rule is gone"
BY_PERSON = "a person cancelled it"
TOO_LATE: Mapping[PastState, str] = {
    "stopped": "the bot was stopped when it was due, and it was more than an hour late",
    "wrong clock": "the clock of the bot was wrong when it was due, and it was more than an hour late",
    "running": "it could not be said when it was due, and it was more than an hour late",
}
WRONG_HOUR: Mapping[PastState, str] = {
    "stopped": "the bot was stopped when it was due, and then it was night",
    "wrong clock": "the clock of the bot was wrong when it was due, and then it was night",
    "running": "it could not be said when it was due, and then it was night",
}
#: Why something was not said that had missed its time.
MISSED = frozenset([*TOO_LATE.values(), *WRONG_HOUR.values()])
LOOP_GUARD = "this conversation got as many replies in an hour as BOT_REPLIES_PER_HOUR allows"

#: Stands for every language that has no texts of its own.
_ANY = ""
#: A page shows no more of what waits; a rule's new follow-ups take the place of its old ones, so few do.
_MOST_WAITING = 200
_FIRST_DUE_FIRST = Order(follow_ups.c.due_at, follow_ups.c.id)


class FollowUpRow(NamedTuple):
    """A follow-up to insert; it waits."""

    id: str
    conversation_id: str
    message_id: str
    position: int
    rule: str
    due_at: datetime
    texts: Sequence[str] | Mapping[str, Sequence[str]]
    unless_answered: bool
    hours: str
    zones: Sequence[str]
    created_at: datetime
    updated_at: datetime


#: Of a follow-up that is yet to be said.
IS_WAITING = status_is("waiting", follow_ups.c.status)
_INSERT = BulkInsert(follow_ups, FollowUpRow, constants={"status": "waiting"})


def follow_up_rows(
    decision: Decision, *, conversation_id: str, message_id: str, position: int, now: datetime
) -> list[FollowUpRow]:
    """What a decision says later."""
    return [
        FollowUpRow(
            str(uuid7()), conversation_id, message_id, position, decision.rule or "", each.due_at, _stored(each),
            each.unless_answered, each.between, each.zones, now, now,
        )
        for each in decision.later
    ]  # fmt: skip


def _stored(given: FollowUp) -> Sequence[str] | Mapping[str, Sequence[str]]:
    """Texts as they are stored: a list, or one by language, where the first is what is said in any other."""
    return {_ANY: given.texts, **given.by_language} if given.by_language else given.texts


def texts_in(stored: Any, language: str | None) -> list[str]:
    """The stored texts in a language."""
    if not isinstance(stored, dict):
        return list(stored)
    found = in_language(stored, language)
    return list(stored.get(_ANY, ()) if found is None else found)


async def insert_follow_ups(connection: AsyncConnection, rows: list[FollowUpRow], now: datetime) -> None:
    """Write them; a rule's new follow-ups take the place of those that it has in a conversation."""
    newest = {(row.conversation_id, row.rule): row.message_id for row in rows}
    await connection.execute(
        update(follow_ups)
        .where(
            follow_ups.c.conversation_id.in_({conversation_id for conversation_id, _ in newest}),
            tuple_(follow_ups.c.conversation_id, follow_ups.c.rule).in_(list(newest)),
            IS_WAITING,
        )
        .values(status="cancelled", reason=ASKED_AGAIN, updated_at=now)
    )
    kept = [row for row in rows if newest[row.conversation_id, row.rule] == row.message_id]
    await _INSERT.execute(connection, kept)


async def cancel_follow_ups(
    connection: AsyncConnection, conversation_ids: Collection[str], reason: str, now: datetime
) -> None:
    """Say nothing more of what waits in these conversations."""
    await connection.execute(
        update(follow_ups)
        .where(follow_ups.c.conversation_id.in_(conversation_ids), IS_WAITING)
        .values(status="cancelled", reason=reason, updated_at=now)
    )
    mark_changed(conversation_ids)


class FollowUpView(Struct, frozen=True, kw_only=True):
    """A follow-up as the API, the console and the command line show it."""

    id: str
    conversation_id: str
    message_id: str
    rule: str
    due_at: datetime
    texts: list[str]
    unless_answered: bool
    #: `waiting`, `said`, `cancelled` or `dropped`.
    status: str
    #: Why it was not said.
    reason: str | None
    created_at: datetime


async def list_follow_ups(
    connection: AsyncConnection, conversation_id: str, *, limit: int, cursor: str | None
) -> Page[FollowUpView]:
    """What was and is to be said in a conversation, the first to be due first. Raises `WrongCursor`."""
    return await read_page(
        connection, _of_conversation(conversation_id), _FIRST_DUE_FIRST, _view, limit=limit, cursor=cursor
    )


async def list_waiting(connection: AsyncConnection, conversation_id: str) -> list[FollowUpView]:
    """What is still to be said in a conversation, the next one first."""
    query = _of_conversation(conversation_id).where(IS_WAITING, ~is_answered())
    rows = await connection.execute(query.order_by(*_FIRST_DUE_FIRST.clauses).limit(_MOST_WAITING))
    return [_view(row) for row in rows]


def _of_conversation(conversation_id: str) -> Select[Any]:
    return (
        select(follow_ups, conversations.c.memory, is_answered().label("is_answered"))
        .join(conversations, conversations.c.id == follow_ups.c.conversation_id)
        .where(follow_ups.c.conversation_id == conversation_id)
    )


def is_answered() -> Any:
    """Whether the peer has written since a follow-up's message, and that cancels it."""
    later = messages.alias("later_messages")
    return follow_ups.c.unless_answered & exists().where(
        later.c.conversation_id == follow_ups.c.conversation_id,
        later.c.position > follow_ups.c.position,
        later.c.direction == "inbound",
    )


def _view(row: Row[Any]) -> FollowUpView:
    is_over = row.status == "waiting" and bool(row.is_answered)
    return FollowUpView(
        id=row.id,
        conversation_id=row.conversation_id,
        message_id=row.message_id,
        rule=row.rule,
        due_at=row.due_at,
        texts=texts_in(row.texts, (row.memory or {}).get("language")),
        unless_answered=row.unless_answered,
        status="cancelled" if is_over else row.status,
        reason=ANSWERED if is_over else row.reason,
        created_at=row.created_at,
    )
