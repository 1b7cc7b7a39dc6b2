"""Replies that leave later: stored when they are written, sent once when they are due, taken back until then."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Table, insert, select, update
from uuid_utils import uuid7

from bot.clock import TRUSTED, Clock, ClockTrust, is_set_within, utc_now
from bot.conversation.incidents import Outcome
from bot.conversation.planned_replies import (
    OPTED_OUT,
    TAKEN_BACK,
    TOO_LATE,
    PlannedReply,
    due_planned,
    find_planned,
    next_planned,
)
from bot.operator.actor import BOT, Actor
from bot.operator.drafts import check_unanswered, drop_draft, put_draft
from bot.operator.errors import AnsweredMeanwhile, CannotAct, CannotReply, HasLeft, NoNumber, NotThere
from bot.operator.transaction import ConversationEdit, EditRequest, act
from bot.storage.database_errors import DATABASE_ERRORS
from bot.storage.inbox_tables import planned_replies
from bot.storage.readers import Readers
from bot.storage.sql import status_is
from bot.storage.tables import conversations
from bot.storage.writer import StorageUnavailable, Writer
from bot.supervisor import Supervisor
from bot.text.numbers import is_phone_number

#: What is due longer than this waits for a person instead: nobody is texted in the night what was meant for noon.
LATEST = timedelta(hours=1)
#: What was written so shortly before it is due leaves by any clock: both times are of the same one.
_AT_ANY_CLOCK = timedelta(minutes=1)
#: Seconds between looks at most, and what one look takes up.
_LOOK_AGAIN = 5.0
_AT_ONCE = 200


class PlannedReplies:
    """Keeps what people have sent off until it is due, and wakes what was snoozed.

    Several processes on one database send each once. Methods raise `CannotAct` and
    `bot.storage.writer.StorageUnavailable`; then nothing has changed.
    """

    def __init__(
        self,
        readers: Readers,
        writer: Writer,
        *,
        on_queued: Callable[[set[str]], None] = lambda _numbers: None,
        clock: Clock = utc_now,
        trust: ClockTrust = TRUSTED,
    ) -> None:
        """`trust`: what is to leave at a time, and who is snoozed until one, waits while the clock is not trusted."""
        self._trust = trust
        self._readers = readers
        self._edits = writer.batch(partial(act, clock=clock))
        self._on_queued = on_queued
        self._clock = clock
        self._new = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor | None = None) -> None:
        """Look from now on."""
        self._task = (supervisor or Supervisor()).watch("planned replies", self._run)

    async def stop(self) -> None:
        """Look no more; what is being written is sent or waits."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def plan(
        self, conversation_id: str, text: str, *, by: Actor, due_at: datetime, seen: int | None = None,
        once: str | None = None,
    ) -> PlannedReply:  # fmt: skip
        """Keep a reply until it is due; its writer's draft is gone.

        `seen` is the newest message that the writer had seen: where another person has replied since, it becomes a
        draft, and `AnsweredMeanwhile` is raised. What comes again with the same id in `once` is kept already, unless
        it was taken back or held since.
        """
        planned_id = first = once or str(uuid7())
        # Made before the transaction, which is done again where nobody knows whether its COMMIT was.
        again = str(uuid7())

        async def do(edit: ConversationEdit) -> None:
            nonlocal planned_id
            known = await _statuses(edit, first, again)
            planned_id = again if known.get(first) in ("cancelled", "held") else first
            if planned_id in known:
                return
            if edit.opted_out:
                raise CannotReply(edit.conversation.peer)
            if not is_phone_number(edit.conversation.peer):
                raise NoNumber(edit.conversation.peer)
            try:
                await check_unanswered(edit, seen)
            except AnsweredMeanwhile:
                await put_draft(edit.connection, by.key, edit.conversation.id, text, edit.now)
                raise
            row = {
                "id": planned_id, "conversation_id": edit.conversation.id, "text": text, "by": by.name,
                "person_id": by.id, "due_at": due_at, "status": "waiting",
                "created_at": edit.now, "updated_at": edit.now,
            }  # fmt: skip
            await edit.connection.execute(insert(planned_replies).values(row))
            await drop_draft(edit.connection, by.key, edit.conversation.id)
            edit.conversation.changed = True

        await self._submit(conversations, conversation_id, by, do)
        self._new.set()
        return await self.find(planned_id)

    async def take_back(self, planned_id: str, *, by: Actor) -> PlannedReply:
        """Don't send it: its text is the draft of who takes it back. Raises `HasLeft` when it was due already."""

        async def do(edit: ConversationEdit) -> None:
            row = await edit.row_of(planned_replies, planned_id)
            if row.status != "waiting":
                raise HasLeft(row.status)
            await _settle(edit, planned_id, "cancelled", TAKEN_BACK)
            await put_draft(edit.connection, by.key, edit.conversation.id, row.text, edit.now)
            await edit.note("take back", row.text)

        await self._submit(planned_replies, planned_id, by, do, what="planned reply")
        return await self.find(planned_id)

    async def look(self) -> int:
        """Send what is due and wake who was snoozed; how many were dealt with."""
        now, is_trusted = self._clock(), self._trust.is_trusted
        since = None if is_trusted else now - _AT_ANY_CLOCK
        async with self._readers.reading() as connection:
            due = await due_planned(connection, now, _AT_ONCE, written_since=since)
            query = select(conversations.c.id).where(conversations.c.snoozed_until <= now).limit(_AT_ONCE)
            snoozed = list((await connection.execute(query)).scalars()) if is_trusted else []
        wanted = [
            EditRequest(
                what="planned reply",
                table=planned_replies,
                key=each.id,
                by=Actor(each.by, each.person_id),
                do=_send(each.id, self._trust),
            )
            for each in due
        ] + [
            EditRequest(what="conversation", table=conversations, key=each, by=BOT, do=_wake)
            for each in snoozed
        ]
        if wanted:
            results = await asyncio.shield(self._edits.submit(wanted))
            numbers = {
                each.conversation.number for each in results if not isinstance(each, CannotAct) and each.said
            }
            if numbers:
                self._on_queued(numbers)
        return len(wanted)

    async def _run(self) -> None:
        while True:
            self._new.clear()
            wait = _LOOK_AGAIN
            with suppress(*DATABASE_ERRORS, StorageUnavailable):  # each is logged where it is raised
                if await self.look() >= _AT_ONCE:
                    continue
                async with self._readers.reading() as connection:
                    due = await next_planned(connection)
                if due is not None and (self._trust.is_trusted or due > self._clock()):
                    seconds = (due - self._clock()).total_seconds()
                    wait = min(max(seconds, 0.02), _LOOK_AGAIN)
            await is_set_within(self._new, wait)

    async def _submit(
        self,
        table: Table,
        key: str,
        by: Actor,
        do: Callable[[ConversationEdit], Awaitable[None]],
        *,
        what: str = "conversation",
    ) -> None:
        (result,) = await self._edits.submit([EditRequest(what=what, table=table, key=key, by=by, do=do)])
        if isinstance(result, CannotAct):
            raise result

    async def find(self, planned_id: str) -> PlannedReply:
        """One of them. Raises `NotThere`."""
        async with self._readers.reading() as connection:
            found = await find_planned(connection, planned_id)
        if found is None:
            raise NotThere("planned reply", planned_id)
        return found


def _send(planned_id: str, trust: ClockTrust) -> Callable[[ConversationEdit], Awaitable[None]]:
    async def do(edit: ConversationEdit) -> None:
        row = await edit.row_of(planned_replies, planned_id)
        if row.status != "waiting":  # another process has seen to it
            return
        is_late = edit.now - row.due_at > LATEST
        reason = OPTED_OUT if edit.opted_out else TOO_LATE[trust.state_at(row.due_at)] if is_late else None
        if reason is not None:
            await _settle(edit, planned_id, "held", reason)
            if reason != OPTED_OUT:
                await put_draft(edit.connection, edit.by.key, edit.conversation.id, row.text, edit.now)
                edit.conversation.unanswered_since = edit.conversation.unanswered_since or edit.now
            await edit.note("held back", f"{reason}: {row.text}")
            return
        edit.say(row.text)
        statement = update(planned_replies).where(planned_replies.c.id == planned_id)
        await edit.connection.execute(
            statement.values(status="sent", message_id=edit.said, updated_at=edit.now)
        )
        await edit.close(Outcome.ANSWERED, "handover")
        await edit.note("reply", message_id=edit.said)

    return do


async def _statuses(edit: ConversationEdit, *ids: str) -> dict[str, str]:
    query = select(planned_replies.c.id, planned_replies.c.status).where(planned_replies.c.id.in_(ids))
    return {row.id: row.status for row in await edit.connection.execute(query)}


async def _wake(edit: ConversationEdit) -> None:
    """The time until which nobody wanted to be reminded is over."""
    until = edit.conversation.snoozed_until
    if until is None or until > edit.now:
        return
    edit.conversation.snoozed_until = None
    if not edit.opted_out:
        edit.conversation.unanswered_since = edit.conversation.unanswered_since or edit.now
    edit.conversation.changed = True


async def _settle(edit: ConversationEdit, planned_id: str, status: str, reason: str) -> None:
    statement = update(planned_replies).where(
        planned_replies.c.id == planned_id, status_is("waiting", planned_replies.c.status)
    )
    await edit.connection.execute(statement.values(status=status, reason=reason, updated_at=edit.now))
    edit.conversation.changed = True
