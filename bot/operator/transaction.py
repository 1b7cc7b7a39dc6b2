"""Edits of conversations by people, each within one transaction: read, change, note, write.

Each thing done is kept with who did it and when (`bot.conversation.audit_log`).
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy import Table, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils import uuid7

from bot.clock import Clock, utc_now
from bot.conversation.audit_log import ActionName, action_row
from bot.conversation.consent_log import ConsentRow
from bot.conversation.facts import ConsentFact
from bot.conversation.handovers import end_handover, handover_row, note_answer
from bot.conversation.incidents import Kind, Outcome, close_incidents
from bot.conversation.new_messages import NewMessages
from bot.conversation.thread import (
    CONVERSATION_COLUMNS,
    ConversationRow,
    ConversationThread,
    save_conversations,
)
from bot.operator.actor import Actor
from bot.operator.errors import CannotAct, CannotReply, NoNumber, NotThere
from bot.queries.conversations import ConversationView, find_conversation
from bot.storage.tables import actions, conversations, messages
from bot.text.numbers import is_phone_number


class ConversationEdit:
    """A conversation while a person edits it."""

    def __init__(
        self,
        connection: AsyncConnection,
        conversation: ConversationThread,
        new: NewMessages,
        by: Actor,
        now: datetime,
        action_id: str,
    ) -> None:
        self.connection = connection
        self._action_id = action_id
        self.conversation = conversation
        self.new = new
        self.by = by
        self.now = now
        #: The message that was queued, and the one that it sends again.
        self.said = self.resent = ""

    @property
    def opted_out(self) -> bool:
        """Whether nothing may be sent here."""
        return self.conversation.state.opted_out

    def say(self, text: str, **more: Any) -> None:
        """Queue a message; raises `CannotReply` or `NoNumber`."""
        if self.opted_out:
            raise CannotReply(self.conversation.peer)
        if not is_phone_number(self.conversation.peer):
            raise NoNumber(self.conversation.peer)
        self.said = self.conversation.add_outbound(self.new, text, self.now, **more)

    def change(self, **changes: Any) -> None:
        """Change the conversation's state."""
        self.conversation.cut_flow(replace(self.conversation.state, **changes), self.now, self.new)

    def tell_consent(self, reason: str | None) -> None:
        """Keep an opt-out or opt-in that a person has put on record, and let others hear of it."""
        talk = self.conversation
        self.new.consents.append(
            ConsentRow(
                id=str(uuid7()), conversation_id=talk.id, number=talk.number, peer=talk.peer, opted_out=self.opted_out,
                source="person", at=self.now, noted_at=self.now, words=reason, by=self.by.name,
            )
        )  # fmt: skip
        if self.new.is_told:
            self.new.facts.append(
                ConsentFact(
                    conversation_id=self.conversation.id,
                    opted_out=self.opted_out,
                    source="person",
                    at=self.now,
                    reason=reason,
                )
            )

    async def row_of(self, table: Table, key: str) -> Any:
        """A row that belongs to the conversation."""
        return (await self.connection.execute(select(table).where(table.c.id == key))).one()

    async def is_done(self, act_id: str) -> bool:
        """Whether something was done here under this id."""
        query = select(actions.c.id).where(
            actions.c.act_id == act_id, actions.c.conversation_id == self.conversation.id
        )
        return (await self.connection.execute(query.limit(1))).first() is not None

    async def close(self, outcome: Outcome, *kinds: Kind) -> None:
        """Close what is open of these kinds."""
        await close_incidents(
            self.connection, [self.conversation.id], kinds, outcome=outcome, by=self.by.name, now=self.now
        )

    async def note(
        self,
        action: ActionName,
        details: str | None = None,
        message_id: str | None = None,
        *,
        act_id: str | None = None,
        change: Any = None,
    ) -> None:
        """Keep what was done; an edit is one action at most."""
        row = action_row(
            action,
            self.conversation.id,
            by=self.by.name,
            person_id=self.by.id,
            now=self.now,
            details=details,
            message_id=message_id,
            action_id=self._action_id,
            act_id=act_id,
            change=change,
        )
        await self.connection.execute(insert(actions).values(row))


class EditRequest(Struct, frozen=True, kw_only=True):
    """What a person wants done, and where: to a row of `table`, which is a conversation or belongs to one."""

    what: str
    table: Table
    key: str
    by: Actor
    do: Callable[[ConversationEdit], Awaitable[None]]
    #: The id that the action will have. Made before the transaction: where the connection dies in a COMMIT, the writer
    #: can't know whether that was done and does it again, and then the action is there already.
    action_id: str = field(default_factory=lambda: str(uuid7()))


class Done(Struct, frozen=True):
    """What came of it."""

    #: Without the counts of its messages, for which all of them would be read here, while nobody else can write.
    conversation: ConversationView
    #: The id of the message that was queued; empty when none was.
    said: str


async def act(
    connection: AsyncConnection, wanted: list[EditRequest], *, clock: Clock = utc_now
) -> list[Done | CannotAct]:
    """Apply edits, each by itself; work for `bot.storage.writer`."""
    now = clock()
    ids = [await _conversation_of(connection, each) for each in wanted]
    query = (
        select(*CONVERSATION_COLUMNS)
        .where(conversations.c.id.in_(set(ids)))
        .order_by(conversations.c.id)
        .with_for_update()
    )
    opened = {
        row.id: ConversationThread.of_row(ConversationRow._make(row))
        for row in await connection.execute(query)
    }
    done_before = await _done_before(connection, wanted)
    outcomes: list[str | CannotAct] = []
    for each, conversation_id in zip(wanted, ids, strict=True):
        if each.action_id in done_before:
            outcomes.append(done_before[each.action_id])
            continue
        conversation = opened.get(conversation_id)
        if conversation is None:
            outcomes.append(NotThere(each.what, each.key))
            continue
        edit = ConversationEdit(connection, conversation, NewMessages(), each.by, now, each.action_id)
        was_handed_over = conversation.state.handed_over
        try:
            await each.do(edit)
        except CannotAct as error:
            outcomes.append(error)
        else:
            await _follow_handover(edit, was_handed_over=was_handed_over)
            await save_conversations(connection, [conversation])
            await edit.new.insert(connection, now)
            if edit.resent:
                again = update(messages).where(messages.c.id == edit.said)
                await connection.execute(again.values(resend_of=edit.resent))
            outcomes.append(edit.said)
    results: list[Done | CannotAct] = []
    for outcome, conversation_id in zip(outcomes, ids, strict=True):
        if isinstance(outcome, CannotAct):
            results.append(outcome)
        else:
            view = await find_conversation(connection, conversation_id, counted=False, now=now)
            results.append(NotThere("conversation", conversation_id) if view is None else Done(view, outcome))
    return results


async def _follow_handover(edit: ConversationEdit, *, was_handed_over: bool) -> None:
    """Keep of the handover what the edit did: it began, a person answered, it ended."""
    conversation_id, is_handed_over = edit.conversation.id, edit.conversation.state.handed_over
    if edit.said and not edit.resent:
        await note_answer(
            edit.connection, conversation_id, by=edit.by.name, person_id=edit.by.id, now=edit.now
        )
    if was_handed_over and not is_handed_over:
        await end_handover(edit.connection, conversation_id, by=edit.by.name, now=edit.now)
    elif is_handed_over and not was_handed_over and not edit.new.handovers:
        edit.new.handovers.append(handover_row(conversation_id, edit.now, by=edit.by.name))


async def _done_before(connection: AsyncConnection, wanted: list[EditRequest]) -> dict[str, str]:
    """The requests that an earlier COMMIT had done after all, each with the message that it queued, or none."""
    again = messages.alias("again")
    query = (
        select(actions.c.id, actions.c.action, actions.c.message_id, again.c.id.label("resent_as"))
        .select_from(actions.outerjoin(again, again.c.resend_of == actions.c.message_id))
        .where(actions.c.id.in_([each.action_id for each in wanted]))
    )
    queued_by = {"reply": "message_id", "resend": "resent_as"}
    return {
        row.id: getattr(row, queued_by[row.action]) or "" if row.action in queued_by else ""
        for row in await connection.execute(query)
    }


async def _conversation_of(connection: AsyncConnection, wanted: EditRequest) -> str:
    """The id of the conversation that something belongs to; empty when it is not there."""
    if wanted.table is conversations:
        return wanted.key
    query = select(wanted.table.c.conversation_id).where(wanted.table.c.id == wanted.key)
    return (await connection.execute(query)).scalar() or ""
